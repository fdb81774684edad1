package dev.tenfold.ratelimit;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * What one key counts on Redis under some limits of a policy, as this node sees it. Three things spare Redis work, and none of
 * them admits a call that Redis would not:
 *
 * <ul>
 *   <li><b>One script at a time.</b> Who finds none under way sends one at once. Who finds one queues up, and all that have
 *       come meanwhile go together in the next, in their order; the script decides as if they had come one by one. So a busy
 *       key costs a script a round trip, not one a call.
 *   <li><b>Refusals are remembered</b> until a token can be there, by the time when the script was sent, a second at most.
 *   <li><b>Leases</b>, where the limit asks for them: tokens taken ahead, see {@link Held}.
 * </ul>
 *
 * <p>All of it may be forgotten at any time, and is at once while there is little to remember: a key that is not busy, not
 * refused, not leased and not half used has no counter between its calls, or a hundred thousand quiet keys would cost this
 * node more time than all else it does for them. Safe for use by many threads.
 */
final class Counter {
    private static final long LONGEST_DENIAL = TimeUnit.MILLISECONDS.toNanos(RateLimiterOptions.LONGEST_DENIAL_MILLIS);
    private static final long NONE_REFUSED = Long.MAX_VALUE;
    private static final byte[] AHEAD = "ahead".getBytes(US_ASCII);
    private static final byte[] BACK = "back".getBytes(US_ASCII);
    private static final byte[] ONE = {'1'};

    private final RedisEngine engine;
    final RedisEngine.CounterId id;
    final Policy policy;
    final Limit[] limits;
    final int[] places;
    final Breaker breaker;
    private final byte[][] keys;
    private final byte[] numbers;
    private final boolean isBucket;
    private final @Nullable Lender lender;

    /** Tells whether a script is under way. Not an object of its own: there may be a hundred thousand counters. */
    private static final AtomicIntegerFieldUpdater<Counter> BUSY =
            AtomicIntegerFieldUpdater.newUpdater(Counter.class, "busy");

    /** Those who wait, the last first, linked by {@link Ticket#before}. */
    private static final AtomicReferenceFieldUpdater<Counter, @Nullable Ticket> LAST =
            AtomicReferenceFieldUpdater.newUpdater(Counter.class, Ticket.class, "last");

    private volatile int busy;
    private volatile @Nullable Ticket last;
    private volatile @Nullable Denial denial;
    private volatile @Nullable Seen seen;
    private volatile int toldOfOutage;
    private volatile boolean isKept;

    /** What the script found. States are of the limits of this counter, as of {@code nowMicros} before or after. */
    static final class Verdict {
        final boolean fits;
        final long[] states;
        final long nowMicros;
        final long takenLater;

        /** Where the tokens came from, if it was a lease. */
        final @Nullable Held held;

        Verdict(boolean fits, long[] states, long nowMicros, long takenLater, @Nullable Held held) {
            this.held = held;
            this.fits = fits;
            this.states = states;
            this.nowMicros = nowMicros;
            this.takenLater = takenLater;
        }
    }

    /** One call that waits; null if Redis did not answer. A negative cost gives tokens back. */
    static final class Ticket extends CompletableFuture<@Nullable Verdict> {
        final long cost;

        /** Whether it came while a script was under way, and goes with the next. */
        boolean isQueued;

        private @Nullable Ticket before;

        Ticket(long cost) {
            this.cost = cost;
        }
    }

    /** Calls of this cost and more are refused until a time. */
    private record Denial(long cost, long untilNanos) {}

    /** The last that was heard of the states. */
    static final class Seen {
        final long[] states;
        final long sentNanos;

        Seen(long[] states, long sentNanos) {
            this.states = states;
            this.sentNanos = sentNanos;
        }
    }

