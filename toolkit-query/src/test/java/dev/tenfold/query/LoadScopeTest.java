package dev.tenfold.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a scope promises: one batch a level, and nobody left hanging. Runs on virtual threads where there are some. */
@Timeout(20)
class LoadScopeTest {
    /** Small enough for the pool of platform threads to take one batch a level too. */
    private static final List<Integer> ITEMS = IntStream.range(0, 50).boxed().toList();

    private final List<List<Integer>> batches = java.util.Collections.synchronizedList(new ArrayList<>());
    private final Loader<Integer, String> names = Loader.<Integer, String>of(keys -> {
                batches.add(keys);
                return values(keys, "name-");
            })
            .named("names");

    static Map<Integer, String> values(List<Integer> keys, String prefix) {
        Map<Integer, String> map = new HashMap<>();
        keys.forEach(key -> map.put(key, prefix + key));
        return map;
    }

    @Nested
    class OneBatchALevel {
        @Test
        void each_loads_all_keys_in_one_batch_and_keeps_the_order() {
            List<String> loaded = LoadScope.each(ITEMS, names::load);

            assertThat(loaded)
                    .containsExactlyElementsOf(
                            ITEMS.stream().map(i -> "name-" + i).toList());
            assertThat(batches).hasSize(1);
            assertThat(batches.get(0)).containsExactlyInAnyOrderElementsOf(ITEMS);
            assertThat(names.stats().share(Trigger.QUIET)).isEqualTo(1.0);
        }

        @Test
        void chained_loads_take_one_batch_a_level() {
            Loader<String, Integer> lengths = Loader.of(keys -> {
                Map<String, Integer> map = new HashMap<>();
                keys.forEach(key -> map.put(key, key.length()));
                return map;
            });

            List<Integer> loaded = LoadScope.each(ITEMS, i -> lengths.load(names.load(i)));

            assertThat(loaded).hasSize(50).startsWith(6).endsWith(7);
            assertThat(batches).hasSize(1);
            assertThat(lengths.stats().totalBatches()).isEqualTo(1);
        }

        @Test
        void two_loaders_of_one_level_complete_together_so_that_the_next_level_is_one_batch() {
            Loader<Integer, String> others = Loader.of(keys -> values(keys, "other-"));
            Loader<String, String> next = Loader.of(keys -> {
                Map<String, String> map = new HashMap<>();
                keys.forEach(key -> map.put(key, key.toUpperCase(java.util.Locale.ROOT)));
                return map;
            });

            LoadScope.each(ITEMS, i -> next.load(i % 2 == 0 ? names.load(i) : others.load(i)));

            assertThat(next.stats().totalBatches()).isEqualTo(1);
        }

        @Test
        void nested_loops_share_one_batch() {
            List<List<String>> loaded = LoadScope.each(
                    List.of(0, 1, 2, 3, 4), i -> LoadScope.each(List.of(0, 1, 2, 3), j -> names.load(i * 10 + j)));

            assertThat(loaded.get(4).get(3)).isEqualTo("name-43");
            assertThat(batches).hasSize(1);
            assertThat(batches.get(0)).hasSize(20);
        }

        @Test
        void a_repeated_key_is_asked_for_once_a_scope() {
            LoadScope.each(ITEMS, i -> names.load(i % 5) + names.load(i % 5));

            assertThat(batches).hasSize(1);
            assertThat(batches.get(0)).containsExactlyInAnyOrder(0, 1, 2, 3, 4);
            assertThat(names.stats().loads()).isEqualTo(100);
            assertThat(names.stats().keys()).isEqualTo(5);
        }

        @Test
        void a_forgotten_key_is_asked_for_again() {
            LoadScope.run(scope -> {
                names.load(1);
                names.load(1);
                names.forget(1);
                return names.load(1);
            });

            assertThat(batches).containsExactly(List.of(1), List.of(1));
        }

        @Test
        void values_do_not_outlive_the_scope() {
            LoadScope.run(scope -> names.load(1));
            LoadScope.run(scope -> names.load(1));

            assertThat(batches).hasSize(2);
        }

