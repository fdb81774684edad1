package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.net.ConnectException;
import java.net.ProtocolException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.UnresolvedAddressException;
import java.security.GeneralSecurityException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Posts a token to an endpoint of an authorization server, and hears 200 or throws. Nothing that it throws has the token, the
 * client's secret, or any of the reply in it but its status.
 *
 * <p>A connection that was kept may have been closed by the server just when it is used again. Introspection and revocation
 * can both be repeated, so a call whose connection breaks before the reply begins is made once more, with a fresh assertion,
 * in the time that is left.
 */
final class TokenEndpoint implements AutoCloseable {
    private static final Pattern LOOPBACK =
            Pattern.compile("localhost|127(\\.\\d{1,3}){3}|\\[::1]|\\[0:0:0:0:0:0:0:1]");
    private static final Pattern SECONDS = Pattern.compile("\\d{1,6}");

    /** {@code HttpClient.shutdownNow()}, from Java 21 on. */
    private static final @Nullable MethodHandle SHUTDOWN_NOW = shutdownNow();

    private final String what;
    private final URI endpoint;
    private final ClientAuthentication authentication;
    private final EndpointOptions options;
    private volatile @Nullable HttpClient client;

    /**
     * @param what for messages, for example {@code introspection}
     * @throws IllegalArgumentException for an endpoint that tokens should not be sent to
     */
    TokenEndpoint(String what, URI endpoint, ClientAuthentication authentication, EndpointOptions options) {
        this.what = what;
        this.endpoint = endpoint;
        this.authentication = authentication;
        this.options = options;
        requireSafe();
        HttpClient.Builder builder = HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(options.connectTimeout)
                .proxy(options.proxy)
                // Without TLS there is no ALPN, and an offer to upgrade confuses old servers.
                .version(isHttps() ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1);
        if (options.sslContext != null) builder.sslContext(options.sslContext);
        client = builder.build();
    }

    private void requireSafe() {
        String scheme = endpoint.getScheme();
        String host = endpoint.getHost();
        boolean http = "http".equalsIgnoreCase(scheme);
        if (host == null || !(http || isHttps())) {
            throw new IllegalArgumentException(what
                    + " endpoint must be an absolute https:// address with a host; see the metadata of the server");
        }
        if (endpoint.getRawUserInfo() != null || endpoint.getRawFragment() != null) {
            throw new IllegalArgumentException(describe()
                    + " must have neither user information nor a fragment; give credentials by ClientAuthentication");
        }
        if (http
                && !options.plainHttp
                && !LOOPBACK.matcher(host.toLowerCase(Locale.ROOT)).matches()) {
            throw new IllegalArgumentException(describe() + " would get tokens and the client's secret unencrypted;"
                    + " give an https:// address, or allowPlainHttp() where something else encrypts");
        }
    }

    private boolean isHttps() {
        return "https".equalsIgnoreCase(endpoint.getScheme());
    }

    /** The endpoint with its whole address, and the client, but nothing secret: the same on all nodes. */
    String id() {
        return endpoint + " " + authentication.clientId();
    }

    /** For example {@code introspection endpoint https://id.example/introspect}; a query does not show. */
    String describe() {
        String port = endpoint.getPort() < 0 ? "" : ":" + endpoint.getPort();
        return what + " endpoint " + endpoint.getScheme() + "://" + endpoint.getHost() + port + endpoint.getRawPath();
    }

    /** What a status of 200 came with. */
    static final class Reply {
        private final HttpResponse<byte[]> response;
        private final boolean tooLong;

        private Reply(HttpResponse<byte[]> response, boolean tooLong) {
            this.response = response;
            this.tooLong = tooLong;
        }

        /** As much as was read of it. */
        byte[] body() {
            return response.body();
        }

        boolean isTooLong() {
            return tooLong;
        }

        /** Without parameters and in lower case; empty if there is none. */
        String mediaType() {
            String type = response.headers().firstValue("Content-Type").orElse("");
            int parameters = type.indexOf(';');
            return (parameters < 0 ? type : type.substring(0, parameters))
                    .strip()
                    .toLowerCase(Locale.ROOT);
        }

