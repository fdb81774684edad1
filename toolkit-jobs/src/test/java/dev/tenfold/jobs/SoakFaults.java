package dev.tenfold.jobs;

import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.PostgresServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The processes of the soak, what is done to them and to the database, and when nobody could have worked. */
final class SoakFaults implements AutoCloseable {
    private static final int WORKERS = 3;

    /** After an outage a worker may take so long until it asks again. */
    private static final Duration COMES_BACK = Duration.ofSeconds(2);

    enum Fault {
        KILL,
        ZOMBIE,
        DATABASE,
        CUT,
        HALF_OPEN,
        DELAY,
        CUT_PRODUCER,
        HALF_OPEN_PRODUCER
    }

    /** What is to happen when, in milliseconds from the start. */
    record Planned(long at, Fault fault, int victim, int millis) {}

    /** One of three processes at a time, and the way from it to the database. */
    private static final class Slot {
        final int number;
        final FaultProxy proxy;
        int generation;
        volatile @Nullable Running running;
        volatile boolean isFaulty;

        Slot(int number, FaultProxy proxy) {
            this.number = number;
            this.proxy = proxy;
        }

        boolean isWell() {
            Running now = running;
            return !isFaulty && now != null && now.isReady;
        }
    }

    private static final class Running {
        final String name;
        final Process process;
        /** What does not let itself be interrupted, and since when. */
        final Map<String, Long> waits = new ConcurrentHashMap<>();

        volatile boolean isReady;
        volatile boolean hasStopped;
        volatile boolean mayEnd;

        Running(String name, Process process) {
            this.name = name;
            this.process = process;
        }
    }

    private final long start;
    private final PostgresServer server;
    private final String database;
    private final SoakProducer producer;
    private final FaultProxy toProducer;
    private final Path logs;
    private final Consumer<String> say;
    private final List<Slot> slots = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool(SoakFaults::daemon);
    private final AtomicInteger active = new AtomicInteger();
    private volatile boolean isDatabaseDown;

    final Map<Fault, Integer> done = new ConcurrentHashMap<>();
    final Queue<String> surprises = new ConcurrentLinkedQueue<>();
    final AtomicInteger refused = new AtomicInteger();
    final AtomicInteger lost = new AtomicInteger();

    // Under this object's monitor: when nobody could have worked, by the nano clock.
    private final List<long[]> outages = new ArrayList<>();
    private long outageSince = System.nanoTime();
    private boolean isOut = true;

    SoakFaults(
            long start,
            PostgresServer server,
            String database,
            SoakProducer producer,
            FaultProxy toProducer,
            Path logs,
            Consumer<String> say) {
        this.start = start;
        this.server = server;
        this.database = database;
        this.producer = producer;
        this.toProducer = toProducer;
        this.logs = logs;
        this.say = say;
        for (int i = 0; i < WORKERS; i++) {
            slots.add(new Slot(i, FaultProxy.to(server.host(), server.port())));
        }
    }

    private static Thread daemon(Runnable task) {
        Thread thread = new Thread(task, "soak-fault");
        thread.setDaemon(true);
        return thread;
    }

    // ---- plans ------------------------------------------------------------------------------------------------------

    /** A worker is killed each 5 seconds, and the database each minute; something else happens in between. */
    static List<Planned> plan(Duration length, Random random) {
        List<Fault> others = List.of(
                Fault.ZOMBIE,
                Fault.ZOMBIE,
                Fault.CUT,
                Fault.HALF_OPEN,
                Fault.HALF_OPEN,
                Fault.DELAY,
                Fault.CUT_PRODUCER,
                Fault.HALF_OPEN_PRODUCER);
        List<Planned> plan = new ArrayList<>();
        for (long at = 5_000; at < length.toMillis() - 5_000; at += 5_000) {
            plan.add(planned(at, Fault.KILL, random));
            boolean crash = at % 60_000 == 30_000;
            Fault other = others.get(random.nextInt(others.size()));
            plan.add(planned(at + 2_500, crash ? Fault.DATABASE : other, random));
        }
        return plan;
    }

