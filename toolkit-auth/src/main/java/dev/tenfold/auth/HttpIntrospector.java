package dev.tenfold.auth;

import com.nimbusds.jose.util.JSONObjectUtils;
import java.io.IOException;
import java.net.URI;
import java.text.ParseException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.StringTokenizer;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks an authorization server about tokens, as OAuth 2.0 Token Introspection (RFC 7662) has it. Put a {@code TokenCache}
 * before it: by itself it asks the server each time.
 *
 * <pre>{@code
 * Introspector server = HttpIntrospector.of(
 *         URI.create("https://id.example/oauth2/introspect"), ClientAuthentication.basic(id, secret))
 *     .issuer("https://id.example");
 * }</pre>
 *
 * <p>Cost: one POST, and a second one if the connection that was kept for it breaks before the reply begins. The caller is
 * blocked meanwhile, and never longer than {@link EndpointOptions#timeout}. Redirects are not followed, no proxy is used that
 * is not asked for, replies are read up to {@link EndpointOptions#largestReply}, and it has to be https but on the loopback.
 *
 * <p>What is told of a token:
 *
 * <ul>
 *   <li>{@code "active": false}, or a token that is not an access token: there is no such token. That is one whose
 *       {@code token_type}, {@code typ} (Keycloak) or {@code token_use} (Ory Hydra, Cognito) says that it is a refresh token or
 *       an ID token; RFC 7662 lets servers tell of these as well, and they must not open what access tokens open
 *   <li>{@code "active": true}: {@code iss}, {@code sub}, {@code aud}, {@code client_id}, {@code scope}, {@code iat},
 *       {@code nbf}, {@code exp}, {@code jti}, {@code sid} and {@code cnf} by their meaning, the rest as {@link
 *       TokenFacts#claims}. A member of {@code cnf} that is no string is kept as its JSON text, so that the token does not
 *       pass for one that anybody may use
 *   <li>all else, for example another status, HTML, a JWT (RFC 9701), or a claim of the wrong type: an {@link IOException} that
 *       names the endpoint and the remedy. It has neither the token nor the reply in it
 * </ul>
 *
 * <p>Safe for use by many threads. It needs nimbus-jose-jwt for JSON.
 */
public final class HttpIntrospector implements Introspector, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HttpIntrospector.class);

    private static final Set<String> MAPPED =
            Set.of("active", "iss", "sub", "aud", "client_id", "scope", "iat", "nbf", "exp", "jti", "sid", "cnf");

    private static final List<String> KINDS = List.of("token_type", "typ", "token_use");

    /** In lower case, with underscores. */
    private static final Set<String> NOT_FOR_ACCESS = Set.of(
            "refresh",
            "refresh_token",
            "offline",
            "id",
            "id_token",
            "logout",
            "logout_token",
            "logout+jwt",
            "urn:ietf:params:oauth:token_type:refresh_token",
            "urn:ietf:params:oauth:token_type:id_token");

    private final TokenEndpoint endpoint;
    private final @Nullable String issuer;
    private final AtomicBoolean otherIssuerSeen = new AtomicBoolean();

    private HttpIntrospector(TokenEndpoint endpoint, @Nullable String issuer) {
        this.endpoint = endpoint;
        this.issuer = issuer;
    }

    /**
     * Asks an endpoint, with the default options.
     *
     * @param endpoint {@code introspection_endpoint} in the server's metadata
     * @param authentication proves that this service may ask
     * @return see {@link #of(URI, ClientAuthentication, UnaryOperator)}
     */
    public static HttpIntrospector of(URI endpoint, ClientAuthentication authentication) {
        return of(endpoint, authentication, UnaryOperator.identity());
    }

    /**
     * Asks an endpoint. Nothing is sent yet.
     *
     * @param endpoint {@code introspection_endpoint} in the server's metadata
     * @param authentication proves that this service may ask
     * @param options changes the defaults
     * @return an introspector; make one and share it
     * @throws IllegalArgumentException for an endpoint that is not an https address, and not on the loopback
     * @throws IllegalStateException if nimbus-jose-jwt is missing
     */
    public static HttpIntrospector of(
            URI endpoint, ClientAuthentication authentication, UnaryOperator<EndpointOptions> options) {
        JsonClaims.requireParser("HttpIntrospector");
        return new HttpIntrospector(
                new TokenEndpoint("introspection", endpoint, authentication, options.apply(EndpointOptions.DEFAULT)),
                null);
    }

    /**
     * Takes tokens of one issuer only. One of which the server does not say who issued it is taken for that issuer's; one of
     * another issuer is no token at all, and the first is logged. Set it whenever subjects or sessions are logged out: most
     * servers leave {@code iss} out.
     *
     * @param issuer the server's identifier, to the letter: {@code issuer} in its metadata
     * @return an introspector with the same connections
     * @throws IllegalArgumentException if it is empty
     */
    public HttpIntrospector issuer(String issuer) {
        if (issuer.isEmpty()) {
            throw new IllegalArgumentException("issuer is empty; give the one in the metadata of the server");
        }
        return new HttpIntrospector(endpoint, issuer);
    }

    /**
     * {@inheritDoc}
     *
     * @throws IOException if the server does not tell: see above
     * @throws InterruptedException if the thread is interrupted meanwhile
     */
    @Override
    public @Nullable TokenFacts introspect(String token) throws IOException, InterruptedException {
        if (token.isEmpty()) return null;
        TokenEndpoint.Reply reply = endpoint.post(token);
        requireJson(reply);
        try {
            return facts(JsonClaims.parse(reply.body()));
        } catch (ParseException e) {
            throw new IOException(endpoint.describe() + " does not reply as RFC 7662 has it: " + e.getMessage(), e);
        }
    }

    private void requireJson(TokenEndpoint.Reply reply) throws IOException {
        String type = reply.mediaType();
        if (type.equals("application/token-introspection+jwt") || type.equals("application/jwt")) {
            throw new IOException(endpoint.describe() + " replies with a JWT (RFC 9701), which is not supported;"
                    + " configure it to reply to this client with plain JSON");
        }
        if (!type.equals("application/json")) {
            throw new IOException(endpoint.describe()
                    + " does not reply with application/json; see what runs at that address, with status 200");
        }
        if (reply.isEncoded()) {
            throw new IOException(endpoint.describe()
                    + " replies with a Content-Encoding that was not asked for; configure it, or what is before it");
        }
        if (reply.isTooLong()) {
            throw new IOException(
                    endpoint.describe() + " replies with more than is read; raise largestReply(…) if that is right");
        }
    }

    private @Nullable TokenFacts facts(JsonClaims claims) throws ParseException {
        if (!(claims.get("active") instanceof Boolean active)) {
            throw new ParseException("\"active\" is not a boolean", 0);
        }
        if (!active || !isForAccess(claims)) return null;
        String told = claims.text("iss");
        if (issuer != null && told != null && !issuer.equals(told)) {
            if (otherIssuerSeen.compareAndSet(false, true)) {
                LOG.warn(
                        "{} tells of tokens whose iss is not {}: they are refused; see whether issuer(…) is right to the"
                                + " letter",
                        endpoint.describe(),
                        issuer);
            }
            return null;
        }
        TokenFacts.Builder facts = TokenFacts.of(told == null ? issuer : told, claims.text("sub"))
                .clientId(claims.text("client_id"))
                .sessionId(claims.text("sid"))
                .tokenId(claims.text("jti"))
                .audience(claims.texts("aud"))
                .scope(words(claims.text("scope")))
                .issuedAt(claims.time("iat"))
                .notBefore(claims.time("nbf"))
                .expiresAt(claims.time("exp"));
        addConfirmation(facts, claims.object("cnf"));
        claims.without(MAPPED).forEach(facts::claim);
        return facts.build();
    }

    private static boolean isForAccess(JsonClaims claims) {
        for (String kind : KINDS) {
            if (claims.get(kind) instanceof String text
                    && NOT_FOR_ACCESS.contains(text.toLowerCase(Locale.ROOT).replace('-', '_'))) {
                return false;
            }
        }
        return true;
    }

    private static List<String> words(@Nullable String scope) {
        List<String> words = new ArrayList<>();
        if (scope == null) return words;
        StringTokenizer tokens = new StringTokenizer(scope, " ");
        while (tokens.hasMoreTokens()) words.add(tokens.nextToken());
        return words;
    }

    private static void addConfirmation(TokenFacts.Builder facts, @Nullable Map<String, Object> cnf)
            throws ParseException {
        if (cnf == null) return;
        if (cnf.isEmpty()) throw new ParseException("\"cnf\" is not an object that names a key", 0);
        for (Map.Entry<String, Object> key : cnf.entrySet()) {
            facts.confirmation(
                    key.getKey(),
                    key.getValue() instanceof String text
                            ? text
                            : JSONObjectUtils.toJSONString(Collections.singletonMap(key.getKey(), key.getValue())));
        }
    }

    /** The endpoint, the client's id and the issuer. */
    @Override
    public String id() {
        return "introspection " + endpoint.id() + (issuer == null ? "" : " " + issuer);
    }

    /**
     * Closes the connections, of those too that {@link #issuer} made of one another. On Java 17 to 20 they close some time
     * after nobody refers to it any more. Idempotent; does not block.
     */
    @Override
    public void close() {
        endpoint.close();
    }

    /** The endpoint. */
    @Override
    public String toString() {
        return endpoint.describe();
    }
}
