package dev.tenfold.jobs;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes jobs from the table and puts them into the buffer of the {@link Slots}, while they run what it took before.
 *
 * <p>It takes what free slots need, and beyond that what is used up in about two round trips at the present rate, so that slots
 * never wait for it: a thousand at most for jobs that take microseconds, none for jobs that take seconds, which another worker
 * may run at once. If the answer to a claim is lost, its jobs run when their leases have ended.
 */
final class Claimer implements Runnable, Wakeups.Sleeper {
    private static final Logger LOG = LoggerFactory.getLogger(Claimer.class);

    private static final int MOST_AHEAD = 1_000;
    private static final int LARGEST_CLAIM = 512;

    /** Ends that may wait to be written before no more is claimed. */
    private static final int MOST_UNWRITTEN = 5_000;

    private static final long LOOK_EVERY_NANOS = 20_000_000;

    /** What is claimed ahead lasts at least for this long, so that there are no more than some hundred claims a second. */
    private static final double LEAST_AHEAD_SECONDS = 0.01;

    private static final long RATE_OVER_NANOS = 20_000_000;
    private static final long LONGEST_WAIT_FOR_ROOM = 1_000_000_000;
    private static final long NEVER_NANOS = Long.MAX_VALUE / 4;
    private static final Duration PROBE_PAUSE = Duration.ofSeconds(1);

    private final Worker worker;
    private final WorkerBuilder.Settings settings;
    private final JobStore store;
    private final Lanes lanes;
    private final Slots slots;
    private final Signal signal = new Signal();
    private final Outage outage = new Outage(LOG, "cannot claim jobs");

    private volatile boolean stopped;
    private volatile boolean waitsForRoom;
    private volatile boolean allWoken;
    private volatile long expectedAt;
    private volatile Set<Integer> pausedKinds = Set.of();
    private final AtomicLong claimed = new AtomicLong();

    // How fast jobs are used up.
    private long rateAt;
    private long usedAtRate;
    private double perSecond;
    private double claimSeconds = 0.001;

    private long lookedAt;
    private boolean lookNow = true;
    private long back;

    Claimer(Worker worker, Lanes lanes, Slots slots) {
        this.worker = worker;
        this.settings = worker.settings;
        this.store = worker.shared.jobs.store;
        this.lanes = lanes;
        this.slots = slots;
        back = settings.pollMinNanos;
        rateAt = now();
        expectedAt = rateAt + NEVER_NANOS;
    }

    private long now() {
        return worker.shared.nanos.getAsLong();
    }

    @Override
    public void run() {
        while (!stopped) {
            signal.lower();
            try {
                step();
            } catch (SQLException | RuntimeException | Error e) {
                long pause = outage.failed(e);
                lookNow = true;
                rest(pause);
            }
        }
    }

    private void step() throws SQLException {
        int room = wanted();
        if (room == 0) {
            waitForRoom();
            return;
        }
        probeBreakers();
        long now = now();
        Lanes.Known lane = lanes.choose();
        boolean lookedLately = now - lookedAt < LOOK_EVERY_NANOS;
        if (lookNow || (lane == null ? allWoken : !lookedLately)) {
            look(now);
            lane = lanes.choose();
        }
        if (lane == null) {
            idle();
        } else {
            back = settings.pollMinNanos;
            claim(lane, Math.min(LARGEST_CLAIM, Integer.highestOneBit(room)), now);
        }
        outage.over();
    }

    // ---- how many ---------------------------------------------------------------------------------------------------

    private int wanted() {
        int ahead = (int) Math.min(MOST_AHEAD, perSecond * Math.max(2 * claimSeconds, LEAST_AHEAD_SECONDS));
        int free = slots.idle();
        int buffered = slots.buffered();
        slots.lowWater(ahead / 2);
        int unwritten = worker.inFlight.size() - buffered - slots.busy();
        if (unwritten > MOST_UNWRITTEN || (buffered > ahead / 2 && buffered >= free)) {
            return 0;
        }
        return Math.min(MOST_AHEAD, Math.max(0, free + ahead - buffered));
    }