    /** Each fault at least once, within some twenty seconds. */
    static List<Planned> shortPlan(Random random) {
        return List.of(
                planned(1_500, Fault.KILL, random),
                planned(2_500, Fault.CUT, random),
                planned(4_000, Fault.ZOMBIE, random),
                planned(5_000, Fault.DELAY, random),
                planned(7_000, Fault.CUT_PRODUCER, random),
                planned(9_000, Fault.KILL, random),
                planned(12_000, Fault.DATABASE, random),
                planned(15_000, Fault.HALF_OPEN, random),
                planned(16_000, Fault.HALF_OPEN_PRODUCER, random),
                planned(17_000, Fault.KILL, random));
    }

    private static Planned planned(long at, Fault fault, Random random) {
        int millis = switch (fault) {
            case KILL, ZOMBIE -> 0;
            case DATABASE -> 200 + random.nextInt(1_500);
            case CUT, CUT_PRODUCER -> 300 + random.nextInt(1_700);
            case HALF_OPEN, HALF_OPEN_PRODUCER -> 1_000 + random.nextInt(5_000);
            case DELAY -> 2_000 + random.nextInt(2_000);
        };
        return new Planned(at, fault, random.nextInt(WORKERS), millis);
    }

    /** Returns when the last fault has begun. */
    void execute(List<Planned> plan) {
        long start = System.nanoTime();
        for (Planned each : plan) {
            long at = start + TimeUnit.MILLISECONDS.toNanos(each.at);
            await(() -> System.nanoTime() - at >= 0, Duration.ofHours(1));
            active.incrementAndGet();
            threads.execute(() -> {
                try {
                    apply(each);
                } catch (IOException | InterruptedException | RuntimeException | Error e) {
                    surprises.add("the fault " + each + ": " + e);
                } finally {
                    active.decrementAndGet();
                }
            });
        }
    }

    private void apply(Planned planned) throws IOException, InterruptedException {
        int millis = planned.millis;
        switch (planned.fault) {
            case KILL -> kill(planned.victim);
            case ZOMBIE -> zombie(planned.victim);
            case DATABASE -> crash(millis);
            case CUT -> disturb(planned, "cut", FaultProxy::cut);
            case HALF_OPEN -> disturb(planned, "silent", FaultProxy::halfOpen);
            case DELAY -> disturb(planned, "slow", proxy -> proxy.delay(Duration.ofMillis(200)));
            case CUT_PRODUCER -> disturbCommit(planned, "cut", FaultProxy::cut);
            case HALF_OPEN_PRODUCER -> disturbCommit(planned, "silent", FaultProxy::halfOpen);
        }
    }

    private void count(Fault fault) {
        done.merge(fault, 1, Integer::sum);
    }

    // ---- faults -----------------------------------------------------------------------------------------------------

    private void kill(int victim) throws IOException, InterruptedException {
        Slot slot = takeSoon(victim, Slot::isWell);
        if (slot == null) {
            say.accept("nobody to kill");
            return;
        }
        Running running = slot.running;
        if (running != null) {
            running.mayEnd = true;
            running.process.destroyForcibly().waitFor();
            say.accept("killed " + running.name);
        }
        start(slot);
        release(slot);
        count(Fault.KILL);
    }