        @Test
        void forked_subtasks_and_the_body_share_a_batch() {
            String joined = LoadScope.run(scope -> {
                Subtask<String> one = scope.fork(() -> names.load(1));
                Subtask<String> two = scope.fork(() -> names.load(2));
                return names.load(3) + one.join() + two.join();
            });

            assertThat(joined).isEqualTo("name-3name-1name-2");
            assertThat(batches).hasSize(1);
        }

        @Test
        void many_keys_of_one_member_go_with_the_others() {
            LoadScope.each(List.of(0, 10, 20), i -> names.loadAll(List.of(i, i + 1, i + 2)));

            assertThat(batches).hasSize(1);
            assertThat(batches.get(0)).hasSize(9);
        }

        @Test
        void peers_of_several_members_share_a_batch() {
            LoadScope.each(List.of(0, 10), i -> {
                Peers<Integer, String> peers = names.across(List.of(i, i + 1), Integer::valueOf);
                return peers.of(i) + peers.of(i + 1);
            });

            assertThat(batches).hasSize(1);
            assertThat(batches.get(0)).containsExactlyInAnyOrder(0, 1, 10, 11);
        }

        @Test
        void a_batch_is_cut_at_the_loaders_maximum() {
            Loader<Integer, String> small = names.maxBatch(20);

            assertThat(LoadScope.each(ITEMS, small::load)).hasSize(50);

            assertThat(batches).allSatisfy(batch -> assertThat(batch.size()).isLessThanOrEqualTo(20));
            assertThat(batches.stream().mapToInt(List::size).sum()).isEqualTo(50);
            assertThat(small.stats().batches().get(Trigger.FULL)).isGreaterThanOrEqualTo(1);
        }

        @Test
        void a_scope_without_items_opens_nothing() {
            assertThat(LoadScope.each(List.<Integer>of(), names::load)).isEmpty();
            assertThat(batches).isEmpty();
        }

        @Test
        void a_body_may_return_null() {
            assertThat(LoadScope.each(List.of(1, 2), i -> null)).containsExactly(null, null);
        }

        @Test
        void batch_functions_run_on_the_thread_that_opened_the_scope() {
            Set<Thread> threads = ConcurrentHashMap.newKeySet();
            Loader<Integer, String> loader = Loader.of(keys -> {
                threads.add(Thread.currentThread());
                return values(keys, "");
            });

            LoadScope.each(ITEMS, loader::load);

            assertThat(threads).containsExactly(Thread.currentThread());
        }

        @Test
        void with_an_executor_the_batches_of_two_loaders_run_side_by_side() {
            CountDownLatch both = new CountDownLatch(2);
            BatchFunction<Integer, Map<Integer, String>> meeting = keys -> {
                both.countDown();
                assertThat(both.await(10, TimeUnit.SECONDS)).isTrue();
                return values(keys, "");
            };
            Loader<Integer, String> left = Loader.of(meeting);
            Loader<Integer, String> right = Loader.of(meeting);
            ExecutorService executor = Executors.newFixedThreadPool(2);
            try {
                LoadScope.each(ITEMS, i -> i % 2 == 0 ? left.load(i) : right.load(i), o -> o.batchesOn(executor));
            } finally {
                executor.shutdownNow();
            }

            assertThat(both.getCount()).isZero();
        }

        @Test
        void an_executor_that_cannot_run_a_batch_fails_its_loads_whatever_it_throws() {
            for (Throwable why : List.of(new IllegalStateException("no context"), new OutOfMemoryError("no thread"))) {
                Executor broken = task -> {
                    if (why instanceof Error error) throw error;
                    throw (RuntimeException) why;
                };
                assertThatThrownBy(() -> LoadScope.each(
                                ITEMS, names::load, o -> o.batchesOn(broken).deadline(Duration.ofSeconds(10))))
                        .isInstanceOf(LoadException.class)
                        .hasRootCause(why);
            }
        }
    }