    private void waitForRoom() {
        waitsForRoom = true;
        measureRate();
        if (wanted() == 0) {
            signal.await(LONGEST_WAIT_FOR_ROOM);
        }
        waitsForRoom = false;
    }

    private void measureRate() {
        long now = now();
        long nanos = now - rateAt;
        if (nanos < 1_000_000) {
            return;
        }
        long used = claimed.get() - slots.buffered();
        double measured = (used - usedAtRate) * 1e9 / nanos;
        double weight = Math.min(1, (double) nanos / RATE_OVER_NANOS);
        perSecond += (measured - perSecond) * weight;
        rateAt = now;
        usedAtRate = used;
    }

    // ---- which ------------------------------------------------------------------------------------------------------

    private void look(long now) throws SQLException {
        lookNow = false;
        allWoken = false;
        lookedAt = now;
        List<Lanes.Known> active = lanes.active();
        int[] known = kinds();
        if (active.isEmpty() || known.length == 0) {
            lanes.looked(List.of(), false);
            return;
        }
        boolean fromStart = lanes.mayReset(now);
        List<Lane> asked = new ArrayList<>(active.size());
        List<Lane.Cursor> cursors = new ArrayList<>(active.size());
        for (Lanes.Known each : active) {
            asked.add(each.lane);
            cursors.add(fromStart ? Lane.Cursor.START : each.cursor);
        }
        List<Lane.Head> heads = store.db.autocommit(connection -> store.heads(connection, asked, cursors, known));
        long done = now();
        if (fromStart) {
            lanes.hasReset(done, done - now);
        } else {
            lanes.hasBegunAtCursor(done - now);
        }
        lanes.looked(heads, fromStart);
    }

    /** The kinds that may be claimed now. */
    private int[] kinds() {
        return worker.kindIds.entrySet().stream()
                .filter(each -> each.getValue().isBreakerClosed() && !pausedKinds.contains(each.getKey()))
                .mapToInt(Map.Entry::getKey)
                .sorted()
                .toArray();
    }

    // ---- claiming ---------------------------------------------------------------------------------------------------

    private void claim(Lanes.Known lane, int limit, long now) throws SQLException {
        boolean guessed = lane.isGuessed;
        Lane.Cursor begin = lanes.begin(lane, now);
        List<Claimed> got = store.claim(lane.lane, begin, kinds(), limit, worker.shared.worker, settings.leaseMicros);
        long done = now();
        claimSeconds += ((done - now) / 1e9 - claimSeconds) / 4;
        lanes.claimed(lane, begin, limit, got, done, done - now);
        lookNow = got.size() < limit && !guessed;
        int unused = accept(got, lane.share.budget, false, now);
        measureRate();
    }

    /**
     * Leases count from before the claim was sent: by the database's clock they end later.
     *
     * @return how many are to run: without those that were parked
     */
    private int accept(List<Claimed> got, RetryBudget budget, boolean probe, long sentAt) {
        if (got.isEmpty()) {
            return 0;
        }
        long trusted = sentAt + settings.trustNanos;
        List<Execution> executions = new ArrayList<>(got.size());
        List<Execution> keyed = new ArrayList<>(0);
        for (Claimed job : got) {
            Handled<?> handled = worker.handled(job.kind);
            Execution execution = new Execution(job, handled, worker.shared, budget, probe, trusted);
            (job.needsPlace() ? keyed : executions).add(execution);
        }
        worker.inFlight.addAll(executions);
        if (!keyed.isEmpty()) {
            admit(keyed, executions);
        }
        claimed.addAndGet(executions.size());
        if (stopped) {
            executions.forEach(Execution::drainUnstarted);
            executions.forEach(worker::ended);
        } else {
            slots.add(executions);
        }
        return executions.size();
    }

    /** Adds those that have a place under their concurrency keys; the others are parked, and no longer ours. */
    private void admit(List<Execution> keyed, List<Execution> admitted) {
        worker.inFlight.addAll(keyed);
        try {
            Set<Long> places = new HashSet<>();
            for (Claimed each : store.admit(keyed.stream().map(each -> each.job).toList(), worker.shared.worker)) {
                places.add(each.id);
            }
            for (Execution each : keyed) {
                if (places.contains(each.job.id)) {
                    admitted.add(each);
                } else {
                    worker.inFlight.remove(each);
                }
            }
        } catch (SQLException | RuntimeException e) {
            LOG.warn("cannot tell whether {} jobs with concurrency keys may run; they are given back", keyed.size(), e);
            keyed.forEach(Execution::drainUnstarted);
            keyed.forEach(worker::ended);
        }
    }