    /** Stopped in the midst of work, until others have begun it again. */
    private void zombie(int victim) throws IOException, InterruptedException {
        Slot slot = null;
        for (int i = 0; slot == null && i < 3; i++) {
            producer.bait(4, 6_000); // four times as long as it may have worked when it is stopped
            slot = takeSoon(
                    victim, each -> each.isWell() && fresh(each, "T ") && fresh(each, "P "), Duration.ofSeconds(7));
        }
        if (slot == null) {
            say.accept("no zombie: no worker that is well took the bait");
            return;
        }
        Running running = slot.running;
        if (running != null) {
            signal("STOP", running);
            say.accept("stopped " + running.name);
            String bait = baits(running);
            long since = System.nanoTime();
            long least = SoakWorker.LEASE.plusSeconds(1).toNanos();
            await(
                    () -> System.nanoTime() - since > least && haveOthersBegun(running.name, bait),
                    Duration.ofSeconds(25));
            signal("CONT", running);
            say.accept("continued " + running.name + " after "
                    + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - since) + " ms");
        }
        pause(COMES_BACK);
        release(slot);
        count(Fault.ZOMBIE);
    }

    private static boolean fresh(Slot slot, String kind) {
        Running running = slot.running;
        long now = System.nanoTime();
        return running != null
                && running.waits.entrySet().stream()
                        .anyMatch(each -> each.getKey().startsWith(kind + "bait")
                                && now - each.getValue() < TimeUnit.MILLISECONDS.toNanos(1_500));
    }

    private static String baits(Running running) {
        return String.join(
                ",",
                running.waits.keySet().stream()
                        .filter(each -> each.contains(" bait"))
                        .map(each -> each.substring(2))
                        .toList());
    }

    /** Whether somebody else has begun all of these jobs. */
    private boolean haveOthersBegun(String name, String keys) {
        return Soak.ask(
                        server.dataSource(database),
                        "select not exists (select from unnest(string_to_array(?, ',')) as k(key) where not exists ("
                                + "select from soak_event e join soak_event own on own.key = e.key and own.worker = ?"
                                + " where e.key = k.key and e.lease > own.lease and e.what = 'start'))",
                        keys,
                        name)
                .equals("t");
    }

    private static void signal(String signal, Running running) throws IOException, InterruptedException {
        int code = new ProcessBuilder("kill", "-" + signal, Long.toString(running.process.pid()))
                .start()
                .waitFor();
        if (code != 0) {
            throw new IOException("kill -" + signal + " ended with " + code);
        }
    }

    private void crash(int millis) {
        isDatabaseDown = true;
        look();
        server.kill();
        say.accept("killed the database for " + millis + " ms");
        pause(Duration.ofMillis(millis));
        server.restart();
        say.accept("the database is back");
        pause(COMES_BACK);
        isDatabaseDown = false;
        look();
        count(Fault.DATABASE);
    }

    private void disturb(Planned planned, String what, Consumer<FaultProxy> how) {
        Slot slot = takeSoon(planned.victim, Slot::isWell);
        if (slot == null) {
            say.accept("nobody to be " + what);
            return;
        }
        disturb(planned, slot.proxy, "worker " + slot.number, what, how);
        pause(COMES_BACK);
        release(slot);
    }

    /** So that its outcome is unknown; or whatever else is going on, if there is none for some seconds. */
    private void disturbCommit(Planned planned, String what, Consumer<FaultProxy> how) {
        boolean unused = await(() -> producer.isCommittingSlowly, Duration.ofSeconds(5));
        disturb(planned, toProducer, "the producer", what, how);
    }

    private void disturb(Planned planned, FaultProxy proxy, String whom, String what, Consumer<FaultProxy> how) {
        how.accept(proxy);
        say.accept(whom + " is " + what + " for " + planned.millis + " ms");
        pause(Duration.ofMillis(planned.millis));
        proxy.delay(Duration.ZERO);
        proxy.resume();
        count(planned.fault);
    }

    // ---- processes --------------------------------------------------------------------------------------------------

    void startAll() throws IOException {
        for (Slot slot : slots) {
            start(slot);
        }
        await(() -> slots.stream().allMatch(Slot::isWell), Duration.ofSeconds(60));
    }

    private void start(Slot slot) throws IOException {
        String name = "w" + slot.number + "#" + slot.generation++;
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx128m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                        "-Dorg.slf4j.simpleLogger.showDateTime=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SoakWorker.class.getName(),
                        server.jdbcUrl(database, slot.proxy),
                        name)
                .redirectError(Redirect.appendTo(
                        logs.resolve("w" + slot.number + ".log").toFile()))
                .start();
        Running running = new Running(name, process);
        slot.running = running;
        threads.execute(() -> listen(running));
        look();
    }

    private void listen(Running running) {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(running.process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                hear(running, line);
            }
        } catch (IOException e) {
            if (!running.mayEnd) {
                surprises.add("cannot hear " + running.name + ": " + e);
            }
        }
        running.isReady = false;
        running.waits.clear();
        look();
        if (!running.mayEnd) {
            surprises.add(running.name + " ended by itself");
        }
    }

    private void hear(Running running, String line) {
        if (line.equals("READY")) {
            running.isReady = true;
            look();
        } else if (line.equals("STOPPED")) {
            running.hasStopped = true;
        } else if (line.startsWith("+ ")) {
            running.waits.put(line.substring(2), System.nanoTime());
        } else if (line.startsWith("- ")) {
            running.waits.remove(line.substring(2));
        } else if (line.startsWith("REFUSED ")) {
            refused.incrementAndGet();
        } else if (line.startsWith("LOST ")) {
            lost.incrementAndGet();
        } else {
            surprises.add(running.name + " says " + line);
        }
    }

    /** Returns when all faults are over and all workers are well. */
    void end() {
        if (!await(
                () -> active.get() == 0 && slots.stream().allMatch(Slot::isWell) && !isDatabaseDown,
                Duration.ofSeconds(45))) {
            surprises.add(active.get() + " faults do not end, or a worker does not start");
        }
    }

    /** Stops the workers in good order. */
    void stopAll() {
        for (Slot slot : slots) {
            Running running = slot.running;
            if (running != null) {
                running.mayEnd = true;
                try {
                    OutputStream in = running.process.getOutputStream();
                    in.write("stop\n".getBytes(StandardCharsets.UTF_8));
                    in.flush();
                    if (!await(() -> running.hasStopped, Duration.ofSeconds(20))) {
                        surprises.add(running.name + " does not stop within 20 s");
                    }
                } catch (IOException gone) {
                    surprises.add(running.name + " cannot be told to stop: " + gone);
                }
            }
        }
    }

    @Override
    public void close() {
        for (Slot slot : slots) {
            Running running = slot.running;
            if (running != null) {
                running.mayEnd = true;
                Process unused = running.process.destroyForcibly();
            }
            slot.proxy.close();
        }
        threads.shutdownNow();
    }

    // ---- who is well ------------------------------------------------------------------------------------------------

    /** The victim, or the next one that fits; nobody else has it until it is released. */
    private synchronized @Nullable Slot take(int victim, Predicate<Slot> fits) {
        for (int i = 0; i < WORKERS; i++) {
            Slot slot = slots.get((victim + i) % WORKERS);
            if (fits.test(slot)) {
                slot.isFaulty = true;
                look();
                return slot;
            }
        }
        return null;
    }

    private @Nullable Slot takeSoon(int victim, Predicate<Slot> fits) {
        return takeSoon(victim, fits, Duration.ofSeconds(15));
    }

    private @Nullable Slot takeSoon(int victim, Predicate<Slot> fits, Duration limit) {
        Slot[] taken = new Slot[1];
        boolean unused = await(
                () -> {
                    taken[0] = take(victim, fits);
                    return taken[0] != null;
                },
                limit);
        return taken[0];
    }

    private void release(Slot slot) {
        slot.isFaulty = false;
        look();
    }

    private synchronized void look() {
        boolean out = isDatabaseDown || slots.stream().noneMatch(Slot::isWell);
        long now = System.nanoTime();
        if (out && !isOut) {
            outageSince = now;
        } else if (!out && isOut) {
            outages.add(new long[] {outageSince, now});
        }
        isOut = out;
    }

    /** For how long between two times there was no database, or nobody to work. */
    synchronized long outage(long from, long to) {
        long all = isOut ? overlap(from, to, outageSince, to) : 0;
        for (long[] each : outages) {
            all += overlap(from, to, each[0], each[1]);
        }
        return all;
    }

    /** As the soak's lines show it. */
    String time() {
        return String.format("%.1f s:", (System.nanoTime() - start) / 1e9);
    }

    private static long overlap(long from, long to, long since, long until) {
        return Math.max(0, Math.min(to, until) - Math.max(from, since));
    }

    // ---- time -------------------------------------------------------------------------------------------------------

    private static void pause(Duration time) {
        long until = System.nanoTime() + time.toNanos();
        boolean unused = await(() -> System.nanoTime() - until >= 0, Duration.ofHours(1));
    }

    static boolean await(BooleanSupplier condition, Duration limit) {
        long deadline = System.nanoTime() + limit.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline >= 0) {
                return false;
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
            if (Thread.currentThread().isInterrupted()) {
                throw new UncheckedIOException(new IOException("the soak is closed"));
            }
        }
        return true;
    }
}