    Counter(RedisEngine engine, RedisEngine.CounterId id, Counted counted, byte[][] keys, Breaker breaker) {
        this.engine = engine;
        this.id = id;
        this.policy = id.policy();
        this.places = counted.places;
        this.limits = counted.limits;
        this.numbers = counted.numbers;
        this.keys = keys;
        this.breaker = breaker;
        this.isBucket = limits.length == 1 && !limits[0].window;
        Limit.Lease lease = limits[0].lease;
        this.lender = lease == null ? null : new Lender(lease.micros(), engine.nanoClock);
        this.isKept = lender != null;
    }

    /** The limits that are counted together, the same for all keys of a policy. */
    static final class Counted {
        final int[] places;
        final Limit[] limits;
        final byte[] numbers;

        /** @param places of the limits in the policy */
        Counted(Policy policy, int... places) {
            this.places = places;
            this.limits = Arrays.stream(places).mapToObj(i -> policy.limits[i]).toArray(Limit[]::new);
            this.numbers = numbers(limits);
        }
    }

    private static byte[] numbers(Limit[] limits) {
        ByteBuffer packed = ByteBuffer.allocate(33 * limits.length);
        for (Limit limit : limits) {
            packed.put((byte) (limit.window ? 'W' : 'B'));
            for (double number : limit.algorithm.numbers()) packed.putDouble(number);
        }
        return packed.array();
    }

    /** Decides without Redis, if that is possible. */
    @Nullable
    Verdict decideHere(long cost) {
        if (lender != null) {
            Held held = lender.current();
            long left = held == null ? -1 : held.take(cost);
            if (held != null && left >= 0) {
                engine.counters.leased.increment();
                if (held.isLow(left) && !breaker.isOpen() && begin()) send(List.of());
                return new Verdict(true, lastStates(), 0, 0, held);
            }
        }
        Denial refused = denial;
        Seen last = seen;
        if (refused == null || last == null || cost < refused.cost) return null;
        long now = engine.nanoClock.getAsLong();
        if (now - refused.untilNanos >= 0) return null;
        engine.counters.remembered.increment();
        return new Verdict(false, last.states, (now - last.sentNanos) / 1_000, 0, null);
    }

    private long[] lastStates() {
        Seen last = seen;
        return last == null ? new long[limits.length * Algorithm.WIDTH] : last.states;
    }

    /** Has Redis decide. Does not block. */
    Ticket submit(long cost) {
        return (isKept ? this : engine.underWay(this)).enqueue(cost);
    }

    private Ticket enqueue(long cost) {
        Ticket ticket = new Ticket(cost);
        if (last == null && begin()) {
            send(List.of(ticket));
        } else {
            ticket.isQueued = true;
            do {
                ticket.before = last;
            } while (!LAST.compareAndSet(this, ticket.before, ticket));
            sendWaiting();
        }
        return ticket;
    }

    /** Looks without taking. */
    CompletableFuture<@Nullable Verdict> peek(long cost) {
        long sent = engine.nanoClock.getAsLong();
        return engine.run(isBucket, keys, new byte[][] {numbers}).handle((reply, error) -> {
            if (error != null) {
                engine.failed(this, error);
                return null;
            }
            long[] states = new long[limits.length * Algorithm.WIDTH];
            int unused = read(reply, states);
            seen = new Seen(states, sent);
            remember(states, sent, NONE_REFUSED);
            return new Verdict(wait(states, cost) == 0, states, 0, 0, null);
        });
    }

    /** Forgets what was used. Completes with false if Redis did not answer. */
    CompletableFuture<Boolean> reset() {
        if (lender != null) {
            List<Held> unused = lender.empty();
        }
        return engine.delete(keys).handle((deleted, error) -> {
            denial = null;
            seen = null;
            if (error != null) engine.failed(this, error);
            return error == null;
        });
    }

    /** True for the one who sends the next script. */
    private boolean begin() {
        return busy == 0 && BUSY.compareAndSet(this, 0, 1);
    }

    /** No script is under way: sends the next one, or lets go of a counter that is no longer asked for. */
    private void next() {
        busy = 0;
        sendWaiting();
        if (busy == 0 && last == null) engine.done(this); // whoever comes at this moment still gets an answer
    }