    // ---- breakers ---------------------------------------------------------------------------------------------------

    private void probeBreakers() throws SQLException {
        for (Handled<?> each : worker.handled) {
            Breaker breaker = each.breaker;
            if (breaker != null && breaker.takeProbe(now())) {
                boolean isTried = false;
                try {
                    isTried = probe(each);
                } finally {
                    if (!isTried) {
                        breaker.gaveUpProbe(now(), PROBE_PAUSE); // also when the database does not answer
                    }
                }
            }
        }
    }

    /** Claims one job of a kind, from wherever there is one; false if none is tried. */
    private boolean probe(Handled<?> handled) throws SQLException {
        int[] ids = worker.kindIds.entrySet().stream()
                .filter(each -> each.getValue() == handled && !pausedKinds.contains(each.getKey()))
                .mapToInt(Map.Entry::getKey)
                .toArray();
        List<Lanes.Known> active = lanes.active();
        if (ids.length == 0 || active.isEmpty()) {
            return false;
        }
        List<Lane> asked = active.stream().map(each -> each.lane).toList();
        Lane.Cursor[] start = new Lane.Cursor[asked.size()];
        Arrays.fill(start, Lane.Cursor.START);
        List<Lane.Head> heads = store.db.autocommit(connection -> store.heads(connection, asked, List.of(start), ids));
        if (heads.isEmpty()) {
            return false;
        }
        Lane lane = heads.get(0).lane();
        long now = now();
        List<Claimed> got = store.claim(lane, Lane.Cursor.START, ids, 1, worker.shared.worker, settings.leaseMicros);
        return accept(got, worker.budget(lane.queue()), true, now) > 0;
    }

    // ---- waiting ----------------------------------------------------------------------------------------------------

    private void idle() {
        measureRate();
        long jittered = back / 2 + ThreadLocalRandom.current().nextLong(back / 2 + 1);
        long now = now();
        long expected = expectedAt - now;
        long wait = Math.min(lanes.owedIn(now, jittered), Math.max(0, expected));
        signal.await(wait);
        if (now() - now - wait >= 0) {
            lookNow = true; // else somebody woke us, and has said where to go
            back = Math.min(settings.pollMaxNanos, back * 2);
            if (wait == expected) {
                expectedAt = now + NEVER_NANOS;
            }
        }
    }

    private void rest(long nanos) {
        long until = now() + nanos;
        for (long left = nanos; left > 0 && !stopped; left = until - now()) {
            signal.lower();
            if (!stopped) {
                signal.await(left);
            }
        }
    }

    // ---- from other threads -----------------------------------------------------------------------------------------

    @Override
    public void wake(@Nullable Lane lane) {
        if (lane == null) {
            look();
            worker.lookAtPauses();
        } else if (lanes.wake(lane)) {
            signal.raise();
        }
    }

    @Override
    public void cancelled(long id) {
        worker.cancelled(id);
    }

    /** A slot has nothing to do, or the buffer sinks. */
    void room() {
        if (waitsForRoom) {
            signal.raise();
        }
    }

    long claimed() {
        return claimed.get();
    }

    /** Jobs that were waited for may be due, in one of the lanes. */
    void look() {
        allWoken = true;
        signal.raise();
    }

    /** A job comes back then. */
    void expect(long nanos) {
        if (nanos - expectedAt < 0) {
            expectedAt = nanos;
            signal.raise();
        }
    }

    void paused(Set<Integer> queues, Set<Integer> kindIds) {
        boolean resumed = !queues.containsAll(lanes.pausedQueues()) || !kindIds.containsAll(pausedKinds);
        lanes.pauseQueues(queues);
        pausedKinds = Set.copyOf(kindIds);
        if (resumed) {
            look();
        }
    }

    void stop() {
        stopped = true;
        signal.raise();
    }
}
