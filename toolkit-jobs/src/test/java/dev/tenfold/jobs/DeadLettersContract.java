package dev.tenfold.jobs;

import static dev.tenfold.jobs.OpsDatabase.SECOND;
import static dev.tenfold.jobs.OpsDatabase.number;
import static dev.tenfold.jobs.OpsDatabase.with;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What dead letters promise, on each database. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class DeadLettersContract {
    private static final String PRINT = "0123456789abcdef0123456789abcdef";
    private static final String OTHER_PRINT = "ffffffffffffffffffffffffffffffff";
    private static final int MAX_PAYLOAD = 10_000;

    record SendReceipt(long orderId) {}

    @JobKind("send-invoice")
    record SendInvoice(long orderId, String text) {}

    record Renamed(long orderId) {}

    record Self(Object itself) {}

    OpsDatabase database;
    DeadLetters dead;
    final ConcurrentLinkedQueue<Optional<Lane>> woken = new ConcurrentLinkedQueue<>();

    abstract OpsDatabase open();

    @BeforeAll
    void start() {
        database = open();
        database.wakeups.add(new Wakeups.Sleeper() {
            @Override
            public void wake(@Nullable Lane lane) {
                woken.add(Optional.ofNullable(lane));
            }

            @Override
            public void cancelled(long id) {}
        });
    }

    @BeforeEach
    void empty() throws SQLException {
        database.clear();
        woken.clear();
        dead = new DeadLetters(
                database.db, database.store, database.kinds, PayloadCodec.json(), MAX_PAYLOAD, database.wakeups);
    }

    @AfterAll
    void stop() {
        database.close();
    }

    private static List<Long> ids(Page<DeadLetter> page) {
        return page.items().stream().map(DeadLetter::id).toList();
    }

    // ---- looking ----------------------------------------------------------------------------------------------------

    @Test
    void a_letter_has_everything_that_is_known_of_the_job() throws SQLException {
        long id = database.dead("mail", "send-receipt", "headers", "tenant=7", "priority", 1, "failures", 2);
        database.error(id, 1, 1_100 * SECOND, OTHER_PRINT, "java.io.IOException", "reset");
        database.error(id, 2, 1_200 * SECOND, PRINT, "java.lang.IllegalStateException", "no such order");

        DeadLetter letter = dead.find(id).orElseThrow();

        assertThat(letter.kind()).isEqualTo("send-receipt");
        assertThat(letter.queue()).isEqualTo("mail");
        assertThat(letter.priority()).isEqualTo(Priority.HIGH);
        assertThat(letter.reason()).isEqualTo(DeadReason.EXHAUSTED);
        assertThat(letter.createdAt()).isEqualTo(Instant.ofEpochSecond(1_000));
        assertThat(letter.diedAt()).isEqualTo(Instant.ofEpochSecond(2_000));
        assertThat(letter.attempts()).isEqualTo(25);
        assertThat(letter.failures()).isEqualTo(2);
        assertThat(letter.maxAttempts()).isEqualTo(25);
        assertThat(letter.fingerprint()).isEqualTo(PRINT);
        assertThat(letter.message()).isEqualTo("no such order");
        assertThat(letter.headers()).isEqualTo(Map.of("tenant", "7"));
        assertThat(letter.payload()).contains("{\"orderId\":7}");
        assertThat(letter.errors())
                .containsExactly(
                        new JobError(
                                1,
                                Instant.ofEpochSecond(1_100),
                                OTHER_PRINT,
                                "java.io.IOException",
                                "reset",
                                "at Mail.send"),
                        new JobError(
                                2,
                                Instant.ofEpochSecond(1_200),
                                PRINT,
                                "java.lang.IllegalStateException",
                                "no such order",
                                "at Mail.send"));
    }

    @Test
    void a_payload_that_is_no_text_is_told_by_its_length() throws SQLException {
        long id = database.dead("mail", "send-receipt", "payload", new byte[] {1, 2, (byte) 0xff});

        assertThat(dead.find(id).orElseThrow().payload()).contains("<3 bytes>");
    }

    @Test
    void a_compressed_and_encrypted_payload_can_be_read() throws Exception {
        byte[] key = new byte[32];
        PayloadCodec codec =
                PayloadCodec.encrypted(PayloadCodec.compressed(PayloadCodec.json()), PayloadKeys.of(1, key));
        String text = "dear customer ".repeat(100);
        long id = database.dead("mail", "send-invoice", "payload", codec.encode(new SendInvoice(7, text)));
        DeadLetters able =
                new DeadLetters(database.db, database.store, database.kinds, codec, MAX_PAYLOAD, database.wakeups);

        assertThat(able.find(id).orElseThrow().payload().orElseThrow()).contains(text);
        assertThat(dead.find(id).orElseThrow().payload().orElseThrow())
                .as("without the codec")
                .matches("<\\d+ bytes>");

        DeadLetters wrong = new DeadLetters(
                database.db,
                database.store,
                database.kinds,
                PayloadCodec.encrypted(PayloadCodec.json(), PayloadKeys.of(2, key)),
                MAX_PAYLOAD,
                database.wakeups);
        assertThat(wrong.find(id).orElseThrow().payload().orElseThrow()).contains("key 1");
    }

    @Test
    void what_is_not_dead_is_not_found() throws SQLException {
        long alive = database.job("mail", "send-receipt");

        assertThat(dead.find(alive)).isEmpty();
        assertThat(dead.find(-1)).isEmpty();
    }

    @Test
    void a_list_has_neither_payloads_nor_errors() throws SQLException {
        long id = database.dead("mail", "send-receipt");
        database.error(id, 1, 1_100 * SECOND, PRINT, "java.io.IOException", "reset");

        DeadLetter letter = dead.list(f -> f, 10).items().get(0);

        assertThat(letter.payload()).isEmpty();
        assertThat(letter.errors()).isEmpty();
        assertThat(letter.message()).isEqualTo("no such order");
    }

    @Test
    void pages_of_2500_letters_that_died_at_once_have_neither_gaps_nor_doubles() throws SQLException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 2_500; i++) {
            rows.add(database.deadRow("mail", "send-receipt", with()));
        }
        database.insert("tenfold_job_dead", rows);

        List<Long> seen = new ArrayList<>();
        int pages = 0;
        String next = null;
        do {
            Page<DeadLetter> page = dead.list(f -> f, 400, next);
            seen.addAll(ids(page));
            next = page.next().orElse(null);
            pages++;
        } while (next != null);

        assertThat(pages).isEqualTo(7);
        assertThat(seen).hasSize(2_500).doesNotHaveDuplicates().isSortedAccordingTo((a, b) -> Long.compare(b, a));
    }

    @Test
    void a_full_last_page_has_no_next() throws SQLException {
        database.dead("mail", "send-receipt");
        database.dead("mail", "send-receipt");

        assertThat(dead.list(f -> f, 2).next()).isEmpty();
        assertThat(dead.list(f -> f, 1).next()).isPresent();
    }

    @Test
    void the_newest_comes_first() throws SQLException {
        long first = database.dead("mail", "send-receipt", "died_at", 2_001 * SECOND);
        long last = database.dead("mail", "send-receipt", "died_at", 2_003 * SECOND);
        long middle = database.dead("mail", "send-receipt", "died_at", 2_002 * SECOND);

        assertThat(ids(dead.list(f -> f, 10))).containsExactly(last, middle, first);
    }

    @Test
    void each_filter_leaves_out_what_does_not_fit() throws SQLException {
        long plain = database.dead("mail", "send-receipt");
        long kind = database.dead("mail", "send-invoice");
        long queue = database.dead("files", "send-receipt");
        long reason = database.dead("mail", "send-receipt", "reason", "CRASH_LOOP");
        long print = database.dead("mail", "send-receipt", "fingerprint", OTHER_PRINT);
        long later = database.dead("mail", "send-receipt", "died_at", 3_000 * SECOND);

        assertThat(ids(dead.list(f -> f.kind("send-invoice"), 10))).containsExactly(kind);
        assertThat(ids(dead.list(f -> f.queue("files"), 10))).containsExactly(queue);
        assertThat(ids(dead.list(f -> f.reason(DeadReason.CRASH_LOOP), 10))).containsExactly(reason);
        assertThat(ids(dead.list(f -> f.fingerprint(OTHER_PRINT), 10))).containsExactly(print);
        assertThat(ids(dead.list(f -> f.since(Instant.ofEpochSecond(3_000)), 10)))
                .containsExactly(later);
        assertThat(ids(dead.list(f -> f.until(Instant.ofEpochSecond(3_000)), 10)))
                .doesNotContain(later)
                .hasSize(5);
        assertThat(ids(dead.list(
                        f -> f.kind("send-receipt")
                                .queue("mail")
                                .reason(DeadReason.EXHAUSTED)
                                .fingerprint(PRINT)
                                .since(Instant.MIN)
                                .until(Instant.ofEpochSecond(2_001)),
                        10)))
                .containsExactly(plain);
        assertThat(dead.list(f -> f.until(Instant.MAX), 10).items()).hasSize(6);
    }

    @Test
    void an_unknown_name_has_no_letters_and_is_not_made_known() throws SQLException {
        database.dead("mail", "send-receipt");

        assertThat(dead.list(f -> f.kind("never-heard-of"), 10).items()).isEmpty();
        assertThat(dead.groups(f -> f.queue("never-heard-of"), 10)).isEmpty();
        assertThat(dead.replayAll(f -> f.queue("never-heard-of"))).isZero();
        assertThat(database.store.kinds()).extracting(JobStore.Name::name).containsExactly("send-receipt");
        assertThat(database.store.queues()).extracting(JobStore.Name::name).containsExactly("mail");
    }

    @Test
    void limits_and_places_that_do_not_fit_are_refused_before_the_database_is_asked() {
        database.counted.reset();

        assertThatThrownBy(() -> dead.list(f -> f, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> dead.list(f -> f, 1_001)).hasMessageContaining("1 to 1,000");
        assertThatThrownBy(() -> dead.groups(f -> f, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> dead.list(f -> f, 10, "page 2"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("next()");
        assertThatThrownBy(() -> dead.list(f -> f, 10, "!.!")).isInstanceOf(IllegalArgumentException.class);
        assertThat(database.counted.statements()).isZero();
    }

    // ---- groups -----------------------------------------------------------------------------------------------------

    @Test
    void letters_are_grouped_by_fingerprint_and_shown_by_the_newest() throws SQLException {
        database.dead("mail", "send-receipt", "died_at", 2_000 * SECOND, "message", "order 1");
        long newest = database.dead("mail", "send-receipt", "died_at", 2_500 * SECOND, "message", "order 2");
        database.dead("mail", "send-receipt", "died_at", 2_400 * SECOND, "message", "order 3");
        long other = database.dead(
                "mail", "send-receipt", "died_at", 2_600 * SECOND, "fingerprint", OTHER_PRINT, "message", "reset");
        long crashed = database.dead(
                "mail", "send-receipt", "fingerprint", "", "message", "", "reason", "CRASH_LOOP", "died_at", 1);
        database.error(newest, 1, 2_300 * SECOND, OTHER_PRINT, "java.io.IOException", "reset");
        database.error(newest, 2, 2_500 * SECOND, PRINT, "java.lang.IllegalStateException", "order 2");
        database.error(other, 1, 2_600 * SECOND, OTHER_PRINT, "java.io.IOException", "reset");

        assertThat(dead.groups(f -> f, 10))
                .containsExactly(
                        new DeadLetters.Group(
                                OTHER_PRINT,
                                new BoundedCount(1, true),
                                Instant.ofEpochSecond(2_600),
                                Instant.ofEpochSecond(2_600),
                                other,
                                "java.io.IOException",
                                "reset"),
                        new DeadLetters.Group(
                                PRINT,
                                new BoundedCount(3, true),
                                Instant.ofEpochSecond(2_000),
                                Instant.ofEpochSecond(2_500),
                                newest,
                                "java.lang.IllegalStateException",
                                "order 2"),
                        new DeadLetters.Group(
                                "", new BoundedCount(1, true), Times.instant(1), Times.instant(1), crashed, "", ""));
        assertThat(dead.groups(f -> f, 1)).hasSize(1);
        assertThat(dead.groups(f -> f.fingerprint(PRINT), 10)).hasSize(1);
    }

    @Test
    void letters_beyond_10000_are_not_counted() throws SQLException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 10_500; i++) {
            rows.add(database.deadRow("mail", "send-receipt", with("died_at", (2_000 + i) * SECOND)));
        }
        database.insert("tenfold_job_dead", rows);

        DeadLetters.Group group = dead.groups(f -> f, 10).get(0);

        assertThat(group.count()).isEqualTo(new BoundedCount(10_000, false)).hasToString("10000+");
        assertThat(group.lastSeen()).isEqualTo(Instant.ofEpochSecond(12_499));
    }

    // ---- replaying --------------------------------------------------------------------------------------------------

    @Test
    void a_replayed_letter_is_the_same_job_again_with_all_attempts_before_it() throws SQLException {
        long before = database.now();
        byte[] key = {1, 2, 3};
        long id = database.dead(
                "mail",
                "send-receipt",
                "priority",
                1,
                "headers",
                "tenant=7",
                "unique_key",
                key,
                "concurrency_key",
                "tenant-7",
                "concurrency_limit",
                3);
        database.error(id, 1, 1_100 * SECOND, PRINT, "java.io.IOException", "reset");

        assertThat(dead.replay(id)).isEqualTo(DeadLetters.Replay.REPLAYED);

        var job = database.row("tenfold_job", "id", id);
        assertThat(number(job, "lease")).as("the fencing token never falls").isEqualTo(25);
        assertThat(number(job, "attempt")).isZero();
        assertThat(number(job, "failures")).isEqualTo(25);
        assertThat(number(job, "max_attempts")).isEqualTo(25);
        assertThat(number(job, "priority")).isEqualTo(1);
        assertThat(number(job, "lease_until")).isZero();
        assertThat(number(job, "created_at")).isEqualTo(1_000 * SECOND);
        assertThat(number(job, "run_at")).isBetween(before, database.now());
        assertThat(number(job, "concurrency_limit")).isEqualTo(3);
        assertThat(OpsDatabase.value(job, "concurrency_key")).isEqualTo("tenant-7");
        assertThat(OpsDatabase.value(job, "headers").toString()).contains("tenant=7");
        assertThat((byte[]) OpsDatabase.value(job, "unique_key")).isEqualTo(key);
        assertThat((byte[]) OpsDatabase.value(job, "payload")).isEqualTo("{\"orderId\":7}".getBytes(UTF_8));
        assertThat(database.count("tenfold_job_dead")).isZero();
        assertThat(database.count("tenfold_job_error"))
                .as("errors go with the job")
                .isEqualTo(1);
        assertThat(woken).containsExactly(Optional.of(new Lane(database.kinds.queueId("mail"), 1)));
    }

    @Test
    void a_replayed_job_can_be_claimed_and_a_worker_from_before_is_refused() throws SQLException {
        long id = database.dead("mail", "send-receipt");
        dead.replay(id);
        int queue = database.kinds.queueId("mail");
        int[] kinds = {database.kinds.kindId("send-receipt")};

        List<Claimed> claimed = database.store.claim(new Lane(queue, 2), Lane.Cursor.START, kinds, 10, 99, 30 * SECOND);

        assertThat(claimed).hasSize(1);
        assertThat(claimed.get(0).lease).isEqualTo(26);
        assertThat(claimed.get(0).attempt).isEqualTo(1);
        assertThat(claimed.get(0).isLinked())
                .as("its errors go when it is done")
                .isTrue();
    }

    @Test
    void what_is_not_there_is_not_replayed() throws SQLException {
        long alive = database.job("mail", "send-receipt");

        assertThat(dead.replay(alive)).isEqualTo(DeadLetters.Replay.UNKNOWN);
        assertThat(dead.replay(7)).isEqualTo(DeadLetters.Replay.UNKNOWN);
        assertThat(woken).isEmpty();
    }

    @Test
    void a_letter_whose_unique_key_a_job_has_stays_dead() throws SQLException {
        byte[] key = {4, 5, 6};
        long letter = database.dead("mail", "send-receipt", "unique_key", key);
        database.job("mail", "send-receipt", "unique_key", key);

        assertThat(dead.replay(letter)).isEqualTo(DeadLetters.Replay.DUPLICATE);
        assertThat(dead.replayAll(f -> f)).isZero();
        assertThat(dead.find(letter)).isPresent();
        assertThat(database.count("tenfold_job")).isEqualTo(1);
    }

    @Test
    void of_two_letters_with_one_unique_key_one_is_replayed() throws SQLException {
        byte[] key = {4, 5, 6};
        long first = database.dead("mail", "send-receipt", "unique_key", key);
        long second = database.dead("mail", "send-receipt", "unique_key", key);
        long third = database.dead("mail", "send-receipt");

        assertThat(dead.replay(List.of(third, second, first, 7L)))
                .containsExactly(
                        Map.entry(third, DeadLetters.Replay.REPLAYED),
                        Map.entry(second, DeadLetters.Replay.DUPLICATE),
                        Map.entry(first, DeadLetters.Replay.REPLAYED),
                        Map.entry(7L, DeadLetters.Replay.UNKNOWN));
    }

    @Test
    void a_selection_of_2500_is_replayed_in_pieces() throws SQLException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 2_500; i++) {
            rows.add(database.deadRow("mail", "send-receipt", with()));
        }
        database.insert("tenfold_job_dead", rows);
        List<Long> ids = rows.stream().map(row -> (Long) row.get("id")).toList();

        assertThat(dead.replay(ids)).hasSize(2_500).containsValue(DeadLetters.Replay.REPLAYED);
        assertThat(database.count("tenfold_job")).isEqualTo(2_500);
        assertThat(database.count("tenfold_job_dead")).isZero();
    }

    @Test
    void all_that_fit_are_replayed_and_the_others_stay() throws SQLException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 2_100; i++) {
            rows.add(database.deadRow("mail", "send-receipt", with("died_at", (2_000 + i / 7) * SECOND)));
        }
        rows.add(database.deadRow("mail", "send-receipt", with("fingerprint", OTHER_PRINT)));
        database.insert("tenfold_job_dead", rows);

        assertThat(dead.replayAll(f -> f.fingerprint(PRINT))).isEqualTo(2_100);
        assertThat(database.count("tenfold_job")).isEqualTo(2_100);
        assertThat(database.count("tenfold_job_dead")).isEqualTo(1);
    }

    @Test
    void of_many_replays_at_once_one_wins_each_letter() throws Exception {
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            ids.add(database.dead("mail", "send-receipt"));
        }
        int threads = 4;
        CyclicBarrier barrier = new CyclicBarrier(threads);
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Callable<Long>> calls = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                calls.add(() -> {
                    barrier.await();
                    return dead.replay(ids).values().stream()
                            .filter(outcome -> outcome == DeadLetters.Replay.REPLAYED)
                            .count();
                });
            }
            long replayed = 0;
            for (Future<Long> each : pool.invokeAll(calls)) {
                replayed += each.get();
            }
            assertThat(replayed).isEqualTo(40);
        } finally {
            pool.shutdownNow();
        }
        assertThat(database.count("tenfold_job")).isEqualTo(40);
    }

    @Test
    void a_key_that_is_enqueued_while_it_is_replayed_never_makes_an_exception() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try {
            for (int round = 0; round < 25; round++) {
                byte[] key = {9, 9, (byte) round};
                long id = database.dead("mail", "send-receipt", "unique_key", key);
                NewJob job = new NewJob(
                        database.kinds.queueId("mail"),
                        database.kinds.kindId("send-receipt"),
                        2,
                        0,
                        true,
                        25,
                        1,
                        null,
                        key,
                        0,
                        null,
                        0,
                        null);
                CyclicBarrier barrier = new CyclicBarrier(2);
                Future<DeadLetters.Replay> replay = pool.submit(() -> {
                    barrier.await();
                    return dead.replay(id);
                });
                Future<JobStore.Inserted> insert = pool.submit(() -> {
                    barrier.await();
                    return database.db.transaction(
                            connection -> database.store.insert(connection, job, "{}".getBytes(UTF_8)));
                });
                boolean isNew = insert.get().isNew();
                assertThat(replay.get() == DeadLetters.Replay.REPLAYED)
                        .as("round %s: one of the two", round)
                        .isNotEqualTo(isNew);
                assertThat(dead.find(id).isPresent()).isEqualTo(isNew);
            }
        } finally {
            pool.shutdownNow();
        }
    }

    // ---- editing ----------------------------------------------------------------------------------------------------

    @Test
    void an_edited_letter_is_replayed_with_its_new_payload() throws SQLException {
        long id = database.dead("mail", "send-receipt");
        database.kinds.register(Kind.of(SendReceipt.class).version(3));

        assertThat(dead.edit(id, new SendReceipt(8))).isTrue();
        assertThat(dead.find(id).orElseThrow().payload()).contains("{\"orderId\":8}");
        dead.replay(id);

        var job = database.row("tenfold_job", "id", id);
        assertThat((byte[]) OpsDatabase.value(job, "payload")).isEqualTo("{\"orderId\":8}".getBytes(UTF_8));
        assertThat(number(job, "payload_version")).isEqualTo(3);
    }

    @Test
    void a_letter_under_a_former_name_takes_the_new_kind() throws SQLException {
        long id = database.dead("mail", "send-receipt");
        database.kinds.register(Kind.of(Renamed.class).named("receipt-mail").alias("send-receipt"));

        assertThat(dead.edit(id, new Renamed(9))).isTrue();
    }

    @Test
    void a_payload_of_another_kind_is_refused() throws SQLException {
        long id = database.dead("mail", "send-receipt");

        assertThatThrownBy(() -> dead.edit(id, new SendInvoice(8, "")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is a send-receipt")
                .hasMessageContaining("send-invoice");
        assertThatThrownBy(() -> dead.edit(id, "text")).isInstanceOf(IllegalArgumentException.class);
        assertThat(dead.find(id).orElseThrow().payload()).contains("{\"orderId\":7}");
    }

    @Test
    void a_payload_that_cannot_be_written_or_is_too_large_is_refused() throws SQLException {
        long id = database.dead("mail", "send-invoice");

        assertThatThrownBy(() -> dead.edit(id, new SendInvoice(8, "x".repeat(MAX_PAYLOAD))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("bytes");
        assertThatThrownBy(() -> dead.edit(id, new Self(new Object())))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("cannot be written");
        assertThat(dead.find(id).orElseThrow().payload()).contains("{\"orderId\":7}");
    }

    @Test
    void a_letter_that_is_not_there_is_not_edited() {
        assertThat(dead.edit(7, new SendReceipt(8))).isFalse();
    }

    // ---- purging ----------------------------------------------------------------------------------------------------

    @Test
    void a_purged_letter_is_gone_with_its_errors() throws SQLException {
        long id = database.dead("mail", "send-receipt");
        long other = database.dead("mail", "send-receipt");
        database.error(id, 1, 1_100 * SECOND, PRINT, "java.io.IOException", "reset");
        database.error(other, 1, 1_100 * SECOND, PRINT, "java.io.IOException", "reset");

        assertThat(dead.purge(id)).isTrue();
        assertThat(dead.purge(id)).isFalse();

        assertThat(dead.find(id)).isEmpty();
        assertThat(dead.find(other).orElseThrow().errors()).hasSize(1);
        assertThat(database.count("tenfold_job_error")).isEqualTo(1);
    }

    @Test
    void all_that_fit_are_purged() throws SQLException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < 2_100; i++) {
            rows.add(database.deadRow("mail", "send-receipt", with()));
        }
        rows.add(database.deadRow("files", "send-receipt", with()));
        database.insert("tenfold_job_dead", rows);

        assertThat(dead.purgeAll(f -> f.queue("mail"))).isEqualTo(2_100);
        long left = ids(dead.list(f -> f, 10)).get(0);
        assertThat(dead.purge(LongStream.rangeClosed(left - 2_100, left).boxed().toList()))
                .as("the others are gone")
                .isEqualTo(1);
    }

    private long[] batchOf(int pending, boolean runsAnyway) throws SQLException {
        long callback = database.job("mail", "send-receipt", "run_at", Times.WAITING);
        long batch = database.db.transaction(
                connection -> database.store.insertBatch(connection, pending, callback, runsAnyway));
        return new long[] {batch, callback};
    }

    @Test
    void a_batch_waits_no_longer_for_a_purged_letter() throws SQLException {
        long[] batch = batchOf(3, false);
        long first = database.dead("mail", "send-receipt", "batch_id", batch[0]);
        long second = database.dead("mail", "send-receipt", "batch_id", batch[0]);
        long third = database.dead("mail", "send-receipt", "batch_id", batch[0]);

        assertThat(dead.purge(List.of(first, second))).isEqualTo(2);
        assertThat(number(database.row("tenfold_job_batch", "id", batch[0]), "pending"))
                .isEqualTo(1);
        assertThat(number(database.row("tenfold_job_batch", "id", batch[0]), "lost"))
                .isEqualTo(2);
        assertThat(number(database.row("tenfold_job", "id", batch[1]), "run_at"))
                .isEqualTo(Times.WAITING);
        woken.clear();

        dead.purge(third);
        assertThat(database.count("tenfold_job_batch")).isZero();
        assertThat(number(database.row("tenfold_job", "id", batch[1]), "run_at"))
                .isLessThanOrEqualTo(database.now());
        assertThat(woken).hasSize(1);
    }

    @Test
    void a_batch_that_runs_anyway_does_not_count_a_dead_member_twice() throws SQLException {
        long[] batch = batchOf(2, true);
        int queue = database.kinds.queueId("mail");
        long member = database.job("mail", "send-receipt", "batch_id", batch[0]);
        int[] kinds = {database.kinds.kindId("send-receipt")};
        Claimed claimed = database.store
                .claim(new Lane(queue, 2), Lane.Cursor.START, kinds, 1, 99, 30 * SECOND)
                .get(0);
        assertThat(claimed.id).isEqualTo(member);
        JobStore.Ending end =
                new JobStore.Ending(claimed, 0, 0, JobError.of(1, new IllegalStateException("no such order")));
        assertThat(database.store.bury(List.of(end), 99, DeadReason.EXHAUSTED)).containsExactly(member);
        assertThat(number(database.row("tenfold_job_batch", "id", batch[0]), "pending"))
                .isEqualTo(1);

        dead.replay(member);
        assertThat(OpsDatabase.value(database.row("tenfold_job", "id", member), "batch_id"))
                .as("it was counted when it died")
                .isNull();
        Claimed again = database.store
                .claim(new Lane(queue, 2), Lane.Cursor.START, kinds, 1, 99, 30 * SECOND)
                .get(0);
        database.store.bury(List.of(new JobStore.Ending(again, 0, 0, null)), 99, DeadReason.REJECTED);
        assertThat(dead.purge(member)).isTrue();
        assertThat(number(database.row("tenfold_job_batch", "id", batch[0]), "pending"))
                .isEqualTo(1);
    }

    @Test
    void a_buried_member_holds_its_batch_up_until_its_replay_is_done() throws SQLException {
        long[] batch = batchOf(1, false);
        int queue = database.kinds.queueId("mail");
        long member = database.job("mail", "send-receipt", "batch_id", batch[0]);
        int[] kinds = {database.kinds.kindId("send-receipt")};
        Lane lane = new Lane(queue, 2);
        Claimed claimed = database.store
                .claim(lane, Lane.Cursor.START, kinds, 1, 99, 30 * SECOND)
                .get(0);
        JobError error = JobError.of(1, new IllegalStateException("no such order"));
        database.store.bury(List.of(new JobStore.Ending(claimed, 0, 0, error)), 99, DeadReason.REJECTED);
        assertThat(dead.find(member).orElseThrow().errors()).hasSize(1);
        assertThat(dead.find(member).orElseThrow().message()).isEqualTo("no such order");

        dead.replay(member);
        Claimed again = database.store
                .claim(lane, Lane.Cursor.START, kinds, 1, 99, 30 * SECOND)
                .get(0);
        assertThat(again.id).isEqualTo(member);
        database.store.finish(List.of(new JobStore.Ending(again, 0, 0, null)), 99, History.OFF, "DONE");

        assertThat(number(database.row("tenfold_job", "id", batch[1]), "run_at"))
                .isLessThanOrEqualTo(database.now());
        assertThat(database.count("tenfold_job_error"))
                .as("errors of a job that is done")
                .isZero();
    }

    @Test
    void a_database_that_is_away_is_a_job_exception_that_says_what_was_wanted() {
        DeadLetters cut = new DeadLetters(
                new Db(new GoneDataSource(), database.db.dialect, null, null),
                database.store,
                database.kinds,
                PayloadCodec.json(),
                MAX_PAYLOAD,
                database.wakeups);

        assertThatThrownBy(() -> cut.list(f -> f, 10))
                .isInstanceOf(JobException.class)
                .hasMessageContaining("cannot list the dead letters");
        assertThatThrownBy(() -> cut.replay(7)).isInstanceOf(JobException.class);
        assertThatThrownBy(() -> cut.purgeAll(f -> f)).isInstanceOf(JobException.class);
    }
}
