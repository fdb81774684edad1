package dev.tenfold.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A mail server that takes its time, as they do. A mail is one line: {@code SEND key picture sender}; it is answered with {@code
 * 250}. A mail whose key it has had before is answered the same, and not delivered again.
 */
final class MailServer implements AutoCloseable {
    /** For greeting, encryption, login and the mail itself, which real ones spread over ten round trips. */
    static final Duration TAKES = Duration.ofMillis(250);

    private static final int CLIENT_WAITS_MILLIS = 10_000;

    private final ServerSocket socket;
    private final ExecutorService threads = Executors.newCachedThreadPool(body -> {
        Thread thread = new Thread(body, "mail");
        thread.setDaemon(true);
        return thread;
    });
    private final Map<Long, AtomicInteger> delivered = new ConcurrentHashMap<>();
    private final Set<String> keys = ConcurrentHashMap.newKeySet();
    private final Map<String, AtomicInteger> underWay = new ConcurrentHashMap<>();
    private final AtomicInteger repeated = new AtomicInteger();

    private MailServer(ServerSocket socket) {
        this.socket = socket;
    }

    static MailServer start() throws IOException {
        MailServer server = new MailServer(new ServerSocket(0, 256, InetAddress.getLoopbackAddress()));
        server.threads.execute(server::accept);
        return server;
    }

    /**
     * Sends a mail, and returns when the server has it. Blocks.
     *
     * @param key names the mail, so that the server can tell one that is sent again
     * @param sender who sends it, in one word
     */
    static void send(int port, String key, long picture, String sender) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(CLIENT_WAITS_MILLIS);
            socket.getOutputStream()
                    .write(("SEND " + key + " " + picture + " " + sender + "\n").getBytes(StandardCharsets.US_ASCII));
            String answer = reader(socket).readLine();
            if (answer == null || !answer.startsWith("250")) {
                throw new IOException("the mail server does not take mail " + key + ": " + answer);
            }
        }
    }

    int port() {
        return socket.getLocalPort();
    }

    /** How many mails of a sender it is about to deliver. */
    int underWay(String sender) {
        AtomicInteger count = underWay.get(sender);
        return count == null ? 0 : count.get();
    }

    /** Mails about each picture, without those whose key it had had before. */
    Map<Long, AtomicInteger> delivered() {
        return delivered;
    }

    /** Mails whose key it had had before. */
    int repeated() {
        return repeated.get();
    }

    private void accept() {
        while (!socket.isClosed()) {
            try {
                Socket client = socket.accept();
                threads.execute(() -> serve(client));
            } catch (IOException e) {
                if (!socket.isClosed()) {
                    throw new IllegalStateException("the mail server accepts no more", e);
                }
            }
        }
    }

    private void serve(Socket client) {
        try (client) {
            String line = reader(client).readLine();
            if (line == null) {
                return; // the sender is gone
            }
            String[] words = line.split(" ", -1);
            AtomicInteger count = underWay.computeIfAbsent(words[3], sender -> new AtomicInteger());
            count.incrementAndGet();
            try {
                parkUntil(System.nanoTime() + TAKES.toNanos());
                deliver(words[1], Long.parseLong(words[2]));
            } finally {
                count.decrementAndGet();
            }
            OutputStream out = client.getOutputStream();
            out.write("250 taken\n".getBytes(StandardCharsets.US_ASCII));
        } catch (IOException senderIsGone) {
            // It was killed. The mail is delivered all the same, as it is in life.
            return;
        }
    }

    private void deliver(String key, long picture) {
        if (keys.add(key)) {
            delivered.computeIfAbsent(picture, id -> new AtomicInteger()).incrementAndGet();
        } else {
            repeated.incrementAndGet();
        }
    }

    private static BufferedReader reader(Socket socket) throws IOException {
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
    }

    private static void parkUntil(long nanoTime) {
        for (long left = nanoTime - System.nanoTime(); left > 0; left = nanoTime - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
        try {
            socket.close();
            boolean unused = threads.awaitTermination(1, TimeUnit.SECONDS);
        } catch (IOException e) {
            throw new IllegalStateException("the mail server does not close", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
