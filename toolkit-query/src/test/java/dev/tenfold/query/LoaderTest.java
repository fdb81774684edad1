package dev.tenfold.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Loaders in plain loops, and what happens to bad input, in and out of scopes. */
@Timeout(20)
@SuppressWarnings("NullAway") // gives nulls on purpose
class LoaderTest {
    record Post(int id, Integer authorId) {}

    record Author(int id, String name) {}

    private final List<List<Integer>> batches = Collections.synchronizedList(new ArrayList<>());
    private final Loader<Integer, Author> authors = Loader.<Integer, Author>of(ids -> {
                batches.add(ids);
                return byId(ids);
            })
            .named("authors");

    private static Map<Integer, Author> byId(List<Integer> ids) {
        Map<Integer, Author> map = new HashMap<>();
        ids.forEach(id -> {
            if (id >= 0) {
                map.put(id, new Author(id, "author " + id));
            }
        });
        return map;
    }

    private static List<Post> page(int size) {
        return IntStream.range(0, size).mapToObj(i -> new Post(i, i % 40)).toList();
    }

    @Nested
    class Across {
        @Test
        void a_plain_loop_takes_one_batch_of_distinct_keys() {
            Peers<Post, Author> author = authors.across(page(100), Post::authorId);
            assertThat(batches).isEmpty();

            for (Post post : page(100)) {
                assertThat(author.of(post).id()).isEqualTo(post.authorId());
            }

            assertThat(batches).hasSize(1);
            assertThat(batches.get(0))
                    .containsExactlyElementsOf(IntStream.range(0, 40).boxed().toList());
            assertThat(authors.stats().share(Trigger.PEERS)).isEqualTo(1.0);
        }

        @Test
        void keys_beyond_the_loaders_maximum_go_in_parts() {
            Loader<Integer, Author> small = authors.maxBatch(15);
            Peers<Post, Author> author = small.across(page(40), Post::authorId);

            assertThat(author.of(new Post(0, 39)).id()).isEqualTo(39);

            assertThat(batches).extracting(List::size).containsExactly(15, 15, 10);
        }

        @Test
        void an_item_that_was_not_among_them_loads_alone() {
            Peers<Post, Author> author = authors.across(page(2), Post::authorId);
            author.of(new Post(0, 0));

            assertThat(author.of(new Post(0, 77)).name()).isEqualTo("author 77");
            assertThat(author.of(new Post(0, 77)).name()).isEqualTo("author 77");
            assertThat(batches).containsExactly(List.of(0, 1), List.of(77));
        }

        @Test
        void an_item_without_a_key_has_no_value_and_is_never_asked_for() {
            Post orphan = new Post(1, null);
            Peers<Post, Author> author = authors.across(List.of(orphan, new Post(2, 2)), Post::authorId);

            assertThat(author.find(orphan)).isEmpty();
            assertThatThrownBy(() -> author.of(orphan))
                    .isInstanceOf(LoadException.Missing.class)
                    .hasMessageContaining("'authors'");
            assertThat(author.find(new Post(2, 2))).isPresent();
            assertThat(batches).containsExactly(List.of(2));
        }

        @Test
        void a_key_without_a_value_is_asked_for_once() {
            Post ghost = new Post(1, -1);
            Peers<Post, Author> author = authors.across(List.of(ghost), Post::authorId);

            assertThat(author.find(ghost)).isEmpty();
            assertThat(author.find(ghost)).isEmpty();
            assertThat(batches).hasSize(1);
        }

        @Test
        void a_failed_access_is_tried_again_with_all_peers() {
            AtomicInteger calls = new AtomicInteger();
            Loader<Integer, Author> flaky = Loader.of(ids -> {
                if (calls.incrementAndGet() == 1) {
                    throw new IllegalStateException("down");
                }
                batches.add(ids);
                return byId(ids);
            });
            Peers<Post, Author> author = flaky.across(page(3), Post::authorId);

            assertThatThrownBy(() -> author.of(new Post(0, 0))).isInstanceOf(LoadException.class);
            assertThat(author.of(new Post(0, 0)).id()).isZero();
            assertThat(batches).hasSize(1);
            assertThat(batches.get(0)).containsExactlyInAnyOrder(0, 1, 2);
        }

        @Test
        void the_page_is_not_retained_only_its_keys() {
            List<Post> page = new ArrayList<>(page(3));
            Peers<Post, Author> author = authors.across(page, Post::authorId);
            page.clear();

            assertThat(author.of(new Post(9, 2)).id()).isEqualTo(2);
            assertThat(batches).containsExactly(List.of(0, 1, 2));
        }

