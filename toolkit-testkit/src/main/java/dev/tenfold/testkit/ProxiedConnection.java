package dev.tenfold.testkit;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** One client's connection through a {@link FaultProxy}: two sockets, and a {@link Pump} for each direction. */
final class ProxiedConnection {
    private static final int CONNECT_MILLIS = 5_000;

    private final FaultProxy proxy;
    private final Socket client;
    private final Socket server = new Socket();
    private final AtomicBoolean ended = new AtomicBoolean();
    private final AtomicInteger openDirections = new AtomicInteger(2);
    private final Pump up;
    private final Pump down;
    private volatile boolean silent;

    ProxiedConnection(FaultProxy proxy, Socket client, int number) {
        this.proxy = proxy;
        this.client = client;
        String name = "tenfold-proxy-" + proxy.port() + "-" + number;
        this.up = new Pump(proxy, this, client, server, name + "-up");
        this.down = new Pump(proxy, this, server, client, name + "-down");
    }

    /** Starts the upward thread, which connects to the server first: a server that is slow to accept stalls nobody else. */
    void start(InetSocketAddress target) {
        up.start(() -> {
            client.setTcpNoDelay(true);
            server.setTcpNoDelay(true);
            server.connect(target, CONNECT_MILLIS);
            down.start(() -> {});
        });
    }

    int portAtServer() {
        return server.getLocalPort();
    }

    boolean isSilent() {
        return silent;
    }

    /** Under the proxy's lock. */
    void silent(boolean now) {
        silent = now;
    }

    /** One direction has seen the end of its stream and passed it on. */
    void directionEnded() {
        if (openDirections.decrementAndGet() == 0) end(false);
    }

    /** Closes both sockets with a reset and wakes both pumps. */
    void reset() {
        end(true);
    }

    private void end(boolean reset) {
        if (!ended.compareAndSet(false, true)) return;
        close(client, reset);
        close(server, reset);
        up.interrupt();
        down.interrupt();
        proxy.forget(this);
    }

    private static void close(Socket socket, boolean reset) {
        try (socket) {
            // With no time to linger, close sends a reset. A socket that never connected has nobody to send it to.
            if (reset && socket.isConnected()) socket.setSoLinger(true, 0);
        } catch (IOException e) {
            // It is closed, which is all that is asked for.
            return;
        }
    }

    void join(long deadline) {
        up.join(deadline);
        down.join(deadline);
    }
}
