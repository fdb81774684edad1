package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisUnavailableException;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.RedisServer;
import io.lettuce.core.RedisException;
import io.lettuce.core.ScanArgs;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** On a server: the contract, and what is on Redis, by whose clock, and what it costs. */
class RedisSessionsTest extends SessionsContract {
    private static RedisServer server;
    private static RedisLink link;

    @BeforeAll
    static void connect() {
        server = RedisServer.start();
        link = RedisLink.connect(server.uri(), o -> o.commandTimeout(Await.LIMIT));
        assertThat(link.awaitUp(ofSeconds(20))).isTrue();
    }

    @AfterAll
    static void disconnect() {
        link.close();
        server.close();
    }

    @BeforeEach
    void empty() {
        link.await(link.call(redis -> redis.flushall()));
    }

    @Override
    Sessions open(SessionsOptions options) {
        return new Sessions(options, new ClockedRedisSessions(link, options));
    }

    /** In one step, as there are not that many. */
    private static List<byte[]> keys() {
        ScanArgs all = ScanArgs.Builder.limit(10_000_000);
        return link.await(link.call(redis -> redis.scan(all))).getKeys();
    }

    private static byte[] sessionKey() {
        return keys().stream()
                .filter(key -> new String(key, UTF_8).contains(":session:"))
                .findAny()
                .orElseThrow();
    }

    private static long dbsize() {
        return link.await(link.call(redis -> redis.dbsize()));
    }

    /** Keys whose time was over, so far. */
    private static long expired() {
        String stats = link.await(link.call(redis -> redis.info("stats")));
        return stats.lines()
                .filter(line -> line.startsWith("expired_keys:"))
                .mapToLong(line -> Long.parseLong(line.substring(line.indexOf(':') + 1)))
                .sum();
    }

    /** Calls of a command, by name, as the server has counted them. */
    private static Map<String, Long> commands(Runnable of) {
        link.await(link.call(redis -> redis.configResetstat()));
        of.run();
        String stats = link.await(link.call(redis -> redis.info("commandstats")));
        Map<String, Long> calls = new HashMap<>();
        stats.lines().filter(line -> line.startsWith("cmdstat_")).forEach(line -> {
            int colon = line.indexOf(':');
            calls.put(
                    line.substring("cmdstat_".length(), colon),
                    Long.parseLong(line.substring(line.indexOf("calls=") + 6, line.indexOf(','))));
        });
        return calls;
    }

    // ---- by the server's clock --------------------------------------------------------------------------------------

    @Test
    void what_has_expired_leaves_nothing_behind() {
        Sessions sessions = Sessions.redis(link, o -> o.idle(ofMillis(300)).absolute(ofSeconds(1)));
        List<String> ids = new ArrayList<>();
        long before = expired();
        for (int i = 0; i < 200; i++) ids.add(id(sessions.create("s" + i % 50)));

        Await.until("all keys are gone", () -> dbsize() == 0);

        assertThat(expired() - before).as("sessions and indexes").isGreaterThanOrEqualTo(200 + 50);
        assertThat(ids).noneMatch(id -> sessions.find(id).isPresent());
    }

    @Test
    void an_index_lasts_as_long_as_the_last_of_its_sessions_and_drops_the_others() {
        Sessions lasting = Sessions.redis(link, o -> o.idle(ofSeconds(20)));
        Sessions brief = Sessions.redis(link, o -> o.idle(ofMillis(300)));
        String used = id(lasting.create("42"));
        for (int i = 0; i < 20; i++) brief.create("42");
        byte[] index = keys().stream()
                .filter(key -> new String(key, UTF_8).endsWith(":sessions"))
                .findAny()
                .orElseThrow();

        Await.until("only what is used is in it", () -> {
            assertThat(lasting.find(used)).isPresent();
            return link.await(link.call(redis -> redis.zcard(index))) == 1 && dbsize() == 2;
        });
        long left = link.await(link.call(redis -> redis.pttl(index)));
        assertThat(left).isBetween(1L, 20_001L);
        assertThat(brief.rotate(used)).isPresent();
        Await.until("nothing is left", () -> dbsize() == 0);
    }

