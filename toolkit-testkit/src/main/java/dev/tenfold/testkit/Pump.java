package dev.tenfold.testkit;

import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.util.Arrays;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/** One direction of a proxied connection: reads chunks, and writes each when it is due. */
final class Pump {
    /*
     * A chunk is due at arrival + length / bandwidth + delay, where a narrow line starts on a chunk only when it is done
     * with the one before. The reader stamps chunks as they arrive and must not wait for them to be due, or a pipeline
     * would advance by one chunk a delay; so delayed chunks go through a queue to a second thread, started when first
     * needed. While nothing is delayed and nothing is queued, the reader writes for itself: a plain copy.
     *
     * A parked thread wakes some 50 microseconds late (the kernel's timer slack), which would be a fifth of a one-way
     * delay of 0.25 ms. So the writer parks until shortly before a chunk is due and spins for the rest.
     */
    private static final long SPIN_NANOS = 60_000;
    private static final int CHUNK_BYTES = 64 * 1_024;
    /** What a line holds at most: four mebibytes in half a millisecond is far more than a loopback carries. */
    private static final int QUEUED_BYTES = 4 * 1_024 * 1_024;

    private final FaultProxy proxy;
    private final ProxiedConnection connection;
    private final Socket from;
    private final Socket to;
    private final Semaphore room = new Semaphore(QUEUED_BYTES);
    private final LinkedBlockingQueue<Chunk> queue = new LinkedBlockingQueue<>();
    private final AtomicInteger queued = new AtomicInteger();
    private final Thread reader;
    private final Thread writer;
    private Step first = () -> {};
    private boolean writing;
    private long lineFreeAt = System.nanoTime();

    interface Step {
        void run() throws IOException, InterruptedException;
    }

    /** No bytes stand for the end of the stream. */
    private static final class Chunk {
        final byte[] bytes;
        final long dueNanos;

        Chunk(byte[] bytes, long dueNanos) {
            this.bytes = bytes;
            this.dueNanos = dueNanos;
        }
    }

    Pump(FaultProxy proxy, ProxiedConnection connection, Socket from, Socket to, String name) {
        this.proxy = proxy;
        this.connection = connection;
        this.from = from;
        this.to = to;
        this.reader = thread(this::read, name);
        this.writer = thread(this::write, name + "-delayed");
    }

    private Thread thread(Step body, String name) {
        Runnable guarded = () -> {
            try {
                body.run();
            } catch (IOException | InterruptedException e) {
                connection.reset(); // one side is gone, or the proxy ends the connection: the other side follows
            }
        };
        Thread thread = new Thread(guarded, name);
        thread.setDaemon(true);
        return thread;
    }

    /** Starts reading, once the first step is done. */
    void start(Step first) {
        this.first = first;
        reader.start();
    }

    void interrupt() {
        reader.interrupt();
        writer.interrupt();
    }

    private void read() throws IOException, InterruptedException {
        first.run();
        byte[] buffer = new byte[CHUNK_BYTES];
        for (int length; (length = from.getInputStream().read(buffer)) >= 0; ) {
            long arrival = System.nanoTime();
            long delay = proxy.oneWayNanos();
            long rate = proxy.bytesPerSecond();
            if (delay == 0 && rate == 0 && queued.get() == 0) {
                proxy.awaitForwarding(connection);
                to.getOutputStream().write(buffer, 0, length);
                continue;
            }
            long start = Math.max(arrival, lineFreeAt);
            lineFreeAt = rate == 0 ? start : start + (long) (length * 1e9 / rate);
            enqueue(new Chunk(Arrays.copyOf(buffer, length), lineFreeAt + delay));
        }
        if (queued.get() == 0) end();
        else enqueue(new Chunk(new byte[0], lineFreeAt));
    }

    private void enqueue(Chunk chunk) throws InterruptedException {
        room.acquire(chunk.bytes.length);
        queued.incrementAndGet();
        queue.add(chunk);
        if (!writing) {
            writing = true;
            writer.start();
        }
    }

    private void write() throws IOException, InterruptedException {
        OutputStream out = to.getOutputStream();
        while (true) {
            Chunk chunk = queue.take();
            awaitTime(chunk.dueNanos);
            proxy.awaitForwarding(connection);
            if (chunk.bytes.length == 0) {
                end();
                return;
            }
            out.write(chunk.bytes);
            room.release(chunk.bytes.length);
            queued.decrementAndGet();
        }
    }

    private void end() throws IOException, InterruptedException {
        proxy.awaitForwarding(connection);
        to.shutdownOutput();
        connection.directionEnded();
    }

    private static void awaitTime(long dueNanos) throws InterruptedException {
        for (long left; (left = dueNanos - System.nanoTime()) > 0; ) {
            if (left > SPIN_NANOS) LockSupport.parkNanos(left - SPIN_NANOS);
            else Thread.onSpinWait();
            if (Thread.interrupted()) throw new InterruptedException();
        }
    }

    void join(long deadline) {
        join(reader, deadline);
        join(writer, deadline);
    }

    /** Waits for a thread to end, whatever interrupts; not at all for one that never started. */
    static void join(Thread thread, long deadline) {
        boolean interrupted = false;
        for (long left; thread.isAlive() && (left = deadline - System.nanoTime()) > 0; ) {
            try {
                TimeUnit.NANOSECONDS.timedJoin(thread, left);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
    }
}