    @Nested
    class Futures {
        @Test
        void waiting_for_a_future_lets_the_batch_go_without_a_timer() {
            String joined = LoadScope.run(scope -> {
                CompletableFuture<String> one = names.loadAsync(1);
                CompletableFuture<String> two = names.loadAsync(2);
                return one.join() + two.join();
            });

            assertThat(joined).isEqualTo("name-1name-2");
            assertThat(batches).hasSize(1);
            assertThat(names.stats().share(Trigger.QUIET)).isEqualTo(1.0);
        }

        @Test
        void loads_in_callbacks_take_one_batch_a_level() {
            Loader<String, Integer> lengths = Loader.of(keys -> {
                Map<String, Integer> map = new HashMap<>();
                keys.forEach(key -> map.put(key, key.length()));
                return map;
            });

            List<Integer> loaded = LoadScope.run(scope -> {
                List<CompletableFuture<Integer>> futures = ITEMS.stream()
                        .map(i -> names.loadAsync(i).thenCompose(lengths::loadAsync))
                        .toList();
                return futures.stream().map(CompletableFuture::join).toList();
            });

            assertThat(loaded).hasSize(50);
            assertThat(batches).hasSize(1);
            assertThat(lengths.stats().totalBatches()).isEqualTo(1);
            assertThat(lengths.stats().share(Trigger.QUIET)).isEqualTo(1.0);
        }

        @Test
        void a_future_nobody_waits_for_is_answered_before_the_scope_ends() {
            CompletableFuture<String> future = LoadScope.run(scope -> names.loadAsync(7));

            assertThat(future).isCompletedWithValue("name-7");
        }

        @Test
        void all_of_is_rescued_by_the_timer() {
            LoadScope.run(scope -> {
                CompletableFuture<String> one = names.loadAsync(1);
                CompletableFuture<String> two = names.loadAsync(2);
                CompletableFuture.allOf(one, two).join();
                return one.join();
            });

            assertThat(batches).hasSize(1);
            assertThat(names.stats().share(Trigger.TIMER)).isEqualTo(1.0);
        }

        @Test
        void outside_a_scope_the_future_is_complete_on_return() {
            assertThat(names.loadAsync(3)).isCompletedWithValue("name-3");
        }

        @Test
        void a_failure_completes_the_future_with_the_loaders_exception() {
            Loader<Integer, String> failing = Loader.of(keys -> {
                throw new IllegalStateException("no");
            });

            CompletableFuture<String> future =
                    LoadScope.run(scope -> failing.named("bad").loadAsync(1));

            assertThat(future).isCompletedExceptionally();
            assertThatThrownBy(future::join)
                    .hasCauseInstanceOf(LoadException.class)
                    .hasMessageContaining("'bad'");
        }

        @Test
        void get_with_a_time_out_gives_up_in_time() throws Exception {
            CountDownLatch release = new CountDownLatch(1);
            Loader<Integer, String> slow = Loader.of(keys -> {
                release.await();
                return values(keys, "");
            });
            ExecutorService executor = Executors.newSingleThreadExecutor();
            try {
                LoadScope.run(
                        scope -> {
                            CompletableFuture<String> future = slow.loadAsync(1);
                            assertThatThrownBy(() -> future.get(20, TimeUnit.MILLISECONDS))
                                    .isInstanceOf(java.util.concurrent.TimeoutException.class);
                            release.countDown();
                            return future.join();
                        },
                        o -> o.batchesOn(executor));
            } finally {
                executor.shutdownNow();
            }
        }
    }

    @Nested
    class BlockedElsewhere {
        @Test
        void a_member_blocked_on_a_latch_is_overtaken_by_the_timer() {
            CountDownLatch loaded = new CountDownLatch(1);

            List<String> results = LoadScope.each(List.of(1, 2), i -> {
                if (i == 1) {
                    awaitUnchecked(loaded); // opens only after the other's batch
                    return "waited";
                }
                String name = names.load(i);
                loaded.countDown();
                return name;
            });

            assertThat(results).containsExactly("waited", "name-2");
            assertThat(names.stats().batches().get(Trigger.TIMER)).isEqualTo(1);
        }

