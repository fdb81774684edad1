package dev.tenfold.demo;

import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * Two who ask for the archive as fast as they get answers: a job that has lost its place and asks for the same page again and
 * again, and a scraper that walks through all of it from two addresses. Neither heeds a refusal.
 */
final class Flood {
    static final int ADDRESSES = 2;
    static final int CONNECTIONS_OF_THE_JOB = 100;
    static final int CONNECTIONS_AN_ADDRESS = 50;
    static final int CONNECTIONS = CONNECTIONS_OF_THE_JOB + ADDRESSES * CONNECTIONS_AN_ADDRESS;

    /** How far away the two are. It also bounds what refusals cost a machine that makes the flood by itself. */
    static final Duration ROUND_TRIP = Duration.ofMillis(200);

    private static final Executor AFTER_ROUND_TRIP =
            CompletableFuture.delayedExecutor(ROUND_TRIP.toMillis(), TimeUnit.MILLISECONDS, Runnable::run);
    private static final long LONGEST_ANSWER_SECONDS = 10;

    private final List<FeedServer> servers;
    private final HttpClient http = HttpClient.newHttpClient();
    private final List<Client> clients = new ArrayList<>();
    private final AtomicLong scraped = new AtomicLong();
    private final CountDownLatch open = new CountDownLatch(CONNECTIONS);
    private volatile boolean over;
    private long began;

    /**
     * What became of it.
     *
     * @param requests how many were sent
     * @param refused how many were answered with status 429
     * @param lost how many had no answer
     * @param mostAdmitted answered otherwise to one client, by all nodes together
     * @param seconds from before the first request until after the last answer
     */
    record Found(long requests, long refused, long lost, long mostAdmitted, double seconds) {
        long admitted() {
            return requests - refused - lost;
        }

        double refusedShare() {
            return (double) refused / requests;
        }
    }

    private static final class Client {
        final String name;
        final boolean walks;
        final LongAdder sent = new LongAdder();
        final LongAdder admitted = new LongAdder();
        final LongAdder refused = new LongAdder();

        Client(String name, boolean walks) {
            this.name = name;
            this.walks = walks;
        }
    }

    Flood(List<FeedServer> servers) {
        this.servers = servers;
    }

    /** Does not block. */
    void begin() {
        began = System.nanoTime();
        connect(new Client("job", false), CONNECTIONS_OF_THE_JOB);
        for (int i = 1; i <= ADDRESSES; i++) {
            connect(new Client("203.0.113." + i, true), CONNECTIONS_AN_ADDRESS);
        }
    }

    private void connect(Client client, int connections) {
        clients.add(client);
        for (int i = 0; i < connections; i++) {
            send(client, servers.get(i % servers.size()));
        }
    }

    /** What is answered is followed by the next, on the same connection. Does not block. */
    private void send(Client client, FeedServer server) {
        if (over) {
            open.countDown();
            return;
        }
        client.sent.increment();
        long skipped = client.walks ? scraped.getAndAdd(Feed.COMMENTS_AN_ARCHIVE_PAGE) % Schema.COMMENTS : 0;
        HttpRequest request = HttpRequest.newBuilder(server.archiveUri(Schema.COMMENTS - skipped))
                .header(FeedServer.CLIENT, client.name)
                .build();
        var unused = http.sendAsync(request, BodyHandlers.discarding()).whenComplete((answer, thrown) -> {
            if (thrown == null) {
                (answer.statusCode() == 429 ? client.refused : client.admitted).increment();
            }
            AFTER_ROUND_TRIP.execute(() -> send(client, server));
        });
    }

    /** Sends nothing more, and blocks until what was sent is answered. */
    Found end() {
        over = true;
        try {
            boolean unused = open.await(LONGEST_ANSWER_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        double seconds = (System.nanoTime() - began) / 1e9;
        long requests = 0;
        long refused = 0;
        long admitted = 0;
        long most = 0;
        for (Client client : clients) {
            requests += client.sent.sum();
            refused += client.refused.sum();
            admitted += client.admitted.sum();
            most = Math.max(most, client.admitted.sum());
        }
        return new Found(requests, refused, requests - refused - admitted, most, seconds);
    }
}
