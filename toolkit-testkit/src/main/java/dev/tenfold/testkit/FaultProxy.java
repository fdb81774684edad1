package dev.tenfold.testkit;

import static java.util.concurrent.TimeUnit.SECONDS;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A TCP proxy on the loopback that stands between a client and a server and misbehaves on demand: slow, narrow, silent, or
 * gone.
 *
 * <p>Without a fault it is a plain copy in both directions, {@code TCP_NODELAY} on both sides. Faults apply at once, to open
 * connections as to new ones. Each connection takes two daemon threads, and two more from its first delayed byte on.
 *
 * <p>What it cannot do: lose or reorder bytes, or keep a connection attempt waiting. A delay is kept to about 0.1 ms on a
 * machine with a core to spare; on a busy one it is a lower bound. The hop itself costs two context switches each way.
 *
 * <p>Thread-safe.
 */
public final class FaultProxy implements AutoCloseable {
    private enum Mode {
        OPEN,
        SILENT,
        CUT,
        CLOSED
    }

    private final InetSocketAddress target;
    private final InetSocketAddress address;
    private final Set<ProxiedConnection> open = ConcurrentHashMap.newKeySet();
    private final AtomicInteger accepted = new AtomicInteger();

    /** Guards the mode and the sockets that follow from it. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Condition forwarding = lock.newCondition();
    private volatile Mode mode = Mode.OPEN;
    private volatile long oneWayNanos;
    private volatile long bytesPerSecond;
    private ServerSocket listener;
    private Thread acceptor;
    /** Bound to the port but not listening while cut: connections are refused and nobody takes the port. */
    private @Nullable Socket placeholder;

