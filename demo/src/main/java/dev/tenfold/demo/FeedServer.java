package dev.tenfold.demo;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * The application over HTTP: {@code GET /feed/{pageKey}} shows a page, {@code POST} comments on the page's first post, {@code
 * GET /archive/{comment}} lists the comments before one, {@code POST /pictures/{pageKey}} adds a picture to the page's first post,
 * and {@code GET /news} tells a device that there is nothing new. With a bounded number of request threads.
 */
final class FeedServer implements AutoCloseable {
    /**
     * The same for both versions. A page of 241 queries over 0.5 ms of network takes at least 120 ms, so on a machine of
     * any size these threads make at most 42 naive pages a second.
     */
    static final int REQUEST_THREADS = 5;

    /** What stands in front of the nodes has found out who asks, and says so in this header. */
    static final String CLIENT = "X-Client";

    private static final String FEED = "/feed/";
    private static final String ARCHIVE = "/archive/";
    private static final String PICTURES = "/pictures/";
    private static final String NEWS = "/news";

    /** Looks at a request before anything is done for it. */
    @FunctionalInterface
    interface Gate {
        /** Whether the request may go on; if not, it has been answered. */
        boolean admits(HttpExchange exchange) throws IOException;
    }

    private final Feed feed;
    private final Writes writes;
    private final Pictures pictures;
    private final Gate gate;
    private final HttpServer http;
    private final ThreadPoolExecutor threads;
    private final AtomicLong answered = new AtomicLong();
    private final AtomicInteger inProgress = new AtomicInteger();

    private FeedServer(Feed feed, Writes writes, Pictures pictures, Gate gate, HttpServer http) {
        this.feed = feed;
        this.writes = writes;
        this.pictures = pictures;
        this.gate = gate;
        this.http = http;
        this.threads = new ThreadPoolExecutor(
                REQUEST_THREADS, REQUEST_THREADS, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), body -> {
                    Thread thread = new Thread(body, "request");
                    thread.setDaemon(true);
                    return thread;
                });
    }

    /** Without comments. */
    static FeedServer start(Feed feed) throws IOException {
        Writes none = post -> {
            throw new UnsupportedOperationException("this server takes no comments");
        };
        return start(feed, none, exchange -> true);
    }

    /** Without pictures. */
    static FeedServer start(Feed feed, Writes writes, Gate gate) throws IOException {
        Pictures none = (post, picture) -> {
            throw new UnsupportedOperationException("this server takes no pictures");
        };
        return start(feed, writes, none, gate);
    }

    static FeedServer start(Feed feed, Writes writes, Pictures pictures, Gate gate) throws IOException {
        // The JDK's server writes head and body apart; with Nagle's algorithm the body would wait for a delayed ACK.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        HttpServer http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1_024);
        FeedServer server = new FeedServer(feed, writes, pictures, gate, http);
        http.setExecutor(server.threads);
        http.createContext(FEED, exchange -> server.answer(exchange, server::feed));
        http.createContext(ARCHIVE, exchange -> server.answer(exchange, server::archive));
        http.createContext(PICTURES, exchange -> server.answer(exchange, server::picture));
        http.createContext(NEWS, exchange -> server.answer(exchange, any -> "{}"));
        http.start();
        return server;
    }

    URI uri(String pageKey) {
        return uriOf(FEED + segment(pageKey));
    }

    URI pictureUri(String pageKey) {
        return uriOf(PICTURES + segment(pageKey));
    }

    URI archiveUri(long beforeComment) {
        return uriOf(ARCHIVE + beforeComment);
    }

    URI newsUri() {
        return uriOf(NEWS);
    }

    private static String segment(String pageKey) {
        return URLEncoder.encode(pageKey, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private URI uriOf(String path) {
        InetSocketAddress address = http.getAddress();
        return URI.create("http://" + address.getHostString() + ":" + address.getPort() + path);
    }

    /** How many requests were answered well since the start. */
    long answered() {
        return answered.get();
    }

    /** How many requests are being answered just now; {@link #REQUEST_THREADS} at most. */
    int inProgress() {
        return inProgress.get();
    }

    private interface Page {
        String of(HttpExchange exchange) throws Exception;
    }

    private void answer(HttpExchange exchange, Page page) throws IOException {
        inProgress.incrementAndGet();
        try (exchange) {
            if (!gate.admits(exchange)) {
                return;
            }
            int status = 200;
            byte[] body;
            try {
                body = page.of(exchange).getBytes(StandardCharsets.UTF_8);
                answered.incrementAndGet();
            } catch (Exception e) {
                status = 500;
                body = String.valueOf(e).getBytes(StandardCharsets.UTF_8);
            }
            exchange.getResponseHeaders().set("Content-Type", status == 200 ? "application/json" : "text/plain");
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
        } finally {
            inProgress.decrementAndGet();
        }
    }

    private String feed(HttpExchange exchange) throws Exception {
        long post = Schema.startOf(exchange.getRequestURI().getPath().substring(FEED.length()));
        if (!exchange.getRequestMethod().equals("POST")) {
            return Json.of(feed.page(post));
        }
        writes.comment(post);
        return "{}";
    }

    /** Answers with the picture's id. */
    private String picture(HttpExchange exchange) throws Exception {
        long post = Schema.startOf(exchange.getRequestURI().getPath().substring(PICTURES.length()));
        return Long.toString(pictures.post(post, exchange.getRequestBody().readAllBytes()));
    }

    private String archive(HttpExchange exchange) throws Exception {
        String before = exchange.getRequestURI().getPath().substring(ARCHIVE.length());
        return Json.of(feed.archive(Long.parseLong(before)));
    }

    /** Drops the requests that wait, and lets those in progress end, ten seconds at most. */
    void finish() {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        do {
            threads.getQueue().clear();
            LockSupport.parkNanos(1_000_000);
        } while (inProgress.get() > 0 && System.nanoTime() - deadline < 0);
    }

    @Override
    public void close() {
        threads.getQueue().clear();
        threads.shutdown();
        try {
            if (!threads.awaitTermination(10, TimeUnit.SECONDS)) {
                threads.shutdownNow();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        http.stop(0);
    }
}