    private void sendWaiting() {
        while (last != null && begin()) {
            List<Ticket> batch = drain();
            if (!batch.isEmpty()) {
                send(batch);
                return;
            }
            busy = 0;
        }
    }

    /** All who wait, in the order they came. */
    private List<Ticket> drain() {
        List<Ticket> batch = new ArrayList<>();
        for (Ticket next = LAST.getAndSet(this, null); next != null; next = next.before) batch.add(next);
        Collections.reverse(batch);
        return batch;
    }

    /** The caller has made this busy. */
    private void send(List<Ticket> batch) {
        Runs runs = Runs.of(batch);
        long sent = engine.nanoClock.getAsLong();
        long ahead = lender == null ? 0 : lender.wanted(runs.tokens(), sent);
        if (batch.isEmpty() && ahead == 0) {
            busy = 0;
            sendWaiting();
            return;
        }
        byte[][] args = new byte[1 + 2 * runs.count + (ahead == 0 ? 0 : 2)][];
        args[0] = numbers;
        for (int i = 0; i < runs.count; i++) {
            args[1 + 2 * i] = bytes(runs.costs[i]);
            args[2 + 2 * i] = bytes(runs.lengths[i]);
        }
        if (ahead > 0) {
            args[args.length - 2] = AHEAD;
            args[args.length - 1] = bytes(ahead);
        }
        var unused = engine.run(isBucket, keys, args).whenComplete((reply, error) -> {
            if (error != null) {
                failed(batch, error);
                return;
            }
            try {
                answered(batch, runs, reply, sent);
            } catch (RuntimeException notOurReply) {
                failed(batch, notOurReply); // or all later callers would queue behind this one
            }
        });
    }

    /** On an I/O thread. The next script first, so that it is on its way while the callers of this one wake up. */
    private void answered(List<Ticket> batch, Runs runs, List<Object> reply, long sent) {
        long[] states = new long[limits.length * Algorithm.WIDTH];
        int jumps = read(reply, states);
        runs.read(reply, jumps + 1);
        int ahead = jumps + 1 + runs.count;
        if (lender != null && reply.size() > ahead && (Long) reply.get(ahead) > 0) {
            lender.granted((Long) reply.get(ahead), (Long) reply.get(ahead + 1), sent);
            if (engine.isClosed()) {
                var unused = close(); // which has not seen it
            }
        }
        if ((Long) reply.get(jumps) > 0) engine.counters.clockJumps.increment();
        engine.counters.coalesced.add(Math.max(0, batch.size() - 1));
        seen = new Seen(states, sent);
        remember(states, sent, runs.leastRefused());
        if (!isKept && (denial != null || isHalfUsed(states))) {
            isKept = true;
            engine.keep(this);
        }
        next();

        long later = 0;
        for (int i = 0; i < runs.count; i++) later += runs.costs[i] * runs.fits[i];
        int next = 0;
        for (int i = 0; i < runs.count; i++) {
            long fits = runs.fits[i];
            for (long n = 0; n < runs.lengths[i]; n++) {
                Ticket ticket = batch.get(next++);
                if (n < fits) later -= ticket.cost;
                ticket.complete(new Verdict(n < fits, states, 0, Math.max(0, later), null));
            }
        }
    }

    /** A refusal holds as long as these states say: tokens that came back since it was made have shortened it. */
    private void remember(long[] states, long sent, long refused) {
        if (!engine.remembersDenials) return;
        Denial earlier = denial;
        long least = earlier == null || wait(states, earlier.cost) == 0 ? refused : Math.min(refused, earlier.cost);
        long wait = least == NONE_REFUSED ? 0 : TimeUnit.MICROSECONDS.toNanos(wait(states, least));
        denial = wait == 0 ? null : new Denial(least, sent + Math.min(LONGEST_DENIAL, wait));
    }

    private boolean isHalfUsed(long[] states) {
        for (int i = 0; i < limits.length; i++) {
            if (limits[i].algorithm.remaining(states, i * Algorithm.WIDTH, 0) < limits[i].burst / 2) return true;
        }
        return false;
    }