        boolean isEncoded() {
            return response.headers().allValues("Content-Encoding").stream()
                    .anyMatch(encoding -> !encoding.strip().equalsIgnoreCase("identity"));
        }
    }

    /**
     * Posts a token. Blocks until the reply is there, or the timeout has passed.
     *
     * @throws IOException for anything but a status of 200
     * @throws InterruptedException if the thread is interrupted; the call is given up
     */
    Reply post(String token) throws IOException, InterruptedException {
        HttpClient open = client;
        if (open == null) throw new IllegalStateException("the client of " + describe() + " is closed");
        long deadline = System.nanoTime() + options.timeout.toNanos();
        Receiver first = new Receiver();
        HttpResponse<byte[]> response;
        try {
            response = send(open, token, first, deadline);
            return accepted(new Reply(response, first.tooLong));
        } catch (ExecutionException e) {
            if (!isStale(e, first)) throw failure(e, first);
        }
        Receiver second = new Receiver();
        try {
            response = send(open, token, second, deadline);
            return accepted(new Reply(response, second.tooLong));
        } catch (ExecutionException e) {
            throw failure(e, second);
        }
    }

    private HttpResponse<byte[]> send(HttpClient open, String token, Receiver receiver, long deadline)
            throws IOException, InterruptedException, ExecutionException {
        CompletableFuture<HttpResponse<byte[]>> reply = open.sendAsync(request(token), receiver);
        try {
            return reply.get(deadline - System.nanoTime(), NANOSECONDS);
        } catch (TimeoutException e) {
            throw timeout(receiver);
        } finally {
            if (!reply.isDone()) {
                reply.cancel(true);
                receiver.cancel();
            }
        }
    }

    private HttpRequest request(String token) {
        Map<String, String> headers = new LinkedHashMap<>();
        Map<String, String> form = new LinkedHashMap<>();
        headers.put("Accept", "application/json");
        headers.put("Content-Type", "application/x-www-form-urlencoded");
        form.put("token", token);
        form.put("token_type_hint", "access_token");
        authentication.addTo(headers, form, options.clock.instant());
        HttpRequest.Builder request = HttpRequest.newBuilder(endpoint)
                .POST(BodyPublishers.ofString(form.entrySet().stream()
                        .map(field -> field.getKey() + "=" + URLEncoder.encode(field.getValue(), UTF_8))
                        .collect(Collectors.joining("&"))));
        headers.forEach(request::setHeader);
        return request.build();
    }

    /** Whether a kept connection may have been closed by the server, which says nothing of the server now. */
    private static boolean isStale(ExecutionException e, Receiver receiver) {
        return e.getCause() instanceof IOException broken
                && !receiver.began
                && !(broken instanceof HttpTimeoutException)
                && !(broken instanceof ConnectException)
                && !(broken instanceof SSLException)
                && isPlain(broken);
    }

    private HttpTimeoutException timeout(Receiver receiver) {
        return new HttpTimeoutException(describe()
                + (receiver.began ? " began to reply, but did not end within " : " did not reply within ")
                + options.timeout.toMillis() + " ms; see how it is, or raise timeout(…)");
    }

    private IOException failure(ExecutionException e, Receiver receiver) {
        Throwable cause = e.getCause();
        if (cause instanceof Error error) throw error;
        String problem;
        if (cause instanceof ConnectException || cause instanceof HttpTimeoutException) {
            problem = " cannot be connected to; see whether it runs, and how it is reached from here";
        } else if (cause instanceof SSLException) {
            problem = " has no TLS connection that can be trusted; see its certificate, or give an sslContext(…)";
        } else if (cause == null || !isPlain(cause)) {
            problem = " does not reply by the rules of HTTP; see what runs at that address";
        } else if (receiver.began) {
            problem = " broke the connection within its reply";
        } else {
            problem = " broke the connection before it replied; see its log";
        }
        IOException failure = new IOException(describe() + problem);
        // What the parser of the JDK complains of has the reply in its message.
        if (cause != null && isPlain(cause)) failure.initCause(cause);
        return failure;
    }

