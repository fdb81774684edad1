package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** An issuer: publishes keys over HTTP, well or badly, and signs tokens. */
final class KeyServer implements AutoCloseable {
    final AtomicInteger requests = new AtomicInteger();
    final List<String> ifNoneMatch = new CopyOnWriteArrayList<>();
    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private volatile HttpHandler handler = exchange -> answer(exchange, 404, "");

    KeyServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            requests.incrementAndGet();
            String etag = exchange.getRequestHeaders().getFirst("If-None-Match");
            ifNoneMatch.add(etag == null ? "" : etag);
            try (exchange) {
                handler.handle(exchange);
            }
        });
        server.start();
    }

    URI uri() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/jwks");
    }

    void serve(JWK... keys) {
        String set = new JWKSet(Arrays.asList(keys)).toString(true);
        serve(200, set);
    }

    void serve(int status, String body) {
        serve(exchange -> answer(exchange, status, body));
    }

    void serve(HttpHandler newHandler) {
        handler = newHandler;
    }

    static void answer(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(UTF_8);
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        if (bytes.length > 0) exchange.getResponseBody().write(bytes);
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    // ---- keys and tokens --------------------------------------------------------------------------------------------

    static RSAKey rsa(String kid) throws JOSEException {
        return new RSAKeyGenerator(2048).keyID(kid).generate();
    }

    static ECKey ec(String kid) throws JOSEException {
        return new ECKeyGenerator(Curve.P_256).keyID(kid).generate();
    }

    /** Signed by hand, so that any header can be signed. */
    static String sign(JWK key, String algorithm, Map<String, ?> header, Map<String, ?> claims) throws JOSEException {
        String input = unsigned(header, claims);
        JWSHeader signed = new JWSHeader(JWSAlgorithm.parse(algorithm));
        return input + "."
                + (key instanceof RSAKey rsa
                        ? new RSASSASigner(rsa).sign(signed, input.getBytes(UTF_8))
                        : new ECDSASigner(key.toECKey()).sign(signed, input.getBytes(UTF_8)));
    }

    static String unsigned(Map<String, ?> header, Map<String, ?> claims) {
        return base64(json(header).getBytes(UTF_8)) + "." + base64(json(claims).getBytes(UTF_8));
    }

    @SuppressWarnings("unchecked")
    private static String json(Map<String, ?> map) {
        return JSONObjectUtils.toJSONString((Map<String, Object>) map);
    }

    static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