    private long wait(long[] states, long cost) {
        long wait = 0;
        for (int i = 0; i < limits.length; i++) {
            wait = Math.max(wait, limits[i].algorithm.waitMicros(states, i * Algorithm.WIDTH, 0, cost));
        }
        return wait;
    }

    /** All that wait are told at once: they have waited long enough, and the next script would fare no better. */
    private void failed(List<Ticket> batch, Throwable error) {
        engine.failed(this, error);
        List<Ticket> waiting = drain();
        next();
        batch.forEach(ticket -> ticket.complete(null));
        waiting.forEach(ticket -> ticket.complete(null));
    }

    /** Takes the states from a reply, with times before now. Returns where what follows begins. */
    private int read(List<Object> reply, long[] states) {
        int next = 0;
        for (int i = 0; i < limits.length; i++) {
            next = limits[i].algorithm.read(states, i * Algorithm.WIDTH, reply, next);
        }
        return next;
    }

    /** The last that was heard of the states; null once it {@linkplain #toldOf was told} of this outage. */
    @Nullable
    Seen seenBefore(int outage) {
        return toldOfOutage == outage ? null : seen;
    }

    /** This node's share begins with what was {@linkplain #seenBefore seen}. */
    void toldOf(int outage) {
        toldOfOutage = outage;
    }

    /** Undoes a decision that another limit has made useless. Does not block. */
    void putBack(Verdict verdict, long cost) {
        if (verdict.held != null) {
            verdict.held.putBack(cost); // where they came from, or they would live longer
        } else {
            Ticket unused = submit(-cost);
        }
    }

    /** Gives back what is left of leases. Completes when Redis has answered, or will not. */
    CompletableFuture<?> close() {
        if (lender == null) return CompletableFuture.completedFuture(null);
        List<CompletableFuture<?>> sent = new ArrayList<>();
        for (Held held : lender.empty()) {
            long unused = held.takeAll();
            if (unused == 0 || engine.nanoClock.getAsLong() - held.untilNanos >= 0) continue;
            byte[][] args = {numbers, BACK, bytes(unused), bytes(held.grantedMicros), bytes(held.lifetimeMicros)};
            sent.add(engine.run(isBucket, keys, args).exceptionally(lost -> List.of())); // then they expire
        }
        return CompletableFuture.allOf(sent.toArray(CompletableFuture<?>[]::new));
    }

    private static byte[] bytes(long number) {
        return number == 1 ? ONE : Long.toString(number).getBytes(US_ASCII);
    }

    /** Equal costs that follow each other, as pairs of a cost and how many. */
    private static final class Runs {
        final long[] costs;
        final long[] lengths;
        final long[] fits;
        int count;

        private Runs(int most) {
            costs = new long[most];
            lengths = new long[most];
            fits = new long[most];
        }

        /** How many of each were admitted. */
        void read(List<Object> reply, int from) {
            for (int i = 0; i < count; i++) fits[i] = (Long) reply.get(from + i);
        }

        /** What they cost together, not counting what is given back. */
        long tokens() {
            long tokens = 0;
            for (int i = 0; i < count; i++) tokens += Math.max(0, costs[i]) * lengths[i];
            return tokens;
        }

        /** The lowest cost that was refused. */
        long leastRefused() {
            long least = NONE_REFUSED;
            for (int i = 0; i < count; i++) {
                if (costs[i] > 0 && fits[i] < lengths[i]) least = Math.min(least, costs[i]);
            }
            return least;
        }

        static Runs of(List<Ticket> batch) {
            Runs runs = new Runs(batch.size());
            for (Ticket ticket : batch) {
                if (runs.count == 0 || runs.costs[runs.count - 1] != ticket.cost) {
                    runs.costs[runs.count++] = ticket.cost;
                }
                runs.lengths[runs.count - 1]++;
            }
            return runs;
        }
    }
}
