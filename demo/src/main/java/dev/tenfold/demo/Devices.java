package dev.tenfold.demo;

import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * The devices of one busy subject, each with a token of its own. They ask both nodes for news all the time, and go on when the
 * subject is logged out. Knows nothing of caches.
 */
final class Devices {
    static final String SUBJECT = "busy";
    static final int NUMBER = 4;
    static final Duration PAUSE = Duration.ofMillis(20);

    private static final int NODES = 2;
    private static final long LONGEST_ANSWER_SECONDS = 10;
    private static final Executor AFTER_PAUSE =
            CompletableFuture.delayedExecutor(PAUSE.toMillis(), TimeUnit.MILLISECONDS, Runnable::run);

    private final List<FeedServer> servers;
    private final Tokens firstNode;
    private final Duration beginAfter;
    private final Duration logOutAfter;
    private final Runnable before;
    private final HttpClient http = HttpClient.newHttpClient();
    private final Queue<Answer> answers = new ConcurrentLinkedQueue<>();
    private final CountDownLatch open = new CountDownLatch(NUMBER * NODES);
    private CompletableFuture<LogOut> logOut = new CompletableFuture<>();
    private volatile boolean over;

    /**
     * What became of one request.
     *
     * @param status of HTTP; 0 without an answer
     */
    record Answer(int node, int status, long sentNanos, long answeredNanos) {
        boolean isAccepted() {
            return status == 200;
        }
    }

    /** When the call began, and when it returned. */
    record LogOut(long beganNanos, long returnedNanos) {}

    /**
     * What was found. Lists have a number for each node; the first is the one that was told to log the subject out.
     *
     * @param acceptedBefore requests accepted before the log-out began
     * @param callMillis how long the log-out took to return
     * @param lastAcceptedMillis from the beginning of the log-out to the last answer of any node that accepted a token; 0 if
     *     there was none
     * @param sentAfter requests sent after the log-out had returned
     * @param acceptedAfter those of them that were accepted
     * @param acceptedLate those of them that were sent later than a node may be behind, on all nodes together
     * @param odd requests that were neither accepted nor refused
     */
    record Found(
            List<Long> acceptedBefore,
            double callMillis,
            double lastAcceptedMillis,
            List<Long> sentAfter,
            List<Long> acceptedAfter,
            long acceptedLate,
            long odd) {
        /** Whether every node was asked with success before, and was asked after. */
        boolean isTried() {
            return acceptedBefore.stream().allMatch(n -> n > 0)
                    && sentAfter.stream().allMatch(n -> n > 0);
        }
    }

    /**
     * @param servers two
     * @param firstNode where the subject is logged out
     * @param beginAfter when the first request is sent
     * @param logOutAfter so much later
     * @param before done before the first request
     */
    Devices(List<FeedServer> servers, Tokens firstNode, Duration beginAfter, Duration logOutAfter, Runnable before) {
        this.servers = servers;
        this.firstNode = firstNode;
        this.beginAfter = beginAfter;
        this.logOutAfter = logOutAfter;
        this.before = before;
    }

    /** Does not block. */
    void begin() {
        CompletableFuture<Void> sending = CompletableFuture.runAsync(this::sendFirst, after(beginAfter));
        logOut = sending.thenApplyAsync(sent -> logOut(), after(logOutAfter));
    }

    /** On a thread of its own, as it blocks. */
    private static Executor after(Duration delay) {
        return CompletableFuture.delayedExecutor(delay.toMillis(), TimeUnit.MILLISECONDS, body -> {
            Thread thread = new Thread(body, "devices");
            thread.setDaemon(true);
            thread.start();
        });
    }

    private void sendFirst() {
        before.run();
        for (int device = 1; device <= NUMBER; device++) {
            for (int node = 0; node < NODES; node++) {
                send(SUBJECT + "-" + device, node);
            }
        }
    }

    private LogOut logOut() {
        long began = System.nanoTime();
        try {
            firstNode.logOut(SUBJECT);
        } catch (SQLException e) {
            throw new IllegalStateException("the busy subject could not be logged out", e);
        }
        return new LogOut(began, System.nanoTime());
    }

    /** What is answered is followed by the next, after a pause. Does not block. */
    private void send(String device, int node) {
        if (over) {
            open.countDown();
            return;
        }
        HttpRequest request = HttpRequest.newBuilder(servers.get(node).newsUri())
                .header(Tokens.HEADER, Tokens.bearer(device))
                .build();
        long sent = System.nanoTime();
        var unused = http.sendAsync(request, BodyHandlers.discarding()).whenComplete((answer, thrown) -> {
            answers.add(new Answer(node, thrown == null ? answer.statusCode() : 0, sent, System.nanoTime()));
            AFTER_PAUSE.execute(() -> send(device, node));
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
        return found(List.copyOf(answers), logOut.join());
    }

    static Found found(Collection<Answer> answers, LogOut logOut) {
        long began = logOut.beganNanos();
        long returned = logOut.returnedNanos();
        long late = returned + CachedTokens.MAX_STALENESS.toNanos();
        Long[] before = {0L, 0L};
        Long[] sentAfter = {0L, 0L};
        Long[] acceptedAfter = {0L, 0L};
        long last = 0;
        long acceptedLate = 0;
        long odd = 0;
        for (Answer each : answers) {
            int node = each.node();
            boolean accepted = each.isAccepted();
            boolean after = each.sentNanos() - returned > 0;
            before[node] += accepted && each.answeredNanos() - began < 0 ? 1 : 0;
            sentAfter[node] += after ? 1 : 0;
            acceptedAfter[node] += accepted && after ? 1 : 0;
            acceptedLate += accepted && each.sentNanos() - late > 0 ? 1 : 0;
            last = accepted ? Math.max(last, each.answeredNanos() - began) : last;
            odd += accepted || each.status() == 401 ? 0 : 1;
        }
        return new Found(
                List.of(before),
                (returned - began) / 1e6,
                last / 1e6,
                List.of(sentAfter),
                List.of(acceptedAfter),
                acceptedLate,
                odd);
    }
}
