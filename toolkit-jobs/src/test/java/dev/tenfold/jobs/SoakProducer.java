package dev.tenfold.jobs;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Enqueues at a steady rate, whatever happens, and keeps a ledger of what it has been told. A single job is asked for again until
 * there is an answer: its unique key makes that safe. What goes into a transaction has a marker there, which tells in the end
 * whether the transaction was committed, if the answer did not.
 */
final class SoakProducer implements AutoCloseable {
    /** So many that no job but the poisoned ones is ever given up. */
    static final int ATTEMPTS = 1_000;

    static final List<String> CONCURRENCY_KEYS = List.of("one-1", "two-2", "three-3");
    private static final Duration WINDOW = Duration.ofHours(5);
    private static final Duration ASKS_FOR = Duration.ofMinutes(2);

    /** What a job has to leave behind. */
    enum Want {
        /** One row of soak_effect. */
        EFFECT,
        /** A start and an end in soak_event. */
        EVENTS,
        /** A dead letter, nothing else. */
        DEATH
    }

    /** What the producer has been told of a transaction. */
    enum Fate {
        COMMITTED,
        ROLLED_BACK,
        UNKNOWN
    }

    /** Jobs that are there together or not at all. */
    static final class Deal {
        final String name;
        /** Whether soak_marker tells of it. */
        final boolean marked;

        final Map<String, Want> jobs = new LinkedHashMap<>();
        /** Each after the one before it. */
        final List<String> chain = new ArrayList<>();
        /** Comes after all the other jobs. */
        @Nullable
        String callback;

        boolean windowed;
        volatile Fate fate = Fate.UNKNOWN;

        private Deal(String name, boolean marked) {
            this.name = name;
            this.marked = marked;
        }
    }

    /** Somebody wants this to be enqueued. */
    private record Order(Deal deal, Object job) {}

    /** Enqueues in a transaction. */
    private interface Work {
        void in(Enqueuer jobs) throws SQLException;
    }

    final Queue<Deal> deals = new ConcurrentLinkedQueue<>();
    final Queue<String> surprises = new ConcurrentLinkedQueue<>();
    private final Queue<Order> ordered = new ConcurrentLinkedQueue<>();
    private final HikariDataSource pool;
    private final JobQueue jobs;
    private final Random random;
    private final long pauseNanos;
    private final Thread thread = new Thread(this::run, "soak-producer");
    private int number;
    private int baits;
    private volatile boolean stopped;
    /** While the answer to a commit is awaited that takes its time. */
    volatile boolean isCommittingSlowly;

    final AtomicInteger asked = new AtomicInteger();
    final AtomicInteger askedAgain = new AtomicInteger();