        @Test
        void random_pages_give_what_one_query_an_item_gives() {
            long seed = new Random().nextLong();
            Random random = new Random(seed);
            for (int round = 0; round < 200; round++) {
                List<Post> page = random.ints(random.nextInt(60), -3, 30)
                        .mapToObj(key -> new Post(0, key == -3 ? null : key))
                        .toList();
                Loader<Integer, Author> loader = authors.maxBatch(1 + random.nextInt(20));
                Peers<Post, Author> author = loader.across(page, Post::authorId);
                for (Post post : page) {
                    Optional<Author> expected = post.authorId() == null || post.authorId() < 0
                            ? Optional.empty()
                            : Optional.of(new Author(post.authorId(), "author " + post.authorId()));
                    assertThat(author.find(post))
                            .as("seed %d, round %d", seed, round)
                            .isEqualTo(expected);
                }
            }
        }
    }

    @Nested
    class OneToMany {
        private final Loader<Integer, List<Post>> posts = Loader.many(
                (BatchFunction<Integer, List<Post>>) ids -> ids.stream()
                        .filter(id -> id > 0)
                        .flatMap(id -> IntStream.range(0, id).mapToObj(n -> new Post(n, id)))
                        .toList(),
                Post::authorId);

        @Test
        void a_key_has_its_values_in_the_order_returned() {
            assertThat(posts.load(3)).containsExactly(new Post(0, 3), new Post(1, 3), new Post(2, 3));
        }

        @Test
        void a_key_without_values_has_an_empty_list() {
            assertThat(posts.load(0)).isEmpty();
            assertThat(posts.loadAll(List.of(2, 0))).containsEntry(0, List.of()).containsOnlyKeys(2, 0);
        }

        @Test
        void the_lists_cannot_be_modified() {
            assertThatThrownBy(() -> posts.load(3).clear()).isInstanceOf(UnsupportedOperationException.class);
        }
    }

    /** Where a load is made from; each case must end within the class's time-out, which is before a scope's deadline. */
    enum From {
        OUTSIDE {
            @Override
            <T> T load(java.util.function.Supplier<T> load) {
                return load.get();
            }
        },
        SCOPE {
            @Override
            <T> T load(java.util.function.Supplier<T> load) {
                return LoadScope.run(scope -> load.get());
            }
        },
        MEMBERS {
            @Override
            <T> T load(java.util.function.Supplier<T> load) {
                return LoadScope.each(List.of(1, 2), i -> load.get()).get(1);
            }
        };

        abstract <T> T load(java.util.function.Supplier<T> load);
    }

