package dev.tenfold.ratelimit;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/**
 * Decides in this node's memory: for {@link RateLimiter#local()}, and for a share of a limit while Redis is away. Blocks
 * nobody but for a cell's lock.
 */
final class LocalEngine {
    /** A lock of several cells at once is the exception. */
    private static final int ONE = 1;

    /** Not a share. */
    private static final int PLAIN = 0;

    private final ByPolicy<Table> tables;
    private final LongSupplier nanoClock;
    private final long origin;
    private final AtomicInteger room;
    private final int plenty;

    /** The cells of one policy. */
    private static final class Table {
        final Cells whole;
        final Map<String, Cells> parts = new ConcurrentHashMap<>();

        Table(Cells whole) {
            this.whole = whole;
        }
    }

    LocalEngine(RateLimiterOptions options) {
        nanoClock = options.nanoClock;
        origin = nanoClock.getAsLong();
        room = new AtomicInteger(options.maxKeys);
        plenty = options.maxKeys / 2;
        tables = new ByPolicy<>(() -> new Table(newCells()));
    }

    private long nowMicros() {
        return (nanoClock.getAsLong() - origin) / 1_000;
    }

    Decision acquire(Policy policy, Object key, long cost) {
        return step(policy, key, PLAIN, cost, true);
    }

    Decision peek(Policy policy, Object key, long cost) {
        return step(policy, key, PLAIN, cost, false);
    }

    /** By this node's share: each token costs as many as there are nodes. */
    Decision acquireShare(Policy policy, Object key, long cost, int nodes) {
        return step(policy, key, nodes, cost, true);
    }

    /** The same without taking. */
    Decision peekShare(Policy policy, Object key, long cost, int nodes) {
        return step(policy, key, nodes, cost, false);
    }

    private static Decision decision(Policy policy, int nodes, long cost, boolean fits, long[] states, long now) {
        if (nodes != PLAIN) return new Decision.Degraded(policy, cost, fits, states, now, nodes);
        return fits
                ? new Decision.Allowed(policy, cost, states, now, 0)
                : new Decision.Denied(policy, cost, states, now, 0);
    }

    /** @param nodes that share the limits; {@link #PLAIN} if they are this node's alone */
    private Decision step(Policy policy, Object key, int nodes, long cost, boolean take) {
        int weight = Math.max(1, nodes);
        while (true) {
            long now = nowMicros();
            if (policy.groups.length == ONE) {
                Policy.Group group = policy.groups[0];
                Cell cell = cells(policy, group).of(policy.counted(key, group.by), group.limits, now);
                synchronized (cell) {
                    if (cell.isLive()) {
                        long[] states = cell.states(group.limits, now);
                        boolean fits = fits(group.limits, states, now, weight, cost);
                        if (fits && take) {
                            take(group.limits, states, weight, cost);
                            cell.keep(states);
                        }
                        return decision(policy, nodes, cost, fits, states, now);
                    }
                }
            } else {
                Step several = new Step(policy, key, now);
                if (several.run(weight, cost, take)) {
                    return decision(policy, nodes, cost, several.fits, several.states, now);
                }
            }
        }
    }

    private static boolean fits(Limit[] limits, long[] states, long now, int weight, long cost) {
        for (int i = 0; i < limits.length; i++) {
            // A share may be less than the cost of one call: then a full bucket admits it, and owes the rest.
            long need = weight == 1 ? cost : Math.min(limits[i].shared(cost, weight), limits[i].largestCost());
            if (!limits[i].algorithm.fits(states, i * Algorithm.WIDTH, now, need)) return false;
        }
        return true;
    }

    private static void take(Limit[] limits, long[] states, int weight, long cost) {
        for (int i = 0; i < limits.length; i++) {
            limits[i].algorithm.take(states, i * Algorithm.WIDTH, limits[i].shared(cost, weight));
        }
    }

    /** A decision over limits that are counted under different parts of the key: all their cells are locked, in order. */
    private final class Step {
        private final Policy policy;
        private final long now;
        private final Cell[] cells;
        private final Limit[][] limits;
        private final Integer[] order;
        final long[] states;
        boolean fits = true;