        @Test
        void the_timer_also_rescues_when_the_opener_itself_is_blocked() {
            CountDownLatch loaded = new CountDownLatch(1);

            LoadScope.run(scope -> {
                Subtask<String> other = scope.fork(() -> {
                    String name = names.load(1);
                    loaded.countDown();
                    return name;
                });
                awaitUnchecked(loaded);
                return other.join();
            });

            assertThat(names.stats().batches().get(Trigger.TIMER)).isEqualTo(1);
        }

        @Test
        void a_scope_inside_a_batch_function_does_not_deadlock() {
            Loader<Integer, String> outer = Loader.of(keys -> {
                Map<Integer, String> map = new HashMap<>();
                List<String> inner = LoadScope.each(keys, names::load);
                for (int i = 0; i < keys.size(); i++) {
                    map.put(keys.get(i), inner.get(i));
                }
                return map;
            });

            assertThat(LoadScope.each(ITEMS, outer::load)).hasSize(50);
            assertThat(batches).hasSize(1);
        }

        @Test
        void scopes_nested_deeper_than_the_pool_is_wide_do_not_deadlock() {
            UnaryOperator<ScopeOptions> platform = ScopeOptions::onPlatformThreads;

            List<List<List<String>>> loaded = LoadScope.each(
                    ITEMS,
                    i -> LoadScope.each(
                            ITEMS,
                            j -> LoadScope.each(List.of(1, 2), k -> names.load(i * 1000 + j * 10 + k), platform),
                            platform),
                    platform);

            assertThat(loaded.get(49).get(49)).containsExactly("name-49491", "name-49492");
        }
    }

    @Nested
    class Failure {
        @Test
        void a_batch_that_throws_fails_every_waiter_and_names_the_loader() {
            Loader<Integer, String> failing = Loader.<Integer, String>of(keys -> {
                        throw new java.sql.SQLException("connection refused");
                    })
                    .named("authors");
            AtomicInteger failed = new AtomicInteger();

            LoadScope.each(ITEMS, i -> {
                try {
                    return failing.load(i);
                } catch (LoadException e) {
                    assertThat(e).hasMessageContaining("'authors'").hasMessageContaining("50 keys");
                    assertThat(e).hasCauseInstanceOf(java.sql.SQLException.class);
                    return String.valueOf(failed.incrementAndGet());
                }
            });

            assertThat(failed).hasValue(50);
        }

        @Test
        void the_first_failing_member_interrupts_the_others_and_its_exception_is_thrown() {
            CountDownLatch never = new CountDownLatch(1);
            AtomicInteger interrupted = new AtomicInteger();

            assertThatThrownBy(() -> LoadScope.each(List.of(1, 2, 3), i -> {
                        if (i == 3) {
                            throw new IllegalArgumentException("bad item");
                        }
                        try {
                            never.await();
                        } catch (InterruptedException e) {
                            interrupted.incrementAndGet();
                        }
                        return i;
                    }))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("bad item");
            assertThat(interrupted.get()).isLessThanOrEqualTo(2);
        }

        @Test
        void errors_of_single_keys_fail_only_their_waiters() {
            Loader<Integer, String> loader = Loader.<Integer, String>results(keys -> {
                        Map<Integer, Result<String>> map = new HashMap<>();
                        keys.forEach(key -> map.put(
                                key,
                                key % 10 == 0
                                        ? Result.failed(new IllegalStateException("poison " + key))
                                        : Result.found("v" + key)));
                        return map;
                    })
                    .named("mixed");

            List<String> loaded = LoadScope.each(ITEMS, i -> {
                try {
                    return loader.load(i);
                } catch (LoadException e) {
                    return String.valueOf(e.getMessage());
                }
            });

            assertThat(loaded.get(1)).isEqualTo("v1");
            assertThat(loaded.get(10)).contains("poison 10");
            assertThat(loader.stats().totalBatches()).isEqualTo(1);
        }

