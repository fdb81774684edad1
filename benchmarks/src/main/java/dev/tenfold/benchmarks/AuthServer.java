package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.util.HashMap;
import java.util.Map;
import java.util.StringTokenizer;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A stub of an authorization server on the loopback: it tells of opaque tokens as RFC 7662 has it, and publishes keys. Replies
 * are ready beforehand, so what a caller pays is the hop and its own work.
 */
final class AuthServer implements AutoCloseable {
    private static final byte[] INACTIVE = "{\"active\":false}".getBytes(UTF_8);

    static {
        // Or each reply waits 40 ms for an acknowledgement, which no real server does.
        String unused = System.setProperty("sun.net.httpserver.nodelay", "true");
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "authorization-server");
        thread.setDaemon(true);
        return thread;
    });
    private final Map<String, byte[]> replies = new HashMap<>();
    private final byte[] keys;

    /**
     * @param tokens subjects by token, all that are active
     * @param jwks the JSON Web Key Set
     */
    AuthServer(Map<String, String> tokens, String jwks) throws IOException {
        tokens.forEach((token, subject) -> replies.put(token, active(subject)));
        keys = jwks.getBytes(UTF_8);
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/introspect", this::introspect);
        server.createContext("/keys", exchange -> reply(exchange, keys));
        server.start();
    }

    private static byte[] active(String subject) {
        String json = "{\"active\":true,\"iss\":\"" + AuthTokens.ISSUER + "\",\"sub\":\"" + subject + "\",\"aud\":\""
                + AuthTokens.AUDIENCE + "\",\"scope\":\"" + AuthTokens.SCOPE + "\",\"client_id\":\"shop\",\"iat\":"
                + AuthTokens.issued().getEpochSecond() + ",\"exp\":"
                + AuthTokens.expires().getEpochSecond() + "}";
        return json.getBytes(UTF_8);
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + path);
    }

    private void introspect(HttpExchange exchange) throws IOException {
        String form = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
        reply(exchange, replies.getOrDefault(token(form), INACTIVE));
    }

    private static String token(String form) {
        StringTokenizer fields = new StringTokenizer(form, "&");
        while (fields.hasMoreTokens()) {
            String field = fields.nextToken();
            if (field.startsWith("token=")) return URLDecoder.decode(field.substring("token=".length()), UTF_8);
        }
        return "";
    }

    private static void reply(HttpExchange exchange, byte[] json) throws IOException {
        try (exchange) {
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, json.length);
            exchange.getResponseBody().write(json);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
