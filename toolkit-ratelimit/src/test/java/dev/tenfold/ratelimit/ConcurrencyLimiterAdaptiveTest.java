package dev.tenfold.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** An adaptive limit before a server that is simulated, in simulated time: the same each time. */
class ConcurrencyLimiterAdaptiveTest {
    private static final double MILLIS = 1e6;
    private static final double SECONDS = 1e9;

    /** A queue and some workers; calls arrive at random, whether earlier ones were answered or not. */
    private static final class Simulation {
        final Random random = new Random(7);
        final PriorityQueue<Event> events = new PriorityQueue<>();
        final Queue<Call> queue = new ArrayDeque<>();
        final ConcurrencyLimiter limiter;
        long now;
        int workers;
        double serviceNanos;
        double arrivalsPerSecond;
        int busy;

        // Since the last call of reset().
        long limits;
        int looks;
        long done;
        double latency;
        long since;

        private record Call(Permit permit, long at) {}

        private record Event(long at, Runnable action) implements Comparable<Event> {
            @Override
            public int compareTo(Event other) {
                return Long.compare(at, other.at);
            }
        }

        Simulation(int workers, double serviceNanos, double load, UnaryOperator<ConcurrencyOptions> options) {
            this.workers = workers;
            this.serviceNanos = serviceNanos;
            arrivalsPerSecond = load * workers / serviceNanos * SECONDS;
            limiter = ConcurrencyLimiter.adaptive("simulated", o -> options.apply(o.nanoClock(() -> now)));
            events.add(new Event(0, this::arrive));
            events.add(new Event(0, this::look));
        }

        void arrive() {
            Permit permit = limiter.acquire();
            if (permit.granted()) {
                queue.add(new Call(permit, now));
                serve();
            }
            later(exponential(SECONDS / arrivalsPerSecond), this::arrive);
        }

        void serve() {
            while (busy < workers && !queue.isEmpty()) {
                Call call = queue.remove();
                busy++;
                later(exponential(serviceNanos), () -> end(call));
            }
        }

        void end(Call call) {
            busy--;
            done++;
            latency += now - call.at;
            call.permit.close();
            serve();
        }

        void look() {
            limits += limiter.stats().limit();
            looks++;
            later(10 * MILLIS, this::look);
        }

        double exponential(double mean) {
            return -mean * Math.log(1 - random.nextDouble());
        }

        void later(double nanos, Runnable action) {
            events.add(new Event(now + Math.max(1, (long) nanos), action));
        }

        /** What should happen while the process stands still happens at its end. */
        void standStill(double nanos) {
            now += (long) nanos;
        }

        Simulation run(double seconds) {
            long end = now + (long) (seconds * SECONDS);
            while (now < end) {
                Event next = events.remove();
                now = Math.max(now, next.at);
                next.action.run();
            }
            return this;
        }

        Simulation reset() {
            limits = looks = 0;
            done = 0;
            latency = 0;
            since = now;
            return this;
        }

        double meanLimit() {
            return (double) limits / looks;
        }

        /** Of what the workers can do. */
        double throughput() {
            return done / ((now - since) / serviceNanos * workers);
        }

        /** In service times. */
        double meanLatency() {
            return latency / done / serviceNanos;
        }

        @Override
        public String toString() {
            return "limit %.1f, throughput %.2f, latency %.2f times the service"
                    .formatted(meanLimit(), throughput(), meanLatency());
        }
    }

    private static Simulation overloaded(int workers) {
        return new Simulation(workers, 10 * MILLIS, 2, o -> o);
    }

    private static void assertAtTheKnee(Simulation simulation) {
        int workers = simulation.workers;
        assertThat(simulation.meanLimit()).as("%s", simulation).isBetween(0.9 * workers, 2.5 * workers);
        assertThat(simulation.throughput()).as("%s", simulation).isGreaterThan(0.85);
        assertThat(simulation.meanLatency()).as("%s", simulation).isLessThan(2.6);
    }

    @Test
    void finds_how_many_a_server_bears() {
        for (int workers : new int[] {4, 10, 32, 100, 300}) {
            assertAtTheKnee(overloaded(workers).run(60).reset().run(20));
        }
    }

    @Test
    void overload_for_long_does_not_raise_the_limit() {
        Simulation simulation = overloaded(20).run(60);
        for (int i = 0; i < 5; i++) assertAtTheKnee(simulation.run(60).reset().run(20));
    }

    @Test
    void follows_a_server_that_loses_workers_and_gets_them_back() {
        Simulation simulation = overloaded(40).run(60);

        simulation.workers = 10;
        assertAtTheKnee(simulation.run(30).reset().run(20));

        simulation.workers = 40;
        assertAtTheKnee(simulation.run(60).reset().run(20));
    }

    @Test
    void a_server_that_gets_slower_for_good_gets_its_limit_back() {
        Simulation simulation = overloaded(30).run(60);

        simulation.serviceNanos = 50 * MILLIS;
        assertAtTheKnee(simulation.run(60).reset().run(20));
    }

    @Test
    void a_pause_of_the_process_does_not_lower_the_limit() {
        Simulation simulation = overloaded(32).run(60).reset().run(5);
        double before = simulation.meanLimit();

        for (int i = 0; i < 5; i++) {
            simulation.standStill(600 * MILLIS);
            simulation.reset().run(0.5);
            assertThat(simulation.meanLimit())
                    .as("after the pause, before it %.1f", before)
                    .isGreaterThan(0.8 * before);
            simulation.run(6);
        }
    }

    @Test
    void a_limit_that_is_not_used_does_not_grow() {
        Simulation idle = new Simulation(100, 10 * MILLIS, 0.02, o -> o.initialLimit(50));

        idle.run(60);

        assertThat(idle.limiter.stats().limit()).isLessThanOrEqualTo(50).isGreaterThan(10);
    }

    @Test
    void a_server_without_trouble_is_left_alone() {
        Simulation calm = new Simulation(100, 10 * MILLIS, 0.5, o -> o);

        calm.run(60).reset().run(20);

        ConcurrencyStats stats = calm.limiter.stats();
        assertThat(calm.throughput()).as("%s", calm).isBetween(0.45, 0.55);
        assertThat(stats.limit()).isGreaterThan(60);
    }

    @Test
    void drops_lower_the_limit_to_the_least_but_a_few_do_not() {
        long[] now = {0};
        ConcurrencyLimiter limiter = ConcurrencyLimiter.adaptive(
                "drops", o -> o.minLimit(3).initialLimit(50).maxLimit(60).nanoClock(() -> now[0]));

        for (int i = 0; i < 20_000; i++) {
            Permit permit = limiter.acquire();
            now[0] += 5_000_000;
            if (i % 200 == 0) permit.dropped();
            else permit.close();
        }
        assertThat(limiter.stats().limit()).isEqualTo(50);
        assertThat(limiter.stats().dropped()).isEqualTo(100);

        for (int i = 0; i < 2_000; i++) {
            Permit permit = limiter.acquire();
            now[0] += 5_000_000;
            permit.dropped();
        }
        assertThat(limiter.stats().limit()).isEqualTo(3);
    }

    @Test
    void ignored_permits_are_no_samples() {
        long[] now = {0};
        ConcurrencyLimiter limiter = ConcurrencyLimiter.adaptive(
                "ignored", o -> o.initialLimit(1).minLimit(1).nanoClock(() -> now[0]));

        for (int i = 0; i < 1_000; i++) {
            Permit permit = limiter.acquire();
            now[0] += 5_000_000;
            permit.ignored();
        }

        assertThat(limiter.stats().limit()).isEqualTo(1);
    }
}