        @Test
        void a_failure_is_not_cached() {
            AtomicInteger calls = new AtomicInteger();
            Loader<Integer, String> flaky = Loader.of(keys -> {
                if (calls.incrementAndGet() == 1) {
                    throw new IllegalStateException("first call");
                }
                return values(keys, "");
            });

            String second = LoadScope.run(scope -> {
                assertThatThrownBy(() -> flaky.load(1)).isInstanceOf(LoadException.class);
                return flaky.load(1);
            });

            assertThat(second).isEqualTo("1");
        }

        @Test
        void an_error_thrown_by_the_batch_function_leaves_nobody_hanging() {
            Loader<Integer, String> broken = Loader.of(keys -> {
                throw new StackOverflowError();
            });

            assertThatThrownBy(() -> LoadScope.each(ITEMS, broken::load))
                    .isInstanceOf(LoadException.class)
                    .hasCauseInstanceOf(StackOverflowError.class);
        }

        @Test
        void an_interrupted_caller_cancels_the_scope_and_keeps_its_interrupt() throws Exception {
            CountDownLatch running = new CountDownLatch(2);
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            Thread caller = new Thread(() -> {
                try {
                    LoadScope.each(List.of(1, 2), i -> {
                        running.countDown();
                        awaitUnchecked(new CountDownLatch(1));
                        return i;
                    });
                } catch (RuntimeException e) {
                    thrown.set(Thread.currentThread().isInterrupted() ? e : new AssertionError("interrupt lost"));
                }
            });
            caller.start();
            running.await();
            caller.interrupt();
            caller.join(10_000);

            assertThat(thrown.get()).isInstanceOf(RuntimeException.class);
        }