    SoakProducer(String url, Random random, int perSecond) {
        this.random = random;
        pauseNanos = TimeUnit.SECONDS.toNanos(1) / perSecond;
        pool = SoakWorker.pool(url, 4);
        jobs = JobQueue.on(pool);
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Returns when the last answer is there. */
    void stop() throws InterruptedException {
        stopped = true;
        thread.join();
    }

    @Override
    public void close() {
        stopped = true;
        jobs.close();
        pool.close();
    }

    private void run() {
        long next = System.nanoTime();
        while (!stopped) {
            try {
                one();
            } catch (RuntimeException | Error e) {
                surprises.add("the producer: " + e);
            }
            long now = System.nanoTime();
            next = Math.max(next + pauseNanos, now - pauseNanos);
            LockSupport.parkNanos(next - now);
        }
    }

    private void one() {
        Order order = ordered.poll();
        if (order != null) {
            long unused = ask(order.deal, order.job, o -> o);
            return;
        }
        int dice = random.nextInt(100);
        if (dice < 40) {
            single(o -> o);
        } else if (dice < 45) {
            twice();
        } else if (dice < 55) {
            single(o -> o.delay(Duration.ofMillis(100 + random.nextInt(3_000))));
        } else if (dice < 70) {
            keyed();
        } else if (dice < 78) {
            bulk();
        } else if (dice < 84) {
            oneInTransaction();
        } else if (dice < 91) {
            chain();
        } else if (dice < 98) {
            batch();
        } else {
            String key = key("poison");
            Deal deal = deal(key, false);
            deal.jobs.put(key, Want.DEATH);
            long unused = ask(deal, new SoakWorker.Poison(key, false), o -> o.maxAttempts(3));
        }
    }

    /** Jobs that do not let themselves be interrupted, for workers that are about to be stopped. Any thread. */
    synchronized void bait(int pairs, int millis) {
        for (int i = 0; i < pairs; i++) {
            int n = baits++;
            Deal plain = deal("bait-p" + n, false);
            plain.jobs.put(plain.name, Want.EVENTS);
            ordered.add(new Order(plain, new SoakWorker.Plain(plain.name, null, millis, true, 0, false)));
            Deal effect = deal("bait-t" + n, false);
            effect.jobs.put(effect.name, Want.EFFECT);
            ordered.add(new Order(effect, new SoakWorker.Effect(effect.name, millis, 0, true, 0, false, null)));
        }
    }

    // ---- one by one, asked for until there is an answer -------------------------------------------------------------

    private void single(UnaryOperator<EnqueueOptions> change) {
        Deal deal = deal(key("single"), false);
        long unused = ask(deal, any(deal, deal.name, null), change);
    }

    private void keyed() {
        String concurrencyKey = CONCURRENCY_KEYS.get(random.nextInt(CONCURRENCY_KEYS.size()));
        Deal deal = deal(key("keyed"), false);
        long unused = ask(
                deal,
                any(deal, deal.name, concurrencyKey),
                o -> o.concurrencyKey(concurrencyKey, limit(concurrencyKey)));
    }

    static int limit(String concurrencyKey) {
        return concurrencyKey.charAt(concurrencyKey.length() - 1) - '0';
    }

    /** The second answer has to be that it is there. */
    private void twice() {
        Deal deal = deal(key("twice"), false);
        Object job = any(deal, deal.name, null);
        long id = ask(deal, job, o -> o);
        Enqueued again = enqueue(job, o -> o.uniqueFor(WINDOW, deal.name).maxAttempts(ATTEMPTS));
        if (again == null || again.isNew() || again.id() != id) {
            surprises.add(deal.name + " was enqueued as " + id + ", and then as " + again);
        }
    }

    private long ask(Deal deal, Object job, UnaryOperator<EnqueueOptions> change) {
        deal.windowed = true;
        Enqueued enqueued =
                enqueue(job, o -> change.apply(o.uniqueFor(WINDOW, deal.name).maxAttempts(ATTEMPTS)));
        if (enqueued == null) {
            surprises.add(deal.name + " got no answer for " + ASKS_FOR);
            return 0;
        }
        deal.fate = Fate.COMMITTED;
        return enqueued.id();
    }

    private @Nullable Enqueued enqueue(Object job, UnaryOperator<EnqueueOptions> change) {
        long until = System.nanoTime() + ASKS_FOR.toNanos();
        while (System.nanoTime() - until < 0) {
            try {
                asked.incrementAndGet();
                return jobs.enqueue(job, change);
            } catch (JobException unknown) {
                askedAgain.incrementAndGet();
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
            }
        }
        return null;
    }

    // ---- in transactions, of which a third is rolled back -----------------------------------------------------------

    private void bulk() {
        Deal deal = deal(key("bulk"), true);
        List<Object> some = new ArrayList<>();
        for (int i = 5 + random.nextInt(15); i > 0; i--) {
            some.add(any(deal, deal.name + "/" + i, null));
        }
        transaction(deal, with -> {
            long unused = with.enqueueAll(some, o -> o.maxAttempts(ATTEMPTS));
        });
    }

    private void oneInTransaction() {
        Deal deal = deal(key("inside"), true);
        Object job = any(deal, deal.name, null);
        transaction(deal, with -> {
            Enqueued unused = with.enqueue(job, o -> o.maxAttempts(ATTEMPTS));
        });
    }

    private void chain() {
        Deal deal = deal(key("chain"), true);
        List<Object> steps = new ArrayList<>();
        int length = 2 + random.nextInt(3);
        for (int i = 1; i <= length; i++) {
            String step = deal.name + "/" + i;
            deal.chain.add(step);
            deal.jobs.put(step, Want.EFFECT);
            steps.add(new SoakWorker.Effect(step, random.nextInt(50), 0, false, failures(), false, null));
        }
        transaction(deal, with -> {
            List<Enqueued> unused = with.chain(steps, o -> o.maxAttempts(ATTEMPTS));
        });
    }

    private void batch() {
        Deal deal = deal(key("batch"), true);
        List<Object> members = new ArrayList<>();
        for (int i = 2 + random.nextInt(6); i > 0; i--) {
            members.add(any(deal, deal.name + "/" + i, null));
        }
        boolean poisoned = random.nextInt(3) == 0;
        if (poisoned) {
            String key = deal.name + "/poison";
            deal.jobs.put(key, Want.DEATH);
            members.add(new SoakWorker.Poison(key, true));
        }
        String callback = deal.name + "/callback";
        deal.callback = callback;
        deal.jobs.put(callback, Want.EFFECT);
        transaction(deal, with -> {
            Enqueued unused = with.batch(members, SoakWorker.Effect.of(callback), o -> {
                BatchOptions options = o.members(m -> m.maxAttempts(ATTEMPTS)).callback(c -> c.maxAttempts(ATTEMPTS));
                return poisoned ? options.runsAnyway() : options;
            });
        });
    }

    private void transaction(Deal deal, Work work) {
        boolean rollsBack = random.nextInt(3) == 0;
        boolean slow = random.nextInt(3) == 0;
        boolean committing = false;
        asked.incrementAndGet();
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            try (var statement = connection.prepareStatement("insert into soak_marker (name, slow) values (?, ?)")) {
                statement.setString(1, deal.name);
                statement.setBoolean(2, slow);
                statement.executeUpdate();
            }
            work.in(jobs.in(connection));
            if (rollsBack) {
                connection.rollback();
                deal.fate = Fate.ROLLED_BACK;
            } else {
                committing = true;
                isCommittingSlowly = slow;
                connection.commit();
                deal.fate = Fate.COMMITTED;
            }
        } catch (SQLException | JobException e) {
            if (!committing) {
                deal.fate = Fate.ROLLED_BACK;
            }
        } finally {
            isCommittingSlowly = false;
        }
    }