    @Nested
    class BadInput {
        @ParameterizedTest
        @EnumSource
        void a_null_key_is_refused_with_the_loaders_name(From from) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> from.load(() -> authors.load(null)))
                    .withMessageContaining("'authors'")
                    .withMessageContaining("null");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> from.load(() -> authors.loadAll(Arrays.asList(1, null))));
            assertThatIllegalArgumentException().isThrownBy(() -> from.load(() -> authors.loadAsync(null)));
            assertThat(batches).isEmpty();
        }

        @ParameterizedTest
        @EnumSource
        void an_array_as_key_is_refused(From from) {
            Loader<long[], String> loader = Loader.of(keys -> Map.of());

            assertThatIllegalArgumentException()
                    .isThrownBy(() -> from.load(() -> loader.load(new long[] {1})))
                    .withMessageContaining("long[]")
                    .withMessageContaining("record");
        }

        @ParameterizedTest
        @EnumSource
        void a_batch_function_that_returns_null_is_named(From from) {
            Loader<Integer, Author> loader =
                    Loader.<Integer, Author>of(ids -> null).named("nothing");

            assertThatThrownBy(() -> from.load(() -> loader.load(1)))
                    .isInstanceOf(LoadException.class)
                    .hasMessageContaining("'nothing'")
                    .hasMessageContaining("returned null");
        }

        @ParameterizedTest
        @EnumSource
        void a_batch_function_that_throws_is_the_cause(From from) {
            Loader<Integer, Author> loader = Loader.<Integer, Author>of(ids -> {
                        throw new java.io.IOException("no route to host");
                    })
                    .named("remote");

            assertThatThrownBy(() -> from.load(() -> loader.load(1)))
                    .isInstanceOf(LoadException.class)
                    .hasMessageContaining("'remote'")
                    .hasCauseInstanceOf(java.io.IOException.class)
                    .satisfies(e -> assertThat(((LoadException) e).loader()).isEqualTo("remote"));
        }

        @ParameterizedTest
        @EnumSource
        void a_list_shorter_than_the_keys_is_an_error(From from) {
            Loader<Integer, Author> loader =
                    Loader.<Integer, Author>ordered(ids -> List.of()).named("positional");

            assertThatThrownBy(() -> from.load(() -> loader.load(1)))
                    .isInstanceOf(LoadException.class)
                    .hasMessageContaining("'positional'")
                    .hasMessageContaining("0 values for 1 keys");
        }

        @ParameterizedTest
        @EnumSource
        void a_missing_key_says_so_and_names_the_remedies(From from) {
            assertThatThrownBy(() -> from.load(() -> authors.load(-1)))
                    .isInstanceOf(LoadException.Missing.class)
                    .hasMessageContaining("'authors'")
                    .hasMessageContaining("whenAbsent");
            Optional<Author> found = from.load(() -> authors.find(-1));
            assertThat(found).isEmpty();
        }

        @ParameterizedTest
        @EnumSource
        void two_values_of_one_key_are_an_error_of_a_one_to_one_loader(From from) {
            Loader<Integer, Author> loader = Loader.<Integer, Author>of(
                            (BatchFunction<Integer, List<Author>>)
                                    ids -> List.of(new Author(1, "a"), new Author(1, "b")),
                            Author::id)
                    .named("twice");

            assertThatThrownBy(() -> from.load(() -> loader.load(1)))
                    .isInstanceOf(LoadException.class)
                    .hasMessageContaining("'twice'")
                    .hasMessageContaining("two values for key 1");
        }

        @ParameterizedTest
        @EnumSource
        void unknown_keys_are_dropped_and_counted(From from) {
            Loader<Integer, Author> loader =
                    Loader.of(ids -> Map.of(1, new Author(1, "a"), 98, new Author(98, "x"), 99, new Author(99, "y")));

            Author loaded = from.load(() -> loader.load(1));

            assertThat(loaded.name()).isEqualTo("a");
            assertThat(loader.stats().unknownKeys()).isEqualTo(2);
        }

        @ParameterizedTest
        @EnumSource
        void when_absent_supplies_the_value_and_may_not_return_null(From from) {
            Loader<Integer, Author> guests = authors.whenAbsent(id -> new Author(id, "guest"));
            Author guest = from.load(() -> guests.load(-5));
            assertThat(guest).isEqualTo(new Author(-5, "guest"));

            Loader<Integer, Author> broken = authors.whenAbsent(id -> null);
            assertThatThrownBy(() -> from.load(() -> broken.load(-5)))
                    .isInstanceOf(LoadException.class)
                    .hasMessageContaining("whenAbsent returned null");
        }

        @Test
        void knobs_out_of_range_are_refused_at_once() {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> authors.maxBatch(0))
                    .withMessageContaining("maxBatch 0");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> LoadScope.each(List.of(1), i -> i, o -> o.concurrency(0)))
                    .withMessageContaining("concurrency 0");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> LoadScope.each(List.of(1), i -> i, o -> o.deadline(java.time.Duration.ZERO)))
                    .withMessageContaining("deadline");
            assertThatIllegalArgumentException()
                    .isThrownBy(() ->
                            LoadScope.each(List.of(1), i -> i, o -> o.flushAfter(java.time.Duration.ofMillis(-1))))
                    .withMessageContaining("flushAfter");
        }

        @Test
        void a_positional_list_maps_by_place_and_null_means_absent() {
            Loader<Integer, Author> loader = Loader.ordered(ids ->
                    ids.stream().map(id -> id < 0 ? null : new Author(id, "p" + id)).toList().stream()
                            .toList());

            assertThat(loader.loadAll(List.of(3, -1, 5)))
                    .containsExactly(Map.entry(3, new Author(3, "p3")), Map.entry(5, new Author(5, "p5")));
        }
    }

    @Nested
    class Bisecting {
        @Test
        void a_poison_key_fails_alone_at_the_cost_of_two_calls_a_halving() {
            AtomicInteger calls = new AtomicInteger();
            Loader<Integer, Author> loader = Loader.<Integer, Author>of(ids -> {
                        calls.incrementAndGet();
                        if (ids.contains(613)) {
                            throw new IllegalStateException("poison");
                        }
                        return byId(ids);
                    })
                    .bisectFailures();
            List<Post> page =
                    IntStream.range(0, 1_000).mapToObj(i -> new Post(i, i)).toList();
            Peers<Post, Author> author = loader.across(page, Post::authorId);

            assertThatThrownBy(() -> author.of(new Post(0, 613))).isInstanceOf(LoadException.class);
            assertThat(calls.get()).isLessThanOrEqualTo(21);
            for (int i = 0; i < 1_000; i++) {
                if (i != 613) {
                    assertThat(author.of(new Post(0, i)).id()).isEqualTo(i);
                }
            }
        }

        @Test
        void by_default_a_failure_is_the_whole_batchs() {
            Loader<Integer, Author> loader = Loader.of(ids -> {
                throw new IllegalStateException("poison");
            });

            assertThatThrownBy(() -> loader.loadAll(List.of(1, 2, 3))).isInstanceOf(LoadException.class);
            assertThat(loader.stats().totalBatches()).isEqualTo(1);
            assertThat(loader.stats().failures()).isEqualTo(1);
        }
    }

    @Nested
    class Contexts {
        private final List<String> seen = Collections.synchronizedList(new ArrayList<>());
        private final Loader<Integer, String> loader = Loader.of(ids -> {
            String tenant = String.valueOf(LoadContext.current().tenant().orElse("none"));
            seen.add(tenant + ids.size());
            Map<Integer, String> map = new HashMap<>();
            ids.forEach(id -> map.put(id, tenant + "/" + id));
            return map;
        });

        @Test
        void two_tenants_in_one_scope_never_share_a_batch_or_a_value() {
            List<String> loaded = LoadScope.each(
                    IntStream.range(0, 40).boxed().toList(),
                    i -> LoadContext.none().tenant(i % 2 == 0 ? "even" : "odd").call(() -> loader.load(i / 2)));

            assertThat(seen).containsExactlyInAnyOrder("even20", "odd20");
            assertThat(loaded.get(6)).isEqualTo("even/3");
            assertThat(loaded.get(7)).isEqualTo("odd/3");
        }

        @Test
        void a_scope_takes_the_context_bound_to_its_opener_or_its_option() {
            LoadContext acme = LoadContext.none().tenant("acme");

            acme.run(() -> LoadScope.each(List.of(1, 2), loader::load));
            LoadScope.each(List.of(1, 2, 3), loader::load, o -> o.context(acme));
            LoadScope.each(List.of(1), loader::load);

            assertThat(seen).containsExactly("acme2", "acme3", "none1");
        }

        @Test
        void the_route_is_part_of_the_batch_key() {
            LoadScope.each(
                    List.of(1, 2),
                    i -> LoadContext.none()
                            .route(i == 1 ? LoadContext.Route.PRIMARY : LoadContext.Route.REPLICA)
                            .call(() -> loader.load(7)));

            assertThat(seen).containsExactly("none1", "none1");
        }

        @Test
        void a_tenant_never_shows_itself() {
            assertThat(LoadContext.none().tenant("secret").toString()).doesNotContain("secret");
        }

        @Test
        void no_context_is_left_behind() {
            LoadContext.none().tenant("t").run(() -> LoadScope.each(List.of(1, 2), loader::load));

            assertThat(LoadContext.current()).isEqualTo(LoadContext.none());
        }
    }

    @Nested
    class Gauges {
        @Test
        void stats_count_loads_keys_and_batches() {
            authors.load(1);
            authors.loadAll(List.of(1, 2, 3, 3));

            LoaderStats stats = authors.stats();
            assertThat(stats.loader()).isEqualTo("authors");
            assertThat(stats.loads()).isEqualTo(4);
            assertThat(stats.keys()).isEqualTo(4);
            assertThat(stats.batches()).containsEntry(Trigger.DIRECT, 1L).containsEntry(Trigger.PEERS, 1L);
            assertThat(stats.keysPerBatch()).isEqualTo(2.0);
            assertThat(stats.time()).isPositive();
        }

        @Test
        void micrometer_sees_the_same_figures_and_no_keys() {
            var registry = new SimpleMeterRegistry();
            new LoaderMetrics(authors).bindTo(registry);
            authors.loadAll(List.of(1, 2, 3));

            assertThat(registry.get("toolkit.query.loader.keys")
                            .tag("loader", "authors")
                            .functionCounter()
                            .count())
                    .isEqualTo(3);
            assertThat(registry.get("toolkit.query.loader.batches")
                            .tag("trigger", "peers")
                            .functionCounter()
                            .count())
                    .isEqualTo(1);
            assertThat(registry.get("toolkit.query.loader.time").functionTimer().count())
                    .isEqualTo(1);
            assertThat(registry.getMeters())
                    .allSatisfy(meter -> assertThat(meter.getId().getTags())
                            .extracting("key")
                            .isSubsetOf("loader", "trigger"));
        }

        @Test
        void an_unnamed_loader_is_called_after_the_line_that_made_it() {
            Loader<Integer, Author> unnamed = Loader.of(ids -> byId(ids));

            assertThat(unnamed.name()).matches("LoaderTest\\.java:\\d+");
        }
    }
}
