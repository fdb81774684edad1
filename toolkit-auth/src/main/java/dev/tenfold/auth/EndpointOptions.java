package dev.tenfold.auth;

import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.InstantSource;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * How an authorization server is called. Immutable: each method returns changed options.
 *
 * <pre>{@code
 * HttpIntrospector.of(endpoint, client, o -> o.timeout(ofSeconds(1)).sslContext(ours));
 * }</pre>
 */
public final class EndpointOptions {
    static final EndpointOptions DEFAULT = new EndpointOptions(
            Duration.ofSeconds(2),
            Duration.ofSeconds(1),
            64 * 1024,
            false,
            HttpClient.Builder.NO_PROXY,
            null,
            InstantSource.system());

    private static final Duration LONGEST = Duration.ofMinutes(1);

    final Duration timeout;
    final Duration connectTimeout;
    final int largestReply;
    final boolean plainHttp;
    final ProxySelector proxy;
    final @Nullable SSLContext sslContext;
    final InstantSource clock;

    private EndpointOptions(
            Duration timeout,
            Duration connectTimeout,
            int largestReply,
            boolean plainHttp,
            ProxySelector proxy,
            @Nullable SSLContext sslContext,
            InstantSource clock) {
        this.timeout = timeout;
        this.connectTimeout = connectTimeout;
        this.largestReply = largestReply;
        this.plainHttp = plainHttp;
        this.proxy = proxy;
        this.sslContext = sslContext;
        this.clock = clock;
    }

    /**
     * The longest that a call takes, from the connection to the last byte of the reply.
     *
     * @param timeout 1 ms to one minute; default 2 s
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public EndpointOptions timeout(Duration timeout) {
        require("timeout", timeout);
        return new EndpointOptions(timeout, connectTimeout, largestReply, plainHttp, proxy, sslContext, clock);
    }

    /**
     * The longest that it takes to connect, TLS not included; part of {@link #timeout}, which ends it as well.
     *
     * @param timeout 1 ms to one minute; default 1 s
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public EndpointOptions connectTimeout(Duration timeout) {
        require("connectTimeout", timeout);
        return new EndpointOptions(this.timeout, timeout, largestReply, plainHttp, proxy, sslContext, clock);
    }

    /**
     * The largest body that is read. What is longer is cut off, and a failure.
     *
     * @param bytes 1,024 to 16,777,216; default 65,536
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public EndpointOptions largestReply(int bytes) {
        if (bytes < 1_024 || bytes > 16_777_216) {
            throw new IllegalArgumentException("largestReply " + bytes + " must be from 1,024 to 16,777,216 bytes");
        }
        return new EndpointOptions(timeout, connectTimeout, bytes, plainHttp, proxy, sslContext, clock);
    }

    /**
     * Permits an {@code http://} endpoint on another machine. Tokens and the client's secret then cross the network for all to
     * read: only where something else encrypts it, such as a service mesh. To the loopback, http is always permitted.
     *
     * @return changed options
     */
    public EndpointOptions allowPlainHttp() {
        return new EndpointOptions(timeout, connectTimeout, largestReply, true, proxy, sslContext, clock);
    }

    /**
     * Goes through a proxy. By default there is none, whatever the system properties of the JVM say.
     *
     * @param proxy chooses one
     * @return changed options
     */
    public EndpointOptions proxy(ProxySelector proxy) {
        return new EndpointOptions(timeout, connectTimeout, largestReply, plainHttp, proxy, sslContext, clock);
    }

    /**
     * Which certificates are trusted, and which the client shows (RFC 8705, {@code tls_client_auth}). Host names are verified
     * in any case.
     *
     * @param context by default the JVM's own
     * @return changed options
     */
    public EndpointOptions sslContext(SSLContext context) {
        return new EndpointOptions(timeout, connectTimeout, largestReply, plainHttp, proxy, context, clock);
    }

    /**
     * The clock for the times in {@link ClientAuthentication#privateKeyJwt signed assertions}.
     *
     * @param clock by default the system's
     * @return changed options
     */
    public EndpointOptions clock(InstantSource clock) {
        return new EndpointOptions(timeout, connectTimeout, largestReply, plainHttp, proxy, sslContext, clock);
    }

    private static void require(String name, Duration value) {
        if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(
                    name + " " + value + " must be from 1 ms to " + LONGEST.toSeconds() + " s");
        }
    }
}