    @Test
    void use_keeps_a_session_alive_until_the_absolute_time() {
        Sessions sessions = Sessions.redis(link, o -> o.idle(ofSeconds(4)).absolute(ofSeconds(5)));
        Login login = sessions.create("42");
        Session session = ((Login.Created) login).session();
        assertThat(Duration.between(session.createdAt(), session.expiresAt())).isEqualTo(ofSeconds(4));
        assertThat(Duration.between(session.createdAt(), Instant.now()).abs()).isLessThan(ofSeconds(10));
        Instant[] last = {session.expiresAt()};

        Await.until("it ends at last", () -> {
            var found = sessions.find(id(login));
            found.ifPresent(each -> last[0] = each.expiresAt());
            return found.isEmpty();
        });

        assertThat(last[0]).isEqualTo(session.createdAt().plusSeconds(5));
    }

    // ---- what is there ----------------------------------------------------------------------------------------------

    @Test
    void neither_ids_nor_subjects_are_in_the_names_of_keys_and_ids_nowhere() {
        Sessions sessions = Sessions.redis(link);
        String id = id(sessions.create("adalovelace@example.org", Map.of("cart", "7")));
        id = sessions.rotate(id).orElseThrow();
        sessions.set(id, "more", "8");
        StringBuilder all = new StringBuilder();
        for (byte[] key : keys()) {
            String name = new String(key, ISO_8859_1);
            assertThat(name).startsWith("tenfold:{").doesNotContain("lovelace"); // less would be in a digest by chance
            all.append(name);
            byte[] dump = link.await(link.call(redis -> redis.dump(key)));
            all.append(new String(dump, ISO_8859_1));
        }
        assertThat(keys()).hasSize(2);
        for (int i = 0; i + 6 <= id.length(); i++) {
            assertThat(all.toString()).doesNotContain(id.substring(i, i + 6));
        }
    }

    @Test
    void a_session_takes_some_260_bytes() {
        Sessions sessions = Sessions.redis(link);
        sessions.create("4211981");
        long session = link.await(link.call(redis -> redis.memoryUsage(sessionKey())));
        for (int i = 0; i < 9; i++) sessions.create("4211981");
        byte[] index = keys().stream()
                .filter(key -> new String(key, UTF_8).endsWith(":sessions"))
                .findAny()
                .orElseThrow();
        long ten = link.await(link.call(redis -> redis.memoryUsage(index)));

        assertThat(session + ten / 10)
                .as("%d, and %d for ten in the index", session, ten)
                .isLessThanOrEqualTo(300);
    }

    // ---- what it costs ----------------------------------------------------------------------------------------------

    @Test
    void a_lookup_is_one_script_and_writes_nothing_until_a_touch_is_due() {
        Sessions sessions = sessions();
        String id = id(sessions.create("42"));
        sessions.find(id); // the server knows the script from now on

        Map<String, Long> before = commands(() -> {
            for (int i = 0; i < 100; i++) sessions.find(id);
        });
        assertThat(before).containsEntry("evalsha", 100L).containsEntry("hgetall", 100L);
        assertThat(before).doesNotContainKeys("hset", "zadd", "pexpireat", "eval");

        clock.advance(ofMinutes(3));
        Map<String, Long> after = commands(() -> {
            for (int i = 0; i < 100; i++) sessions.find(id);
        });
        assertThat(after)
                .containsEntry("evalsha", 100L)
                .containsEntry("hset", 1L)
                .containsEntry("zadd", 1L);
    }

    @Test
    void each_method_is_one_script() {
        Sessions sessions = sessions();
        String id = id(sessions.create("42"));
        long before = link.stats().commands();
        String fresh = sessions.rotate(id).orElseThrow();
        sessions.set(fresh, "a", "b");
        sessions.remove(fresh, "a");
        sessions.endAllBut("42", fresh);
        sessions.endByHandle("42", sessions.find(fresh).orElseThrow().handle());
        sessions.end(fresh);
        sessions.endAll("42");
        assertThat(link.stats().commands() - before).isEqualTo(8);

        for (int i = 0; i < 101; i++) sessions.create("42");
        long unlisted = link.stats().commands();
        sessions.list("42");
        assertThat(link.stats().commands() - unlisted).isEqualTo(3);
    }

