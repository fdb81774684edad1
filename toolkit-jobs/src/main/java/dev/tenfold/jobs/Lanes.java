package dev.tenfold.jobs;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which lane the next claim takes from, and where it begins. Knows what the last look at the table and the claims since then
 * have shown; asks nobody.
 *
 * <p>Among queues that have jobs, the one that has had least for its weight is next (stride scheduling; Waldspurger and Weihl,
 * 1995). Within a queue it is the job that is most urgent after one level is taken off for each ageing interval that it has
 * waited; since all wait by the same clock, the time of day cancels out, and the lane with the least {@code priority × interval +
 * time due} is next. No row is rewritten for that.
 *
 * <p>A claim begins at the lane's cursor, behind what was claimed before, so that it does not wade through rows that are leased,
 * or deleted and not yet vacuumed. What appears before the cursor, expired leases and late commits, is found by looking from
 * the start now and then, which may take a tenth of the time.
 *
 * <p>For one thread, but {@link #wake} and {@link #pauseQueues}.
 */
final class Lanes {
    private static final int PRIORITIES = Priority.values().length;

    /** How often it is looked from the start, at most: while there is work behind the cursors, and else. */
    private static final long BUSY_RESET_NANOS = 250_000_000;

    private static final long IDLE_RESET_NANOS = 20_000_000;
    private static final int RESET_COST_SHARE = 10;
    /** What the first look may count as, while it is not known whether it was a scan that is long, or a hiccup. */
    private static final long MOST_UNCONFIRMED_COST = 200_000_000;

    /** A queue's share of the worker. */
    static final class Share {
        final int queue;
        final int weight;
        final RetryBudget budget;
        double served;
        boolean wasReady;
        volatile boolean isPaused;

        Share(int queue, int weight, RetryBudget budget) {
            this.queue = queue;
            this.weight = weight;
            this.budget = budget;
        }
    }

    /** What is known of a lane. */
    static final class Known {
        final Lane lane;
        final Share share;
        Lane.Cursor cursor = Lane.Cursor.START;
        boolean isReady;
        /** Somebody said so, nobody has looked. */
        boolean isGuessed;

        long head;
        /** When a claim last began at the start. */
        long resetAt;

        volatile boolean isWoken;

        private Known(Lane lane, Share share) {
            this.lane = lane;
            this.share = share;
        }
    }

    private final long ageingMicros;
    private final List<Share> shares;
    private final List<Known> all = new ArrayList<>();
    private final Map<Lane, Known> byLane = new HashMap<>();

    private long latestHead;
    private boolean hasReset;
    private long resetAt;
    private long resetCost;
    /** What the last look and the last claim from the start took. A scan that is long is so twice; a hiccup is not. */
    private long lastLookCost;

    private long lastClaimCost;
    private long usualCost;
    /** A look or a claim began at a cursor where it might have begun at the start: what is before it may have been missed. */
    private boolean owesReset;

    Lanes(List<Share> shares, long ageingMicros, long now) {
        this.shares = List.copyOf(shares);
        this.ageingMicros = ageingMicros;
        for (Share share : shares) {
            for (int priority = 0; priority < PRIORITIES; priority++) {
                Known known = new Known(new Lane(share.queue, priority), share);
                known.resetAt = now - BUSY_RESET_NANOS;
                all.add(known);
                byLane.put(known.lane, known);
            }
        }
    }

    // ---- looking ----------------------------------------------------------------------------------------------------

    /** The lanes to look at. */
    List<Known> active() {
        List<Known> active = new ArrayList<>(all.size());
        for (Known each : all) {
            if (!each.share.isPaused) {
                active.add(each);
            }
        }
        return active;
    }

    /** Whether to look from the start now; whoever does says what it cost. */
    boolean mayReset(long now) {
        return !hasReset || nextReset() - now <= 0;
    }

    /** What it cost is what it took longer than what begins at a cursor does: not the way to the database and back. */
    void hasReset(long now, long cost) {
        long more = Math.max(0, cost - usualCost);
        resetCost = Math.min(more, hasReset ? lastLookCost : MOST_UNCONFIRMED_COST);
        hasReset = true;
        resetAt = now;
        lastLookCost = more;
        owesReset = false;
    }

    /** A look or a claim that did not begin at the start has taken so long. */
    void hasBegunAtCursor(long cost) {
        usualCost += (cost - usualCost) / 4;
    }

    private long nextReset() {
        return resetAt + pause(anyReady() ? BUSY_RESET_NANOS : IDLE_RESET_NANOS);
    }

    private long pause(long least) {
        return Math.max(least, RESET_COST_SHARE * resetCost);
    }

    /** How long an idle worker may wait before it has to look from the start. */
    long owedIn(long now, long otherwise) {
        return owesReset ? Math.max(0, Math.min(otherwise, nextReset() - now)) : otherwise;
    }

    void looked(List<Lane.Head> heads, boolean fromStart) {
        owesReset |= !fromStart;
        for (Known each : all) {
            each.isReady = false;
            each.isGuessed = false;
        }
        for (Lane.Head head : heads) {
            Known known = byLane.get(head.lane());
            if (known != null) {
                ready(known, head.runAt());
                known.cursor = new Lane.Cursor(head.runAt(), head.id() - 1); // nothing is due before
            }
        }
        joinOrLeave();
    }

    private void ready(Known known, long head) {
        known.isReady = true;
        known.head = head;
        latestHead = Math.max(latestHead, head);
    }

    /** A queue that was empty gets no more than its share from now on: what it has not used is gone. */
    private void joinOrLeave() {
        double least = Double.MAX_VALUE;
        for (Share share : shares) {
            if (share.wasReady && isReady(share)) {
                least = Math.min(least, share.served);
            }
        }
        for (Share share : shares) {
            boolean ready = isReady(share);
            if (ready && !share.wasReady && least < Double.MAX_VALUE) {
                share.served = Math.max(share.served, least);
            }
            share.wasReady = ready;
        }
    }

    private boolean isReady(Share share) {
        for (Known each : all) {
            if (each.share.queue == share.queue && each.isReady) {
                return true;
            }
        }
        return false;
    }

    boolean anyReady() {
        for (Known each : all) {
            if (each.isReady) {
                return true;
            }
        }
        return false;
    }

    // ---- claiming ---------------------------------------------------------------------------------------------------

    /** Where to claim next; null if there is nothing, as far as is known. */
    @Nullable
    Known choose() {
        takeWoken();
        Known best = null;
        for (Known each : all) {
            if (each.isReady && !each.share.isPaused && (best == null || isBefore(each, best))) {
                best = each;
            }
        }
        return best;
    }

    private void takeWoken() {
        boolean changed = false;
        for (Known each : all) {
            if (each.isWoken) {
                each.isWoken = false;
                if (!each.isReady && !each.share.isPaused) {
                    ready(each, latestHead); // just enqueued, most likely
                    each.isGuessed = true;
                    changed = true;
                }
            }
        }
        if (changed) {
            joinOrLeave();
        }
    }

    private boolean isBefore(Known one, Known other) {
        return one.share == other.share
                ? urgency(one) < urgency(other)
                : one.share.served < other.share.served
                        || (one.share.served == other.share.served && one.share.queue < other.share.queue);
    }

    private long urgency(Known known) {
        return known.lane.priority() * ageingMicros + known.head;
    }

    /** Where the claim begins: if it is not known what is there, at the start, as often as that may be. */
    Lane.Cursor begin(Known known, long now) {
        boolean fromStart = known.isGuessed && now - known.resetAt >= pause(IDLE_RESET_NANOS);
        return fromStart ? Lane.Cursor.START : known.cursor;
    }

    void claimed(Known from, Lane.Cursor begun, int asked, List<Claimed> got, long now, long cost) {
        if (!got.isEmpty()) {
            Claimed last = got.get(got.size() - 1);
            from.cursor = new Lane.Cursor(last.runAt, last.id);
            from.head = last.runAt;
            latestHead = Math.max(latestHead, last.runAt);
            from.share.served += (double) got.size() / from.share.weight;
        }
        if (begun.equals(Lane.Cursor.START)) {
            from.resetAt = now;
            long more = Math.max(0, cost - usualCost);
            resetCost = Math.max(resetCost, Math.min(more, lastClaimCost));
            lastClaimCost = more;
        } else {
            hasBegunAtCursor(cost);
            owesReset = true;
        }
        from.isGuessed &= got.isEmpty();
        if (got.size() < asked) {
            from.isReady = false;
            joinOrLeave();
        }
    }

    // ---- from other threads -----------------------------------------------------------------------------------------

    /** Whether the lane is one of these. */
    boolean wake(Lane lane) {
        Known known = byLane.get(lane);
        if (known == null) {
            return false;
        }
        known.isWoken = true;
        return true;
    }

    Set<Integer> pausedQueues() {
        Set<Integer> paused = new HashSet<>();
        for (Share share : shares) {
            if (share.isPaused) {
                paused.add(share.queue);
            }
        }
        return paused;
    }

    void pauseQueues(Set<Integer> paused) {
        for (Share share : shares) {
            share.isPaused = paused.contains(share.queue);
        }
    }
}
