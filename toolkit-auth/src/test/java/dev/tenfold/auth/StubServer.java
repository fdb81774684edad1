package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringTokenizer;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;

/** An authorization server on the loopback that replies what it is told to, and keeps what it was asked. */
final class StubServer implements AutoCloseable {
    record Request(String method, URI uri, Map<String, List<String>> headers, String body) {
        String header(String name) {
            List<String> values = headers.get(name);
            return values == null ? "" : String.join(",", values);
        }

        Map<String, String> form() {
            Map<String, String> form = new LinkedHashMap<>();
            StringTokenizer fields = new StringTokenizer(body, "&");
            while (fields.hasMoreTokens()) {
                String field = fields.nextToken();
                int is = field.indexOf('=');
                form.put(
                        URLDecoder.decode(field.substring(0, is), UTF_8),
                        URLDecoder.decode(field.substring(is + 1), UTF_8));
            }
            return form;
        }
    }

    private static final class Reply {
        final int status;
        final Map<String, String> headers;
        final byte[] body;

        Reply(int status, Map<String, String> headers, byte[] body) {
            this.status = status;
            this.headers = headers;
            this.body = body;
        }
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "stub-server");
        thread.setDaemon(true);
        return thread;
    });
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private volatile Reply reply = new Reply(500, Map.of(), new byte[0]);

    private StubServer(HttpServer server) {
        this.server = server;
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    static StubServer start() throws IOException {
        return new StubServer(HttpServer.create(address(), 50));
    }

    static StubServer startTls(SSLContext context) throws IOException {
        HttpsServer server = HttpsServer.create(address(), 50);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        return new StubServer(server);
    }

    private static InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
            requests.add(new Request(
                    exchange.getRequestMethod(), exchange.getRequestURI(), exchange.getRequestHeaders(), body));
            Reply now = reply;
            now.headers.forEach(exchange.getResponseHeaders()::set);
            exchange.sendResponseHeaders(now.status, now.body.length == 0 ? -1 : now.body.length);
            exchange.getResponseBody().write(now.body);
        }
    }

    int port() {
        return server.getAddress().getPort();
    }

    URI uri(String path) {
        String scheme = server instanceof HttpsServer ? "https" : "http";
        return URI.create(scheme + "://127.0.0.1:" + port() + path);
    }

    void replyJson(String json) {
        reply(200, Map.of("Content-Type", "application/json;charset=UTF-8"), json);
    }

    void reply(int status, Map<String, String> headers, String body) {
        reply(status, headers, body.getBytes(UTF_8));
    }

    void reply(int status, Map<String, String> headers, byte[] body) {
        reply = new Reply(status, headers, body);
    }

    List<Request> requests() {
        return requests;
    }

    Request last() {
        return requests.get(requests.size() - 1);
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