    private FaultProxy(InetSocketAddress target) throws IOException {
        this.target = target;
        this.listener = listenAt(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        this.address = (InetSocketAddress) listener.getLocalSocketAddress();
        this.acceptor = acceptFrom(listener);
    }

    /**
     * Starts a proxy on a free loopback port. The server need not run yet: it is connected to for each connection.
     *
     * @param host the server's host
     * @param port the server's port
     * @return a proxy without a fault, already accepting
     * @throws IllegalArgumentException if the host is unknown or the port is not between 1 and 65535
     */
    public static FaultProxy to(String host, int port) {
        if (port < 1 || port > 65_535) {
            throw new IllegalArgumentException("port " + port + " is not a server's port; give 1 to 65535");
        }
        InetSocketAddress target = new InetSocketAddress(host, port);
        if (target.isUnresolved()) {
            throw new IllegalArgumentException("host " + host + " has no address; give a name that resolves");
        }
        try {
            FaultProxy proxy = new FaultProxy(target);
            proxy.acceptor.start();
            return proxy;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot listen on " + Local.HOST, e);
        }
    }

    /**
     * Returns the address that clients connect to.
     *
     * @return {@code 127.0.0.1}
     */
    public String host() {
        return Local.HOST;
    }

    /**
     * Returns the port that clients connect to. It stays the same for the proxy's life, also across {@link #cut()}.
     *
     * @return the port
     */
    public int port() {
        return address.getPort();
    }

    /**
     * Makes every round trip longer. Each chunk is held back for half of the time in each direction, counted from its own
     * arrival, so pipelined requests do not wait for one another and throughput is not limited. The default is none.
     *
     * @param roundTrip what to add; zero for none
     * @throws IllegalArgumentException if negative
     */
    public void delay(Duration roundTrip) {
        if (roundTrip.isNegative()) {
            throw new IllegalArgumentException("delay " + roundTrip + " is negative; give zero for none");
        }
        oneWayNanos = roundTrip.toNanos() / 2;
    }

    /**
     * Limits how fast each direction of each connection is. The default is no limit.
     *
     * @param bytesPerSecond the rate; {@code Long.MAX_VALUE} for no limit
     * @throws IllegalArgumentException unless positive
     */
    public void bandwidth(long bytesPerSecond) {
        if (bytesPerSecond <= 0) {
            throw new IllegalArgumentException("bandwidth " + bytesPerSecond
                    + " B/s is not positive; use halfOpen() for none, Long.MAX_VALUE for no limit");
        }
        this.bytesPerSecond = bytesPerSecond == Long.MAX_VALUE ? 0 : bytesPerSecond;
    }

    /**
     * Closes every connection with a reset and refuses new ones, as if the server's process had died. What was on its way
     * is lost. {@link #resume()} ends it. No effect once closed.
     */
    public void cut() {
        lock.lock();
        try {
            if (mode == Mode.CUT || mode == Mode.CLOSED) return;
            mode = Mode.CUT;
            listener.close();
            // The kernel listens until the thread that waits in accept has let go of the socket.
            Pump.join(acceptor, System.nanoTime() + Await.LIMIT.toNanos());
            placeholder = new Socket();
            placeholder.setReuseAddress(true);
            placeholder.bind(address);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot cut the proxy on port " + port(), e);
        } finally {
            lock.unlock();
        }
        resetAll();
    }

    /**
     * Stops forwarding in both directions while every socket stays open, as if a cable had been pulled: the client notices
     * nothing but silence. New connections are accepted and hear nothing. {@link #resume()} ends it. No effect on a proxy
     * that is cut or closed.
     */
    public void halfOpen() {
        lock.lock();
        try {
            if (mode == Mode.OPEN) mode = Mode.SILENT;
        } finally {
            lock.unlock();
        }
    }

    /**
     * As {@link #halfOpen()}, for one connection only; the others, and new ones, go on.
     *
     * @param clientPort where the server sees it come from, as {@code CLIENT LIST} or {@code pg_stat_activity} tell
     * @throws IllegalArgumentException if no open connection has that port
     */
    public void halfOpen(int clientPort) {
        lock.lock();
        try {
            ProxiedConnection silenced = open.stream()
                    .filter(connection -> connection.portAtServer() == clientPort)
                    .findAny()
                    .orElseThrow(() -> new IllegalArgumentException(
                            "no connection comes from port " + clientPort + "; give the one that the server shows"));
            silenced.silent(true);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends {@link #cut()} and {@link #halfOpen()}: forwards what was held back, and accepts connections again. Delay and
     * bandwidth stay as they are set. No effect once closed.
     */
    public void resume() {
        lock.lock();
        try {
            if (mode == Mode.CUT) {
                listener = listenAt(address);
                if (placeholder != null) placeholder.close();
                acceptor = acceptFrom(listener);
                mode = Mode.OPEN; // first, or the acceptor would reset whoever comes at once
                acceptor.start();
            }
            if (mode == Mode.SILENT) mode = Mode.OPEN;
            open.forEach(connection -> connection.silent(false));
            forwarding.signalAll();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot listen again on port " + port(), e);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Returns how many connections are open now.
     *
     * @return a count
     */
    public int connections() {
        return open.size();
    }

    /**
     * Closes every socket with a reset and ends every thread, for good; what was held back is lost. Waits for the threads, five
     * seconds at most. Idempotent.
     */
    @Override
    public void close() {
        Thread last;
        lock.lock();
        try {
            mode = Mode.CLOSED;
            last = acceptor;
            listener.close();
            if (placeholder != null) placeholder.close();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot close port " + port(), e);
        } finally {
            lock.unlock();
        }
        long deadline = System.nanoTime() + SECONDS.toNanos(5);
        Set<ProxiedConnection> closing = Set.copyOf(open);
        resetAll();
        Pump.join(last, deadline);
        resetAll(); // what the acceptor let in meanwhile
        closing.forEach(connection -> connection.join(deadline));
    }

    private void resetAll() {
        open.forEach(ProxiedConnection::reset);
    }

    private static ServerSocket listenAt(InetSocketAddress at) throws IOException {
        ServerSocket socket = new ServerSocket();
        socket.setReuseAddress(true);
        socket.bind(at, 1_024);
        return socket;
    }

    private Thread acceptFrom(ServerSocket source) {
        Thread thread = new Thread(() -> accept(source), "tenfold-proxy-" + source.getLocalPort() + "-accept");
        thread.setDaemon(true);
        return thread;
    }

    private void accept(ServerSocket source) {
        while (!source.isClosed()) {
            try {
                ProxiedConnection connection = new ProxiedConnection(this, source.accept(), accepted.incrementAndGet());
                open.add(connection);
                // Counted first, then looked at: a cut in between finds it in the set, or is seen here.
                if (mode == Mode.CUT || mode == Mode.CLOSED) connection.reset();
                else connection.start(target);
            } catch (IOException closedOrGone) {
                // The listener was closed, which ends the loop, or the client has gone already.
            }
        }
    }

    void forget(ProxiedConnection connection) {
        open.remove(connection);
    }

    /** Blocks while the proxy, or this connection, is silent; after a cut until the reset interrupts it, so that nothing gets by. */
    void awaitForwarding(ProxiedConnection connection) throws InterruptedException {
        if (mode == Mode.OPEN && !connection.isSilent()) return;
        lock.lockInterruptibly();
        try {
            while (mode != Mode.OPEN || connection.isSilent()) forwarding.await();
        } finally {
            lock.unlock();
        }
    }

    long oneWayNanos() {
        return oneWayNanos;
    }

    /** Zero means no limit. */
    long bytesPerSecond() {
        return bytesPerSecond;
    }
}
