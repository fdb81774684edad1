package dev.tenfold.auth;

import static java.time.Duration.ZERO;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisUnavailableException;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.RedisServer;
import io.lettuce.core.RedisCommandInterruptedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is answered while Redis does not answer, and afterwards. */
class SessionsOutageTest {
    private static final Duration TIMEOUT = ofSeconds(1);

    private RedisServer server;
    private FaultProxy proxy;
    private RedisLink link;

    @BeforeEach
    void start() {
        server = RedisServer.start();
        proxy = FaultProxy.to(server.host(), server.port());
        link = RedisLink.connect("redis://" + proxy.host() + ":" + proxy.port(), o -> o.commandTimeout(TIMEOUT));
        assertThat(link.awaitUp(ofSeconds(20))).isTrue();
    }

    @AfterEach
    void stop() {
        link.close();
        proxy.close();
        server.close();
    }

    private static String id(Login login) {
        return SessionsContract.id(login);
    }

    private static void unavailable(ThrowingCallable call) {
        Await.inTime(ofSeconds(5), () -> {
            long start = System.nanoTime();
            assertThatThrownBy(call).isInstanceOf(RedisUnavailableException.class);
            return Duration.ofNanos(System.nanoTime() - start);
        });
    }

    /** A busy machine may miss the timeout, and the link may take a moment to see that it has to connect anew. */
    private static <T> T answer(Supplier<T> call) {
        List<T> answers = new ArrayList<>();
        Await.until("it answers", () -> {
            try {
                return answers.add(call.get());
            } catch (RedisUnavailableException notYet) {
                return false;
            }
        });
        return answers.get(0);
    }

    private void everythingIsUnavailable(Sessions sessions, String id) {
        SessionsStats before = sessions.stats();
        unavailable(() -> sessions.find(id));
        unavailable(() -> sessions.create("42", Map.of("a", "b")));
        unavailable(() -> sessions.rotate(id));
        unavailable(() -> sessions.set(id, "a", "b"));
        unavailable(() -> sessions.remove(id, "a"));
        unavailable(() -> sessions.end(id));
        unavailable(() -> sessions.endByHandle("42", "A".repeat(43)));
        unavailable(() -> sessions.list("42"));
        unavailable(() -> sessions.endAll("42"));
        unavailable(() -> sessions.endAllBut("42", id));
        assertThat(sessions.stats()).isEqualTo(before);
        assertThat(sessions.find("no id")).isEmpty(); // for certain, so it is said
    }

    @Test
    void a_redis_that_is_cut_off_is_no_reason_to_log_anybody_out() {
        Sessions sessions = Sessions.redis(link);
        String id = id(answer(() -> sessions.create("42")));
        proxy.cut();
        everythingIsUnavailable(sessions, id);

        proxy.resume();
        assertThat(answer(() -> sessions.find(id))).isPresent();
        assertThat(answer(() -> sessions.list("42"))).hasSize(1);
    }

    @Test
    void a_redis_that_hangs_is_no_reason_either() {
        Sessions sessions = Sessions.redis(link);
        String id = id(answer(() -> sessions.create("42")));
        server.suspend();
        unavailable(() -> sessions.find(id));
        unavailable(() -> sessions.find(id));

        server.resume();
        assertThat(answer(() -> sessions.find(id))).isPresent();
    }

    @Test
    void an_interrupted_caller_hears_of_that_and_stays_interrupted() {
        Sessions sessions = Sessions.redis(link);
        String id = id(answer(() -> sessions.create("42")));
        server.suspend(); // so that no answer comes first
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> sessions.find(id)).isInstanceOf(RedisCommandInterruptedException.class);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
            server.resume();
        }
        assertThat(answer(() -> sessions.find(id))).isPresent();
    }

    @Test
    void a_redis_that_has_lost_everything_says_so_and_goes_on() {
        Sessions sessions = Sessions.redis(link, o -> o.perSubject(1, WhenFull.REFUSE));
        String id = id(answer(() -> sessions.create("42")));
        server.restart();

        assertThat(answer(() -> sessions.find(id))).isEmpty();
        assertThat(answer(() -> sessions.create("42"))).isInstanceOf(Login.Created.class);
    }

    @Test
    void sessions_can_begin_without_redis() {
        proxy.cut();
        Sessions sessions = Sessions.redis(link);
        unavailable(() -> sessions.create("42"));
        proxy.resume();
        assertThat(answer(() -> sessions.create("42"))).isInstanceOf(Login.Created.class);
    }

    @Test
    void a_log_in_whose_answer_is_lost_takes_nobodys_place() {
        Sessions sessions = Sessions.redis(link, o -> o.perSubject(1, WhenFull.REFUSE));
        String known = id(answer(() -> sessions.create("42")));
        assertThat(answer(() -> sessions.end(known))).isTrue(); // the server knows the scripts
        proxy.delay(TIMEOUT.multipliedBy(3));
        unavailable(() -> sessions.create("42"));
        proxy.delay(ZERO);

        Await.until("there is a place", () -> {
            try {
                return sessions.create("42") instanceof Login.Created;
            } catch (RedisUnavailableException notYet) {
                return false;
            }
        });
        assertThat(answer(() -> sessions.list("42"))).hasSize(1);
    }
}