    /** Whether the messages of a failure are of the network, of certificates or of this code, and not made of the reply. */
    private static boolean isPlain(Throwable failure) {
        for (Throwable one = failure; one != null; one = one.getCause()) {
            boolean network = one instanceof IOException || one instanceof UnresolvedAddressException;
            if (one instanceof ProtocolException || !(network || one instanceof GeneralSecurityException)) return false;
        }
        return true;
    }

    private Reply accepted(Reply reply) throws IOException {
        int status = reply.response.statusCode();
        if (status == 200) return reply;
        String problem;
        if (status == 401 || status == 403) {
            problem = " refuses this service's own credentials (" + authentication
                    + "), so it has not looked at the token;"
                    + " see the client's id, secret or key, and whether it may use this endpoint";
        } else if (status >= 300 && status < 400) {
            problem = " redirects, which is not followed, as tokens and credentials would go with it;"
                    + " give the address that it redirects to";
        } else if (status == 429 || status == 503) {
            problem = " is too busy or away" + retryAfter(reply) + "; ask it less, or try later";
        } else if (status == 404 || status == 405) {
            problem = " is no such endpoint; see the metadata of the server for its address";
        } else if (status >= 500) {
            problem = " has failed; see its log";
        } else {
            problem = " does not accept the request as RFC 7662 and RFC 7009 have it; see its log";
        }
        throw new IOException(describe() + problem + ": status " + status);
    }

    private static String retryAfter(Reply reply) {
        return reply.response
                .headers()
                .firstValue("Retry-After")
                .filter(text -> SECONDS.matcher(text).matches())
                .map(text -> " for " + text + " s")
                .orElse("");
    }

    /**
     * From Java 21 on, breaks off calls and closes connections. Before, connections and the client's thread end once nobody
     * refers to it.
     */
    @Override
    public void close() {
        HttpClient open = client;
        client = null;
        if (open == null || SHUTDOWN_NOW == null) return;
        try {
            SHUTDOWN_NOW.invoke(open);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("the HTTP client of " + describe() + " cannot be closed", e);
        }
    }

    private static @Nullable MethodHandle shutdownNow() {
        try {
            return MethodHandles.publicLookup()
                    .findVirtual(HttpClient.class, "shutdownNow", MethodType.methodType(void.class));
        } catch (NoSuchMethodException | IllegalAccessException before21) {
            return null;
        }
    }

    /** Takes in a reply, and no more of it than is permitted. */
    private final class Receiver implements HttpResponse.BodyHandler<byte[]>, HttpResponse.BodySubscriber<byte[]> {
        private final CompletableFuture<byte[]> body = new CompletableFuture<>();
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private volatile @Nullable Subscription subscription;

        /** Whether there is a status already. */
        volatile boolean began;

        volatile boolean tooLong;

        @Override
        public HttpResponse.BodySubscriber<byte[]> apply(HttpResponse.ResponseInfo unused) {
            began = true;
            return this;
        }

        @Override
        public CompletionStage<byte[]> getBody() {
            return body;
        }

        @Override
        public void onSubscribe(Subscription newSubscription) {
            subscription = newSubscription;
            newSubscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(List<ByteBuffer> buffers) {
            for (ByteBuffer buffer : buffers) {
                if (tooLong) return;
                if (bytes.size() + buffer.remaining() > options.largestReply) {
                    tooLong = true;
                    cancel();
                    onComplete();
                    return;
                }
                byte[] chunk = new byte[buffer.remaining()];
                buffer.get(chunk);
                bytes.write(chunk, 0, chunk.length);
            }
        }

        @Override
        public void onError(Throwable failure) {
            body.completeExceptionally(failure);
        }

        @Override
        public void onComplete() {
            body.complete(bytes.toByteArray());
        }

        void cancel() {
            Subscription open = subscription;
            if (open != null) open.cancel();
        }
    }
}