        Step(Policy policy, Object key, long now) {
            this.policy = policy;
            this.now = now;
            int groups = policy.groups.length;
            cells = new Cell[groups];
            limits = new Limit[groups][];
            order = new Integer[groups];
            states = new long[policy.limits.length * Algorithm.WIDTH];
            for (int g = 0; g < groups; g++) {
                Policy.Group group = policy.groups[g];
                limits[g] = group.limits;
                cells[g] = cells(policy, group).of(policy.counted(key, group.by), limits[g], now);
                order[g] = g;
            }
            Arrays.sort(order, Comparator.comparingLong(g -> cells[g].id));
        }

        /** False if a cell was retired meanwhile. */
        boolean run(int weight, long cost, boolean take) {
            return lockFrom(0, weight, cost, take);
        }

        private boolean lockFrom(int i, int weight, long cost, boolean take) {
            if (i == order.length) return decide(weight, cost, take);
            synchronized (cells[order[i]]) {
                return cells[order[i]].isLive() && lockFrom(i + 1, weight, cost, take);
            }
        }

        private boolean decide(int weight, long cost, boolean take) {
            long[][] each = new long[cells.length][];
            for (int g = 0; g < cells.length; g++) {
                each[g] = cells[g].states(limits[g], now);
                fits &= LocalEngine.fits(limits[g], each[g], now, weight, cost);
            }
            for (int g = 0; g < cells.length; g++) {
                if (fits && take) {
                    LocalEngine.take(limits[g], each[g], weight, cost);
                    cells[g].keep(each[g]);
                }
                int[] places = policy.groups[g].places;
                for (int i = 0; i < places.length; i++) {
                    System.arraycopy(
                            each[g], i * Algorithm.WIDTH, states, places[i] * Algorithm.WIDTH, Algorithm.WIDTH);
                }
            }
            return true;
        }
    }

    /** Gives tokens back to all limits of a policy. */
    void refund(Policy policy, Object key, long cost) {
        forEachCell(policy, key, (cell, limits, now) -> {
            long[] states = cell.states(limits, now);
            for (int i = 0; i < limits.length; i++) {
                limits[i].algorithm.giveBack(states, i * Algorithm.WIDTH, cost);
            }
            cell.keep(states);
        });
    }

    /** Forgets what a key has used. */
    void reset(Policy policy, Object key) {
        for (Policy.Group group : policy.groups) {
            cells(policy, group).reset(policy.counted(key, group.by));
        }
    }

    /**
     * Leaves no more to a key than another engine has seen. Its states are as of some time ago, by a clock of its own.
     *
     * @param theirs in the policy's order; times are relative to when they were seen
     */
    void seed(Policy policy, Object key, long[] theirs, long agoMicros) {
        for (Policy.Group group : policy.groups) {
            int[] places = group.places;
            Limit[] limits = group.limits;
            while (true) {
                long now = nowMicros();
                long[] seen = new long[places.length * Algorithm.WIDTH];
                for (int i = 0; i < places.length; i++) {
                    System.arraycopy(theirs, places[i] * Algorithm.WIDTH, seen, i * Algorithm.WIDTH, Algorithm.WIDTH);
                    limits[i].algorithm.shift(seen, i * Algorithm.WIDTH, now - agoMicros);
                    limits[i].algorithm.advance(seen, i * Algorithm.WIDTH, now);
                }
                Cell cell = cells(policy, group).of(policy.counted(key, group.by), limits, now);
                synchronized (cell) {
                    if (cell.isLive()) {
                        cell.takeLesser(limits, seen, now);
                        break;
                    }
                }
            }
        }
    }

    private interface CellAction {
        void run(Cell cell, Limit[] limits, long nowMicros);
    }

    private void forEachCell(Policy policy, Object key, CellAction action) {
        for (Policy.Group group : policy.groups) {
            Cell cell = cells(policy, group).find(policy.counted(key, group.by));
            if (cell == null) continue; // nothing was taken
            synchronized (cell) {
                if (cell.isLive()) action.run(cell, group.limits, nowMicros());
            }
        }
    }

    private Cells cells(Policy policy, Policy.Group group) {
        Table table = tables.of(policy);
        String by = group.by;
        return by == null ? table.whole : table.parts.computeIfAbsent(by, part -> newCells());
    }

    private Cells newCells() {
        return new Cells(room, plenty);
    }

    /** Keys with a cell of their own. */
    int size() {
        int size = 0;
        for (Table table : tables.all().values()) {
            size += table.whole.size();
            for (Cells cells : table.parts.values()) size += cells.size();
        }
        return size;
    }

    /** Whether there is no room for further keys. */
    boolean isFull() {
        return room.get() <= 0;
    }
}