    @Test
    void what_cannot_be_an_id_and_bad_input_ask_nobody() {
        Sessions sessions = sessions();
        String id = id(sessions.create("42"));
        long before = link.stats().commands();
        for (String each : List.of("", "x", id + "A", id.substring(1), id.substring(1) + "=")) {
            sessions.find(each);
            sessions.rotate(each);
            sessions.set(each, "a", "b");
            sessions.remove(each, "a");
            sessions.end(each);
            sessions.endByHandle("42", each);
        }
        assertThatThrownBy(() -> sessions.endAllBut("42", "x")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> sessions.create("")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> sessions.set(id, "a", "x".repeat(5_000))).isInstanceOf(IllegalArgumentException.class);
        assertThat(link.stats().commands()).isEqualTo(before);
        assertThat(sessions.stats().missed()).isEqualTo(5);
    }

    @Test
    void more_than_a_script_ends_at_once_end_all_the_same() {
        Sessions sessions = sessions();
        String stays = id(sessions.create("42"));
        for (int i = 0; i < 2_100; i++) sessions.create("42");
        assertThat(sessions.list("42")).hasSize(1_000);

        assertThat(sessions.endAllBut("42", stays)).isEqualTo(2_100);
        assertThat(sessions.find(stays)).isPresent();
        assertThat(dbsize()).isEqualTo(2);
        assertThat(sessions.endAll("42")).isEqualTo(1);
        assertThat(dbsize()).isZero();
    }

    // ---- what can go wrong on the server ----------------------------------------------------------------------------

    @Test
    void a_server_that_has_forgotten_the_scripts_gets_them_again() {
        Sessions sessions = Sessions.redis(link);
        List<Runnable> all = new ArrayList<>();
        String[] id = {id(sessions.create("42"))};
        all.add(() -> assertThat(sessions.find(id[0])).isPresent());
        all.add(() -> id[0] = sessions.rotate(id[0]).orElseThrow());
        all.add(() -> assertThat(sessions.set(id[0], "a", "b")).isTrue());
        all.add(() -> assertThat(sessions.list("42")).hasSize(1));
        all.add(() -> assertThat(sessions.end(id[0])).isTrue());
        all.add(() -> assertThat(sessions.create("42")).isInstanceOf(Login.Created.class));
        all.add(() -> assertThat(sessions.endAll("42")).isEqualTo(1));
        for (Runnable each : all) {
            link.await(link.call(redis -> redis.scriptFlush()));
            each.run();
        }
    }

    @Test
    void a_full_redis_refuses_log_ins_and_logs_nobody_out() {
        Sessions sessions = sessions(o -> o.perSubject(1, WhenFull.END_OLDEST));
        String id = id(sessions.create("42"));
        link.await(link.call(redis -> redis.configSet("maxmemory", "1")));
        try {
            clock.advance(ofMinutes(20));
            assertThat(sessions.find(id)).isPresent();
            assertThat(sessions.stats().touches()).isEqualTo(1);
            clock.advance(ofMinutes(20));

            assertThatThrownBy(() -> sessions.create("42")).isInstanceOf(RedisUnavailableException.class);
            assertThatThrownBy(() -> sessions.set(id, "a", "b")).isInstanceOf(RedisUnavailableException.class);

            String fresh = sessions.rotate(id).orElseThrow();
            assertThat(sessions.list("42")).hasSize(1);
            assertThat(sessions.end(fresh)).isTrue();
        } finally {
            link.await(link.call(redis -> redis.configSet("maxmemory", "0")));
        }
        assertThat(dbsize()).isZero();
    }

    @Test
    void a_key_that_somebody_else_has_spoilt_is_an_error_and_not_the_absence_of_a_session() {
        Sessions sessions = sessions();
        String id = id(sessions.create("42"));
        byte[] key = sessionKey();
        link.await(link.call(redis -> redis.del(key)));
        link.await(link.call(redis -> redis.set(key, "x".getBytes(UTF_8))));

        assertThatThrownBy(() -> sessions.find(id))
                .isInstanceOf(RedisException.class)
                .hasMessageNotContaining(id);
        assertThatThrownBy(() -> sessions.rotate(id)).isInstanceOf(RedisException.class);
    }
}