    // ---- what -------------------------------------------------------------------------------------------------------

    private String key(String what) {
        return what + "-" + number++;
    }

    private Deal deal(String name, boolean marked) {
        Deal deal = new Deal(name, marked);
        deals.add(deal);
        return deal;
    }

    private Object any(Deal deal, String key, @Nullable String concurrencyKey) {
        int millis = random.nextInt(concurrencyKey == null ? 100 : 250);
        boolean snoozes = random.nextInt(15) == 0;
        if (random.nextInt(2) == 0) {
            deal.jobs.put(key, Want.EVENTS);
            return new SoakWorker.Plain(
                    key,
                    concurrencyKey,
                    millis,
                    concurrencyKey == null && random.nextInt(15) == 0,
                    failures(),
                    snoozes);
        }
        deal.jobs.put(key, Want.EFFECT);
        String child = random.nextInt(8) == 0 ? key + "/child" : null;
        // The callback of a batch does not wait for what its members enqueue.
        if (child != null) {
            deal.jobs.put(child, Want.EFFECT);
        }
        return new SoakWorker.Effect(
                key, millis, random.nextInt(30), random.nextInt(15) == 0, failures(), snoozes, child);
    }

    private int failures() {
        return random.nextInt(8) == 0 ? 1 + random.nextInt(2) : 0;
    }
}
