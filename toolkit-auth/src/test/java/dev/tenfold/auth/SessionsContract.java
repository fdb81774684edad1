package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofNanos;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.SettableClock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What sessions promise, wherever they are. Time stands still but for {@link #clock}. */
abstract class SessionsContract {
    static final String NO_SUCH_ID = "A".repeat(64);

    final SettableClock clock = SettableClock.at(Instant.now().truncatedTo(ChronoUnit.MICROS));

    /** New sessions by {@link #clock}, with a prefix of their own, that share them with those of the same prefix. */
    abstract Sessions open(SessionsOptions options);

    private final SessionsOptions options = SessionsOptions.DEFAULT
            .prefix("test-" + Long.toString(ThreadLocalRandom.current().nextLong(), 36) + ":")
            .clock(clock);

    Sessions sessions(UnaryOperator<SessionsOptions> change) {
        return open(change.apply(options).validated());
    }

    Sessions sessions() {
        return sessions(o -> o);
    }

    static String id(Login login) {
        assertThat(login).isInstanceOf(Login.Created.class);
        return ((Login.Created) login).id();
    }

    static void together(int threads, Body body) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            CountDownLatch start = new CountDownLatch(1);
            List<Future<?>> all = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                int number = thread;
                all.add(pool.submit(() -> {
                    start.await();
                    body.run(number);
                    return null;
                }));
            }
            start.countDown();
            for (Future<?> each : all) each.get(50, TimeUnit.SECONDS);
        } finally {
            pool.shutdownNow();
        }
    }

    interface Body {
        void run(int thread) throws Exception;
    }

    // ---- one session's life -----------------------------------------------------------------------------------------

    @Test
    void a_session_lives_from_log_in_to_log_out() {
        Sessions sessions = sessions();
        Login login = sessions.create("42", Map.of("ip", "192.0.2.1"));
        Session session = sessions.find(id(login)).orElseThrow();

        assertThat(session.subject()).isEqualTo("42");
        assertThat(session.attributes()).containsExactly(Map.entry("ip", "192.0.2.1"));
        assertThat(session.createdAt()).isEqualTo(clock.instant());
        assertThat(session.lastSeenAt()).isEqualTo(clock.instant());
        assertThat(session.expiresAt()).isEqualTo(clock.instant().plus(ofMinutes(30)));
        assertThat(session).isEqualTo(((Login.Created) login).session());

        assertThat(sessions.end(id(login))).isTrue();
        assertThat(sessions.find(id(login))).isEmpty();
        assertThat(sessions.end(id(login))).isFalse();
        assertThat(sessions.list("42")).isEmpty();
        assertThat(sessions.stats()).isEqualTo(new SessionsStats(1, 1, 1, 0, 0, 1, 0));
    }

    @Test
    void a_session_that_nobody_uses_ends_after_the_idle_time() {
        Sessions sessions = sessions();
        String used = id(sessions.create("42"));
        String unused = id(sessions.create("42"));
        clock.advance(ofMinutes(30).minus(ofNanos(1_000)));
        assertThat(sessions.find(used)).isPresent();
        clock.advance(ofNanos(1_000));

        assertThat(sessions.find(unused)).isEmpty();
        assertThat(sessions.set(unused, "cart", "7")).isFalse();
        assertThat(sessions.remove(unused, "cart")).isFalse();
        assertThat(sessions.rotate(unused)).isEmpty();
        assertThat(sessions.end(unused)).isFalse();
        assertThat(sessions.find(used)).isPresent();
        assertThat(sessions.list("42")).hasSize(1);
    }

    @Test
    void a_session_in_use_ends_after_the_absolute_time() {
        Sessions sessions = sessions(o -> o.absolute(ofHours(2)));
        String id = id(sessions.create("42"));
        Instant end = clock.instant().plus(ofHours(2));
        for (int i = 0; i < 11; i++) {
            clock.advance(ofMinutes(10));
            assertThat(sessions.find(id).orElseThrow().expiresAt()).isBeforeOrEqualTo(end);
        }
        assertThat(sessions.find(id).orElseThrow().expiresAt()).isEqualTo(end);

        clock.advance(ofMinutes(10));

        assertThat(sessions.find(id)).isEmpty();
        assertThat(sessions.list("42")).isEmpty();
    }

    @Test
    void a_lookup_touches_only_when_a_tenth_of_the_idle_time_has_gone_by() {
        Sessions sessions = sessions();
        String id = id(sessions.create("42"));
        Instant first = sessions.find(id).orElseThrow().expiresAt();
        clock.advance(ofMinutes(3).minus(ofNanos(1_000)));
        for (int i = 0; i < 20; i++) {
            assertThat(sessions.find(id).orElseThrow().expiresAt()).isEqualTo(first);
        }
        assertThat(sessions.stats().touches()).isZero();

        clock.advance(ofNanos(1_000));
        for (int i = 0; i < 20; i++) {
            assertThat(sessions.find(id).orElseThrow().expiresAt()).isEqualTo(first.plus(ofMinutes(3)));
        }

        assertThat(sessions.stats().touches()).isEqualTo(1);
        assertThat(sessions.find(id).orElseThrow().lastSeenAt()).isEqualTo(clock.instant());
    }

    @Test
    void a_lower_absolute_time_ends_sessions_when_they_are_next_touched() {
        Sessions before = sessions();
        String found = id(before.create("42"));
        String rotated = id(before.create("42"));
        clock.advance(ofMinutes(20));
        Sessions after = sessions(o -> o.idle(ofMinutes(10)).absolute(ofMinutes(15)));
        if (sharesNothing(before, after)) return;

        assertThat(after.find(found)).isEmpty();
        assertThat(after.rotate(rotated)).isEmpty();
        assertThat(before.find(found)).isEmpty();
        assertThat(before.find(rotated)).isEmpty();
        assertThat(before.list("42")).isEmpty();
    }

    /** In memory, each has its own. */
    private static boolean sharesNothing(Sessions one, Sessions other) {
        return one.toString().startsWith("embedded") && other.toString().startsWith("embedded");
    }

    @Test
    void any_text_can_be_a_subject_and_an_attribute() {
        Sessions sessions = sessions();
        String subject = "{ü}\0\r\n*?[🙂]";
        String id = id(sessions.create(subject, Map.of(".", "", "e", "a", "s", "\0", "größe", "🙂\n")));
        assertThat(sessions.set(id, "c", "{}")).isTrue();

        Session session = sessions.find(id).orElseThrow();

        assertThat(session.subject()).isEqualTo(subject);
        assertThat(session.attributes()).isEqualTo(Map.of(".", "", "e", "a", "s", "\0", "größe", "🙂\n", "c", "{}"));
        assertThat(sessions.list(subject)).containsExactly(session);
        assertThat(sessions.endAll(subject)).isEqualTo(1);
    }

    // ---- ids --------------------------------------------------------------------------------------------------------

    @Test
    void ids_are_all_unlike_and_no_public_text_shows_them() {
        Sessions sessions = sessions();
        Set<String> firstParts = new HashSet<>();
        Set<String> lastParts = new HashSet<>();
        for (int i = 0; i < 100; i++) {
            Login login = sessions.create("42");
            String id = id(login);
            assertThat(id).matches("[A-Za-z0-9_-]{64}");
            firstParts.add(id.substring(0, 8));
            lastParts.add(id.substring(56));
            Session session = sessions.find(id).orElseThrow();
            assertThat(login.toString() + session + sessions + sessions.list("42") + sessions.stats())
                    .doesNotContain(id.substring(0, 8))
                    .doesNotContain(id.substring(30, 38))
                    .doesNotContain(id.substring(56));
            assertThat(session.handle()).matches("[A-Za-z0-9_-]{43}");
            assertThat(id).doesNotContain(session.handle().substring(0, 8));
        }
        assertThat(firstParts).hasSize(100);
        assertThat(lastParts).hasSize(100);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "42", "../../etc/passwd", "\0", "🙂", "a{b}c*"})
    void what_cannot_be_an_id_is_no_session(String id) {
        Sessions sessions = sessions();
        String real = id(sessions.create("42"));
        List<String> all = new ArrayList<>(List.of(id, real + "A", real.substring(1), real.substring(0, 63) + "="));
        all.add(real.substring(0, 63) + "é");
        all.add(real.substring(0, 62) + "==");
        all.add("/" + real.substring(1));
        all.add("\u0141" + real.substring(1));
        for (String each : all) {
            assertThat(sessions.find(each)).isEmpty();
            assertThat(sessions.rotate(each)).isEmpty();
            assertThat(sessions.set(each, "a", "b")).isFalse();
            assertThat(sessions.remove(each, "a")).isFalse();
            assertThat(sessions.end(each)).isFalse();
            assertThat(sessions.endByHandle("42", each)).isFalse();
            assertThatThrownBy(() -> sessions.endAllBut("42", each))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("use endAll");
        }
        assertThat(sessions.find(real)).isPresent();
    }

    @Test
    void each_character_of_an_id_counts() {
        Sessions sessions = sessions();
        String id = id(sessions.create("42"));
        for (int i = 0; i < id.length(); i++) {
            char other = id.charAt(i) == 'A' ? 'B' : 'A';
            assertThat(sessions.find(id.substring(0, i) + other + id.substring(i + 1)))
                    .isEmpty();
        }
        assertThat(sessions.find(NO_SUCH_ID)).isEmpty();
        assertThat(sessions.find(id)).isPresent();
    }

    @Test
    void another_secret_knows_no_session() {
        Sessions one = sessions(o -> o.secret("0123456789abcdef".getBytes(US_ASCII)));
        Sessions other = sessions(o -> o.secret("0123456789abcdeF".getBytes(US_ASCII)));
        String id = id(one.create("42"));

        assertThat(other.find(id)).isEmpty();
        assertThat(other.list("42")).isEmpty();
        assertThat(one.find(id)).isPresent();
    }

    // ---- how many ---------------------------------------------------------------------------------------------------

    @Test
    void of_1_000_log_ins_at_once_exactly_as_many_succeed_as_may() throws Exception {
        Sessions sessions = sessions(o -> o.perSubject(3, WhenFull.REFUSE));
        AtomicInteger refused = new AtomicInteger();
        ConcurrentLinkedQueue<String> ids = new ConcurrentLinkedQueue<>();
        together(50, thread -> {
            for (int i = 0; i < 20; i++) {
                Login login = sessions.create("42");
                if (login instanceof Login.Created created) ids.add(created.id());
                else
                    assertThat(refused.incrementAndGet() * ((Login.TooMany) login).sessions())
                            .isPositive();
            }
        });

        assertThat(ids).hasSize(3).allMatch(id -> sessions.find(id).isPresent());
        assertThat(refused).hasValue(997);
        assertThat(sessions.list("42")).hasSize(3);
        assertThat(sessions.stats().refused()).isEqualTo(997);
        assertThat(sessions.create("42")).isEqualTo(new Login.TooMany(3));
        assertThat(sessions.create("43")).isInstanceOf(Login.Created.class);
    }

    @Test
    void of_1_000_log_ins_at_once_exactly_as_many_last_as_may() throws Exception {
        Sessions sessions = sessions(o -> o.perSubject(3, WhenFull.END_OLDEST));
        ConcurrentLinkedQueue<String> ids = new ConcurrentLinkedQueue<>();
        together(50, thread -> {
            for (int i = 0; i < 20; i++) ids.add(id(sessions.create("42")));
        });

        assertThat(ids).hasSize(1_000);
        assertThat(ids.stream().filter(id -> sessions.find(id).isPresent())).hasSize(3);
        assertThat(sessions.list("42")).hasSize(3);
        assertThat(sessions.stats().ended()).isEqualTo(997);
    }

    @Test
    void the_session_that_ends_for_a_new_one_is_the_one_not_seen_for_longest() {
        Sessions sessions = sessions(o -> o.perSubject(3, WhenFull.END_OLDEST));
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            ids.add(id(sessions.create("42")));
            clock.advance(ofMinutes(5));
        }
        assertThat(sessions.find(ids.get(0))).isPresent();

        ids.add(id(sessions.create("42")));

        assertThat(ids.stream().map(id -> sessions.find(id).isPresent())).containsExactly(true, false, true, true);
    }

    @Test
    void a_place_is_free_once_a_session_has_ended_or_expired() {
        Sessions sessions = sessions(o -> o.perSubject(2, WhenFull.REFUSE));
        String first = id(sessions.create("42"));
        clock.advance(ofMinutes(10));
        String second = id(sessions.create("42"));
        assertThat(sessions.create("42")).isEqualTo(new Login.TooMany(2));

        clock.advance(ofMinutes(20));
        assertThat(sessions.find(second)).isPresent();
        String third = id(sessions.create("42"));
        assertThat(sessions.create("42")).isEqualTo(new Login.TooMany(2));
        assertThat(sessions.find(first)).isEmpty();

        sessions.end(second);
        assertThat(sessions.create("42")).isInstanceOf(Login.Created.class);
        assertThat(sessions.create("42")).isEqualTo(new Login.TooMany(2));
        assertThat(sessions.rotate(third)).isPresent();
        assertThat(sessions.create("42")).isEqualTo(new Login.TooMany(2));
    }

    @Test
    void a_lower_limit_ends_as_many_as_are_over_it() {
        Sessions before = sessions();
        for (int i = 0; i < 7; i++) {
            clock.advance(ofMillis(1));
            before.create("42");
        }
        Sessions after = sessions(o -> o.perSubject(3, WhenFull.END_OLDEST));
        if (sharesNothing(before, after)) return;

        String id = id(after.create("42"));

        assertThat(after.list("42")).hasSize(3);
        assertThat(after.find(id)).isPresent();
        assertThat(after.stats().ended()).isEqualTo(5);
    }

    // ---- rotation, and what comes late ------------------------------------------------------------------------------

    @Test
    void rotation_moves_everything_to_a_new_id_and_kills_the_old_one() {
        Sessions sessions = sessions();
        String old = id(sessions.create("42", Map.of("cart", "7")));
        Session before = sessions.find(old).orElseThrow();
        clock.advance(ofMinutes(1));

        String fresh = sessions.rotate(old).orElseThrow();

        assertThat(sessions.find(old)).isEmpty();
        assertThat(sessions.rotate(old)).isEmpty();
        assertThat(sessions.set(old, "cart", "8")).isFalse();
        assertThat(sessions.end(old)).isFalse();
        assertThat(sessions.endByHandle("42", before.handle())).isFalse();
        Session after = sessions.find(fresh).orElseThrow();
        assertThat(after.handle()).isNotEqualTo(before.handle());
        assertThat(after)
                .isEqualTo(new Session(
                        "42",
                        after.handle(),
                        before.createdAt(),
                        clock.instant(),
                        clock.instant().plus(ofMinutes(30)),
                        Map.of("cart", "7")));
        assertThat(sessions.list("42")).containsExactly(after);
        assertThat(sessions.stats().rotated()).isEqualTo(1);
    }

    @Test
    void of_many_rotations_at_once_one_wins() throws Exception {
        Sessions sessions = sessions();
        for (int round = 0; round < 20; round++) {
            String id = id(sessions.create("42"));
            ConcurrentLinkedQueue<String> fresh = new ConcurrentLinkedQueue<>();
            together(8, thread -> sessions.rotate(id).ifPresent(fresh::add));

            assertThat(fresh).hasSize(1);
            assertThat(sessions.find(id)).isEmpty();
            assertThat(sessions.find(fresh.remove())).isPresent();
            assertThat(sessions.list("42")).hasSize(1);
            sessions.endAll("42");
        }
    }

    @Test
    void a_late_touch_or_write_brings_no_session_back() throws Exception {
        Sessions sessions = sessions();
        for (int round = 0; round < 30; round++) {
            String id = id(sessions.create("42"));
            clock.advance(ofMinutes(5)); // so that a touch is due
            boolean rotates = round % 2 == 0;
            together(6, thread -> {
                if (thread == 0 && rotates) sessions.end(sessions.rotate(id).orElseThrow());
                else if (thread == 0) sessions.end(id);
                else if (thread == 1) sessions.set(id, "a", "b");
                else sessions.find(id);
            });
            assertThat(sessions.find(id)).isEmpty();
            assertThat(sessions.set(id, "a", "b")).isFalse();
            assertThat(sessions.find(id)).isEmpty();
            assertThat(sessions.list("42")).isEmpty();
        }
    }

    // ---- attributes -------------------------------------------------------------------------------------------------

    @Test
    void writers_of_different_attributes_lose_nothing() throws Exception {
        Sessions sessions = sessions();
        String id = id(sessions.create("42"));
        together(16, thread -> {
            for (int i = 0; i < 4; i++) {
                for (int value = 0; value < 5; value++) {
                    assertThat(sessions.set(id, thread + "-" + i, Integer.toString(value)))
                            .isTrue();
                }
            }
        });

        Map<String, String> attributes = sessions.find(id).orElseThrow().attributes();
        assertThat(attributes)
                .hasSize(64)
                .allSatisfy((name, value) -> assertThat(value).isEqualTo("4"));
    }

    @Test
    void an_attribute_can_be_replaced_and_removed() {
        Sessions sessions = sessions();
        String id = id(sessions.create("42", Map.of("a", "1", "b", "2")));
        assertThat(sessions.set(id, "a", "3")).isTrue();
        assertThat(sessions.remove(id, "b")).isTrue();
        assertThat(sessions.remove(id, "never")).isTrue();

        Map<String, String> attributes = sessions.find(id).orElseThrow().attributes();
        assertThat(attributes).isEqualTo(Map.of("a", "3"));
        assertThatThrownBy(() -> attributes.put("c", "4")).isInstanceOf(UnsupportedOperationException.class);
        assertThat(sessions.set(NO_SUCH_ID, "a", "b")).isFalse();
        assertThat(sessions.remove(NO_SUCH_ID, "a")).isFalse();
        assertThat(sessions.find(NO_SUCH_ID)).isEmpty();
    }

    @Test
    void too_many_or_too_large_attributes_change_nothing() {
        Sessions sessions = sessions();
        String many = id(sessions.create("42"));
        for (int i = 0; i < 64; i++) sessions.set(many, "a" + i, "");
        assertThatThrownBy(() -> sessions.set(many, "one more", ""))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("64");
        assertThat(sessions.set(many, "a0", "replaced")).isTrue();
        assertThat(sessions.find(many).orElseThrow().attributes())
                .hasSize(64)
                .doesNotContainKey("one more")
                .containsEntry("a0", "replaced");

        String large = id(sessions.create("42"));
        String half = "ü".repeat(2_048);
        for (int i = 0; i < 3; i++) sessions.set(large, "a" + i, half);
        sessions.set(large, "a3", half.substring(4)); // the names have eight bytes
        assertThat(Sessions.bytes(sessions.find(large).orElseThrow().attributes()))
                .isEqualTo(16_384);
        assertThatThrownBy(() -> sessions.set(large, "b", ""))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("16384");
        assertThat(sessions.set(large, "a0", "")).isTrue();
        assertThat(sessions.set(large, "b", "")).isTrue();
    }

    @Test
    void bad_input_is_refused_and_says_why() {
        Sessions sessions = sessions();
        String id = id(sessions.create("42"));
        String secret = "hunter2-".repeat(600);
        refused(() -> sessions.create(""), "0 characters");
        refused(() -> sessions.create("x".repeat(256)), "256 characters");
        refused(() -> sessions.create("\ud83d"), "surrogate");
        refused(() -> sessions.create("42", Map.of("a", secret)), "4800 characters");
        refused(() -> sessions.create("42", Map.of("", "b")), "name");
        refused(() -> sessions.create("42", Map.of("a", "\ud83d")), "surrogate");
        Map<String, String> many = IntStream.range(0, 65).boxed().collect(Collectors.toMap(i -> "a" + i, i -> ""));
        refused(() -> sessions.create("42", many), "65 attributes");
        Map<String, String> large =
                IntStream.range(0, 5).boxed().collect(Collectors.toMap(i -> "a" + i, i -> "x".repeat(4_000)));
        refused(() -> sessions.create("42", large), "20010 bytes");
        refused(() -> sessions.set(id, "", "b"), "name");
        refused(() -> sessions.set(id, "ü".repeat(51), "b"), "51 characters");
        refused(() -> sessions.set(id, "a", "ü".repeat(2_049)), "2049 characters");
        refused(() -> sessions.remove(id, ""), "name");
        refused(() -> sessions.list(""), "0 characters");
        refused(() -> sessions.endAll(""), "0 characters");
        refused(() -> sessions.endByHandle("", "x"), "0 characters");
        refused(() -> sessions.endAllBut("", id), "0 characters");
        assertThat(sessions.list("42")).hasSize(1);
    }

    private static void refused(ThrowingCallable call, String why) {
        assertThatThrownBy(call)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(why)
                .hasMessageNotContaining("hunter2");
    }

    // ---- all sessions of a subject ----------------------------------------------------------------------------------

    @Test
    void a_list_names_sessions_in_public_and_each_can_be_ended_by_that() {
        Sessions sessions = sessions();
        List<Session> begun = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            clock.advance(ofMinutes(1));
            String id = id(sessions.create("42", Map.of("device", "d" + i)));
            begun.add(0, sessions.find(id).orElseThrow());
        }
        Session foreign = sessions.find(id(sessions.create("43"))).orElseThrow();
        assertThat(sessions.list("42")).isEqualTo(begun);

        assertThat(sessions.endByHandle("42", foreign.handle())).isFalse();
        assertThat(sessions.endByHandle("42", begun.get(2).handle())).isTrue();
        assertThat(sessions.endByHandle("42", begun.get(2).handle())).isFalse();

        begun.remove(2);
        assertThat(sessions.list("42")).isEqualTo(begun);
        assertThat(sessions.list("43")).containsExactly(foreign);
        assertThat(sessions.list("44")).isEmpty();
    }

    @Test
    void all_of_1_000_sessions_are_listed_and_end_and_nobody_elses() {
        Sessions sessions = sessions();
        String other = id(sessions.create("43"));
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) ids.add(id(sessions.create("42")));
        Set<String> handles = sessions.list("42").stream().map(Session::handle).collect(Collectors.toSet());
        assertThat(handles).hasSize(1_000);

        assertThat(sessions.endAllBut("42", ids.get(500))).isEqualTo(999);
        assertThat(ids.stream().filter(id -> sessions.find(id).isPresent())).containsExactly(ids.get(500));
        assertThat(sessions.list("42")).hasSize(1);
        assertThat(sessions.endAllBut("42", ids.get(500))).isZero();
        assertThat(sessions.endAll("42")).isEqualTo(1);
        assertThat(sessions.endAll("42")).isZero();
        assertThat(sessions.find(ids.get(500))).isEmpty();
        assertThat(sessions.find(other)).isPresent();

        sessions.create("42");
        assertThat(sessions.endAllBut("42", other)).isEqualTo(1); // which is not one of this subject's
        assertThat(sessions.find(other)).isPresent();
    }

    // ---- against a model --------------------------------------------------------------------------------------------

    @ParameterizedTest
    @EnumSource(WhenFull.class)
    void random_operations_do_what_a_simple_model_does(WhenFull whenFull) {
        long seed = ThreadLocalRandom.current().nextLong();
        SessionsOptions chosen =
                options.idle(ofMinutes(30)).absolute(ofHours(2)).perSubject(4, whenFull);
        new SessionsModel(open(chosen), chosen, clock, seed).run(5_000);
    }

    @Test
    void threads_that_do_anything_at_once_leave_sessions_and_lists_in_agreement() throws Exception {
        Sessions sessions = sessions(o -> o.perSubject(5, WhenFull.END_OLDEST));
        ConcurrentLinkedQueue<String> made = new ConcurrentLinkedQueue<>();
        long seed = ThreadLocalRandom.current().nextLong();
        together(8, thread -> {
            Random random = new Random(seed + thread);
            List<String> mine = new ArrayList<>();
            for (int i = 0; i < 300; i++) {
                String subject = "s" + random.nextInt(3);
                if (mine.isEmpty() || random.nextInt(3) == 0) {
                    mine.add(id(sessions.create(subject)));
                    made.add(mine.get(mine.size() - 1));
                }
                String id = mine.get(random.nextInt(mine.size()));
                switch (random.nextInt(8)) {
                    case 0 -> sessions.end(id);
                    case 1 ->
                        sessions.rotate(id).ifPresent(fresh -> {
                            mine.add(fresh);
                            made.add(fresh);
                        });
                    case 2 -> sessions.set(id, "a", "b");
                    case 3 -> clock.advance(ofMinutes(1));
                    case 4 -> sessions.endAllBut(subject, id);
                    default -> sessions.find(id);
                }
            }
        });

        Map<String, Set<Session>> found = made.stream()
                .map(sessions::find)
                .flatMap(Optional::stream)
                .collect(Collectors.groupingBy(Session::subject, Collectors.toSet()));
        for (int i = 0; i < 3; i++) {
            assertThat(new HashSet<>(sessions.list("s" + i)))
                    .as("seed %d", seed)
                    .isEqualTo(found.getOrDefault("s" + i, Set.of()))
                    .hasSizeLessThanOrEqualTo(5);
        }
    }
}