        @Test
        void a_subtask_s_failure_reaches_who_joins_it() {
            assertThatThrownBy(() -> LoadScope.run(scope -> scope.fork(() -> {
                                throw new IllegalArgumentException("in the fork");
                            })
                            .join()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("in the fork");
        }

        @Test
        void a_handle_used_after_the_scope_refuses() {
            Subtask<String> late = LoadScope.run(scope -> scope.fork(() -> names.load(1)));

            assertThat(late.join()).isEqualTo("name-1");
        }
    }

    @Nested
    class Deadline {
        @Test
        void waiters_of_a_hanging_batch_fail_at_the_deadline_and_the_batch_is_interrupted() {
            AtomicInteger interrupted = new AtomicInteger();
            Loader<Integer, String> hanging = Loader.<Integer, String>of(keys -> {
                        try {
                            new CountDownLatch(1).await();
                        } catch (InterruptedException e) {
                            interrupted.incrementAndGet();
                            throw e;
                        }
                        return values(keys, "");
                    })
                    .named("hanging");

            assertThatThrownBy(() -> LoadScope.each(ITEMS, hanging::load, o -> o.deadline(Duration.ofSeconds(2))))
                    .isInstanceOf(LoadException.DeadlineExceeded.class)
                    .hasMessageContaining("'hanging'")
                    .hasMessageContaining("2000 ms");
            assertThat(interrupted).hasValue(1);
            assertThat(Thread.currentThread().isInterrupted()).isFalse();
        }

        @Test
        void a_member_blocked_elsewhere_is_interrupted_at_the_deadline() {
            assertThatThrownBy(() -> LoadScope.each(
                            List.of(1, 2),
                            i -> {
                                awaitUnchecked(new CountDownLatch(1));
                                return i;
                            },
                            o -> o.deadline(Duration.ofMillis(100))))
                    .isInstanceOf(RuntimeException.class);
        }

        @Test
        void a_future_whose_batch_is_cut_off_by_the_deadline_fails_by_it() {
            Loader<Integer, String> hanging = Loader.<Integer, String>of(keys -> {
                        new CountDownLatch(1).await();
                        return values(keys, "");
                    })
                    .named("hanging");
            AtomicReference<CompletableFuture<String>> future = new AtomicReference<>();

            assertThatThrownBy(() -> LoadScope.run(
                            scope -> {
                                future.set(hanging.loadAsync(1));
                                return hanging.load(2);
                            },
                            o -> o.deadline(Duration.ofMillis(200))))
                    .isInstanceOf(LoadException.DeadlineExceeded.class);
            assertThat(future.get())
                    .failsWithin(Await.LIMIT)
                    .withThrowableThat()
                    .withCauseInstanceOf(LoadException.DeadlineExceeded.class);
        }

        @Test
        void what_is_still_queued_at_the_deadline_is_not_fetched_any_more() {
            AtomicInteger fetched = new AtomicInteger();
            Loader<Integer, String> hanging = Loader.<Integer, String>of(keys -> {
                        fetched.incrementAndGet();
                        new CountDownLatch(1).await();
                        return values(keys, "");
                    })
                    .named("hanging");

            assertThatThrownBy(() -> LoadScope.run(
                            scope -> {
                                while (true) {
                                    // Queued, and nobody waits, until the deadline refuses it.
                                    CompletableFuture<String> unused = hanging.loadAsync(1);
                                }
                            },
                            o -> o.deadline(Duration.ofMillis(50)).flushAfter(Duration.ofSeconds(1))))
                    .isInstanceOf(LoadException.DeadlineExceeded.class);
            assertThat(fetched).hasValue(0);
        }

        @Test
        void a_load_after_the_deadline_fails_at_once() {
            assertThatThrownBy(() -> LoadScope.run(
                            scope -> {
                                while (true) {
                                    names.forget(1);
                                    names.load(1);
                                }
                            },
                            o -> o.deadline(Duration.ofMillis(50))))
                    .isInstanceOf(LoadException.DeadlineExceeded.class);
        }
    }

    @Nested
    class Cancellation {
        @Test
        void an_interrupted_waiter_leaves_and_the_others_still_get_their_values() {
            CountDownLatch inBatch = new CountDownLatch(1);
            CountDownLatch left = new CountDownLatch(1);
            Loader<Integer, String> slow = Loader.of(keys -> {
                inBatch.countDown();
                left.await();
                return values(keys, "slow-");
            });

            List<String> results = LoadScope.each(List.of(1, 2, 3), i -> {
                if (i == 1) {
                    Thread self = Thread.currentThread();
                    Thread killer = new Thread(() -> {
                        awaitUnchecked(inBatch);
                        self.interrupt();
                    });
                    killer.start();
                    try {
                        return slow.load(i);
                    } catch (LoadException.Cancelled e) {
                        boolean flag = Thread.interrupted();
                        left.countDown();
                        return "left, interrupted=" + flag;
                    }
                }
                return slow.load(i);
            });

            assertThat(results).containsExactly("left, interrupted=true", "slow-2", "slow-3");
        }

        @Test
        void a_batch_that_everybody_left_is_cancelled_and_whoever_comes_late_asks_again() {
            CountDownLatch inBatch = new CountDownLatch(1);
            CountDownLatch bothLeft = new CountDownLatch(2);
            AtomicInteger calls = new AtomicInteger();
            AtomicInteger interrupted = new AtomicInteger();
            Loader<Integer, String> slow = Loader.of(keys -> {
                if (calls.incrementAndGet() == 1) {
                    inBatch.countDown();
                    try {
                        new CountDownLatch(1).await();
                    } catch (InterruptedException e) {
                        interrupted.incrementAndGet();
                        throw e;
                    }
                }
                return values(keys, "again-");
            });

            List<String> results = LoadScope.each(List.of(1, 2), i -> {
                Thread self = Thread.currentThread();
                Thread killer = new Thread(() -> {
                    awaitUnchecked(inBatch);
                    self.interrupt();
                });
                killer.start();
                try {
                    return slow.load(i);
                } catch (LoadException.Cancelled e) {
                    Thread.interrupted();
                    bothLeft.countDown();
                    awaitUnchecked(bothLeft);
                    return slow.load(i);
                }
            });

            assertThat(results).containsExactly("again-1", "again-2");
            assertThat(interrupted).hasValue(1);
        }
    }

    private static void awaitUnchecked(CountDownLatch latch) {
        try {
            if (!latch.await(15, TimeUnit.SECONDS)) {
                throw new AssertionError("waited for 15 s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
