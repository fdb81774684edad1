package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jose.util.JSONObjectUtils;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.text.ParseException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.StringTokenizer;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Verifies signed JSON Web Tokens (RFC 7519, RFC 8725) with the keys that their issuer publishes (RFC 7517). Needs
 * nimbus-jose-jwt.
 *
 * <pre>{@code
 * JwtIntrospector jwt = JwtIntrospector.of(
 *         "https://id.example", URI.create("https://id.example/jwks"), o -> o.algorithms("ES256").types("at+jwt"));
 * }</pre>
 *
 * <p>What it does not do: it does not know that a token was revoked, which is what a {@code TokenCache} adds; and it looks at
 * no audience or scope, which each request requires by itself. A token signed by ES256, ES384 or ES512 can be written in two
 * ways by whoever has it, as (r, −s) is good where (r, s) is. So what is to end such a token must not go by its text alone:
 * revoke its session or subject. If an issuer changes keys without naming them ({@code kid}) in tokens, or keeps the name, a
 * new key is found by the next refresh only; others are found at once.
 *
 * <p>A token is refused, which is null, if anything is not as it has to be: three parts in the only base64url form that
 * their bytes have, {@value #MAX_CHARS} characters at most; an issuer, algorithm and type that are configured; no {@code crit};
 * times that fit; claims of the types that RFC 7519 and RFC 9068 give them; and a signature by a current key of that issuer, of
 * a type, {@code use}, {@code alg} and {@code key_ops} that suit. Keys and addresses in the token itself ({@code jwk},
 * {@code jku}, {@code x5c}, {@code x5u}) are never looked at. Why one was refused is in the log at level DEBUG, and nothing of the token.
 *
 * <p>Takes no I/O while an issuer's keys are known: they are fetched again in the background before they are old. A call
 * waits, for the timeout at most, only for the first keys, and when a token names an unknown key, for which an issuer is
 * asked each 30 s at most. Safe for use by many threads, and meant to be shared. Has one daemon thread, besides that of the JDK's
 * HTTP client; {@link #close} it.
 */
public final class JwtIntrospector implements Introspector, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(JwtIntrospector.class);

    /** More than servers accept in a header. */
    static final int MAX_CHARS = 16_384;

    private static final int MAX_KID_CHARS = 512;
    private static final int MAX_ISSUER_CHARS = 1_024;

    /** The end of the year 9999. */
    private static final long MAX_SECONDS = 253_402_300_799L;

    private final ScheduledThreadPoolExecutor worker;
    private volatile @Nullable HttpClient http;
    private final List<Consumer<String>> keyListeners = new CopyOnWriteArrayList<>();
    private volatile Map<String, Jwks> issuers = Map.of();
    private volatile boolean inUse;
    private volatile boolean closed;

    private JwtIntrospector() {
        worker = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(null, task, "tenfold-jwks", 0, false);
            thread.setDaemon(true);
            return thread;
        });
        worker.setRemoveOnCancelPolicy(true);
        http = HttpClient.newBuilder()
                .executor(worker)
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .build();
    }

    /**
     * Accepts tokens of an issuer, with default options.
     *
     * @param issuer what {@code iss} has to be, compared exactly
     * @param jwksUri where the issuer publishes its keys; {@code https}, or {@code http} on this machine
     * @return an introspector; close it
     * @throws IllegalArgumentException if one of them cannot be
     */
    public static JwtIntrospector of(String issuer, URI jwksUri) {
        return of(issuer, jwksUri, o -> o);
    }

    /**
     * Accepts tokens of an issuer.
     *
     * @param issuer what {@code iss} has to be, compared exactly
     * @param jwksUri where the issuer publishes its keys; {@code https}, or {@code http} on this machine
     * @param options changes the defaults
     * @return an introspector; close it
     * @throws IllegalArgumentException if one of them cannot be
     */
    public static JwtIntrospector of(String issuer, URI jwksUri, UnaryOperator<JwtOptions> options) {
        JwtOptions given = checked(issuer, jwksUri, options);
        return new JwtIntrospector().add(issuer, jwksUri, given);
    }

    /**
     * Accepts tokens of one more issuer. Each has its own keys and options; no key of one is good for a token of another.
     *
     * @param issuer what {@code iss} has to be, compared exactly
     * @param jwksUri where the issuer publishes its keys; {@code https}, or {@code http} on this machine
     * @param options changes the defaults
     * @return this
     * @throws IllegalArgumentException if one of them cannot be, or there is this issuer already
     * @throws IllegalStateException if this is in use already: its {@link #id} tells who is accepted
     */
    public JwtIntrospector and(String issuer, URI jwksUri, UnaryOperator<JwtOptions> options) {
        return add(issuer, jwksUri, checked(issuer, jwksUri, options));
    }

    private JwtIntrospector add(String issuer, URI jwksUri, JwtOptions options) {
        HttpClient client = http;
        if (inUse || client == null) {
            throw new IllegalStateException("cannot accept issuer " + issuer
                    + " now that the introspector is in use; name all issuers before it is given to a cache");
        }
        if (issuers.containsKey(issuer)) throw new IllegalArgumentException("issuer " + issuer + " is there already");
        Jwks jwks = new Jwks(issuer, jwksUri, options, client, worker, this::tellDropped);
        Map<String, Jwks> more = new TreeMap<>(issuers);
        more.put(issuer, jwks);
        issuers = more;
        if (options.preload) jwks.refreshIfDue();
        return this;
    }

    private static JwtOptions checked(String issuer, URI uri, UnaryOperator<JwtOptions> options) {
        if (issuer.isEmpty()
                || issuer.length() > MAX_ISSUER_CHARS
                || issuer.chars().anyMatch(c -> c <= ' ' || c > '~')) {
            throw new IllegalArgumentException("the issuer must be 1 to " + MAX_ISSUER_CHARS
                    + " printable ASCII characters without blanks, exactly as tokens have it in iss");
        }
        JwtOptions given = options.apply(JwtOptions.DEFAULT);
        String scheme = String.valueOf(uri.getScheme());
        String host = uri.getHost();
        if (host == null || uri.getRawUserInfo() != null || uri.getRawFragment() != null) {
            throw new IllegalArgumentException("the address of the keys of " + issuer
                    + " must be like https://host/path, without user or fragment");
        }
        boolean here = List.of("localhost", "127.0.0.1", "[::1]").contains(host);
        if (!scheme.equals("https") && !(scheme.equals("http") && (here || given.plainHttp))) {
            throw new IllegalArgumentException(
                    "the address of the keys of " + issuer + " begins with " + scheme
                            + "; use https, as who changes the keys on the way can sign tokens, or allow it by plainHttp(true)");
        }
        if (given.outageTolerance.compareTo(given.ttl) < 0) {
            throw new IllegalArgumentException("outageTolerance " + given.outageTolerance + " is less than ttl "
                    + given.ttl + " for " + issuer + "; raise one or lower the other");
        }
        return given;
    }

    // ---- one token --------------------------------------------------------------------------------------------------

    /**
     * {@inheritDoc}
     *
     * @throws IOException if the issuer's keys are not known and cannot be fetched, or a token names a key that is not known
     *     while fetches fail
     * @throws IllegalStateException after {@link #close}
     */
    @Override
    public @Nullable TokenFacts introspect(String token) throws IOException, InterruptedException {
        inUse = true;
        if (closed) throw new IllegalStateException(Jwks.CLOSED);
        if (!isWellFormed(token)) return refused("it does not look like a signed JWT");
        int dot = token.indexOf('.');
        int lastDot = token.lastIndexOf('.');
        try {
            Map<String, Object> header = json(token.substring(0, dot), "header");
            Map<String, Object> claims = json(token.substring(dot + 1, lastDot), "payload");
            String issuer = text(claims, "iss");
            Jwks jwks = issuer == null ? null : issuers.get(issuer);
            if (issuer == null || jwks == null) return refused("its issuer is not configured");
            JwtOptions options = jwks.options;

            String algorithm = text(header, "alg");
            if (algorithm == null || !options.algorithms.contains(algorithm)) {
                return refused("its algorithm is not one of " + options.algorithms);
            }
            if (header.containsKey("crit") || header.containsKey("b64")) return refused("it has crit or b64");
            String type = text(header, "typ");
            String plainType = type == null ? "jwt" : JwtOptions.plainType(type);
            if (!options.types.contains(plainType)) return refused("its typ is not one of " + options.types);
            if (plainType.equals("jwt")
                    && (claims.containsKey("at_hash")
                            || claims.containsKey("c_hash")
                            || claims.containsKey("events"))) {
                return refused("it is an ID token or a logout token by its claims");
            }
            String kid = text(header, "kid");
            if (kid != null && kid.length() > MAX_KID_CHARS) return refused("its kid is too long");

            TokenFacts.Builder facts = facts(claims, issuer, options);
            if (facts == null) return null;

            JWSHeader verified = new JWSHeader(JWSAlgorithm.parse(algorithm));
            byte[] signed = token.substring(0, lastDot).getBytes(US_ASCII);
            Base64URL signature = new Base64URL(token.substring(lastDot + 1));
            for (Jwks.Key key : jwks.find(kid, verified.getAlgorithm())) {
                if (key.verifier().verify(verified, signed, signature)) {
                    return facts.key(key.name()).build();
                }
            }
            return refused("no current key of its issuer has signed it");
        } catch (ParseException e) {
            return refused(String.valueOf(e.getMessage()));
        } catch (JOSEException e) {
            throw new IOException("this JVM cannot verify signatures of that kind: " + e.getMessage(), e);
        }
    }

    private static @Nullable TokenFacts refused(String why) {
        LOG.debug("refused a JWT: {}", why);
        return null;
    }

    /** What the claims say, or null if they are not valid now. They are taken out of the map. */
    private static TokenFacts.@Nullable Builder facts(Map<String, Object> claims, String issuer, JwtOptions options)
            throws ParseException {
        Instant expiry = time(claims, "exp", false);
        Instant notBefore = time(claims, "nbf", true);
        Instant issuedAt = time(claims, "iat", false);
        Instant now = options.clock.instant();
        Instant latest = now.plus(options.clockSkew);
        if (expiry == null && options.expiryRequired) return refusedFacts("it has no exp");
        if (expiry != null && !now.isBefore(expiry.plus(options.clockSkew))) return refusedFacts("it has expired");
        if (notBefore != null && notBefore.isAfter(latest)) return refusedFacts("it is not valid yet");
        if (issuedAt != null && issuedAt.isAfter(latest)) return refusedFacts("it was issued in the future");

        String clientId = text(claims, "client_id");
        if (clientId == null) clientId = text(claims, "azp");
        List<String> scopes = words(claims, "scope");
        if (scopes == null) scopes = words(claims, "scp");
        List<String> audience = texts(claims, "aud");
        TokenFacts.Builder facts = TokenFacts.of(issuer, text(claims, "sub"))
                .clientId(clientId)
                .sessionId(text(claims, "sid"))
                .tokenId(text(claims, "jti"))
                .audience(audience == null ? List.of() : audience)
                .scope(scopes == null ? List.of() : scopes)
                .issuedAt(issuedAt)
                .notBefore(notBefore)
                .expiresAt(expiry);
        Object confirmation = claims.remove("cnf");
        if (confirmation != null && !confirm(confirmation, facts)) {
            return refusedFacts("it is bound to a key in a way that is not supported");
        }
        claims.forEach(facts::claim);
        return facts;
    }

    private static TokenFacts.@Nullable Builder refusedFacts(String why) {
        var unused = refused(why);
        return null;
    }

    /** Whether anything is left by which the caller has to prove itself: else the token would be good for all who have it. */
    private static boolean confirm(Object confirmation, TokenFacts.Builder facts) {
        boolean any = false;
        if (confirmation instanceof Map<?, ?> members) {
            for (Map.Entry<?, ?> member : members.entrySet()) {
                if (member.getValue() instanceof String value) {
                    facts.confirmation(String.valueOf(member.getKey()), value);
                    any = true;
                }
            }
        }
        return any;
    }

    // ---- its parts --------------------------------------------------------------------------------------------------

    /**
     * Whether it has three parts, none empty, each in the only base64url form that its bytes have, and
     * {@value #MAX_CHARS} characters at most.
     *
     * <p>The only form, since otherwise who has a token could write it anew, and the new text would not be known as revoked.
     */
    @Override
    public boolean isWellFormed(String token) {
        if (token.length() > MAX_CHARS) return false;
        int parts = 1;
        int start = 0;
        for (int i = 0; i < token.length(); i++) {
            char c = token.charAt(i);
            if (c == '.') {
                if (++parts > 3 || !isCanonical(token, start, i)) return false;
                start = i + 1;
            } else if (sextet(c) < 0) {
                return false;
            }
        }
        return parts == 3 && isCanonical(token, start, token.length());
    }

    /** RFC 4648, 3.5: bits that stand for nothing are zero. */
    private static boolean isCanonical(String token, int start, int end) {
        if (end == start) return false;
        int last = sextet(token.charAt(end - 1));
        return switch ((end - start) % 4) {
            case 0 -> true;
            case 2 -> (last & 0b1111) == 0;
            case 3 -> (last & 0b11) == 0;
            default -> false;
        };
    }

    private static int sextet(char c) {
        if (c >= 'A' && c <= 'Z') return c - 'A';
        if (c >= 'a' && c <= 'z') return c - 'a' + 26;
        if (c >= '0' && c <= '9') return c - '0' + 52;
        if (c == '-') return 62;
        return c == '_' ? 63 : -1;
    }

    private static Map<String, Object> json(String part, String name) throws ParseException {
        String problem = "its " + name + " is not a JSON object";
        Map<String, Object> object;
        try {
            object = JSONObjectUtils.parse(new String(Base64.getUrlDecoder().decode(part), UTF_8));
        } catch (ParseException e) {
            throw new ParseException(problem, e.getErrorOffset()); // not the cause, which may quote the token
        }
        if (object == null) throw new ParseException(problem, 0);
        return new LinkedHashMap<>(object);
    }

    private static @Nullable String text(Map<String, Object> from, String name) throws ParseException {
        Object value = from.remove(name);
        if (value == null || value instanceof String) return (String) value;
        throw new ParseException(name + " is not a string", 0);
    }

    /** A string, or an array of strings. */
    private static @Nullable List<String> texts(Map<String, Object> from, String name) throws ParseException {
        Object value = from.remove(name);
        if (value == null) return null;
        if (value instanceof String one) return List.of(one);
        if (!(value instanceof Collection<?> all)) throw new ParseException(name + " is not a string or an array", 0);
        List<String> texts = new ArrayList<>();
        for (Object one : all) {
            if (!(one instanceof String text)) throw new ParseException(name + " has more than strings in it", 0);
            texts.add(text);
        }
        return texts;
    }

    /** Words separated by blanks, or an array of words. */
    private static @Nullable List<String> words(Map<String, Object> from, String name) throws ParseException {
        List<String> texts = texts(from, name);
        if (texts == null) return null;
        List<String> words = new ArrayList<>();
        for (String text : texts) {
            for (StringTokenizer rest = new StringTokenizer(text, " "); rest.hasMoreTokens(); )
                words.add(rest.nextToken());
        }
        return words;
    }

    /** A NumericDate, of which parts of a second are dropped or rounded up. */
    private static @Nullable Instant time(Map<String, Object> from, String name, boolean up) throws ParseException {
        Object value = from.remove(name);
        if (value == null) return null;
        if (!(value instanceof Number number)) throw new ParseException(name + " is not a number", 0);
        double seconds = number.doubleValue();
        if (!(seconds >= 0 && seconds <= MAX_SECONDS)) throw new ParseException(name + " is no time", 0);
        return Instant.ofEpochSecond((long) (up ? Math.ceil(seconds) : Math.floor(seconds)));
    }

    // ---- the rest ---------------------------------------------------------------------------------------------------

    /** All issuers with their addresses, algorithms, types and limits of time. */
    @Override
    public String id() {
        inUse = true;
        StringBuilder id = new StringBuilder("jwt");
        issuers.forEach((issuer, jwks) -> id.append('\n')
                .append(issuer)
                .append(' ')
                .append(jwks.uri)
                .append(' ')
                .append(jwks.options));
        return id.toString();
    }

    /**
     * Hears of keys that are no longer good.
     *
     * @param listener is given a name as in {@link TokenFacts#keys}, on the thread that fetched; must not block for long
     */
    @Override
    public void onKeyDropped(Consumer<String> listener) {
        keyListeners.add(Objects.requireNonNull(listener));
    }

    private void tellDropped(String name) {
        for (Consumer<String> listener : keyListeners) {
            try {
                listener.accept(name);
            } catch (RuntimeException e) {
                LOG.error("what should forget the facts that a dropped key vouched for failed to", e);
            }
        }
    }

    /**
     * What was done for keys so far.
     *
     * @return a snapshot over all issuers
     */
    public JwtStats stats() {
        JwtStats sum = new JwtStats(0, 0, 0, 0, 0);
        for (Jwks jwks : issuers.values()) {
            JwtStats one = jwks.stats();
            sum = new JwtStats(
                    sum.fetches() + one.fetches(),
                    sum.failures() + one.failures(),
                    sum.unknownKidRefetches() + one.unknownKidRefetches(),
                    sum.suppressed() + one.suppressed(),
                    sum.keys() + one.keys());
        }
        return sum;
    }

    /**
     * Stops fetching. Who waits for keys hears that they cannot be had. Does not wait. Before Java 21 the thread of the JDK's
     * HTTP client ends some seconds after the garbage collector has found it.
     */
    @Override
    public void close() {
        if (closed) return;
        closed = true;
        for (Jwks jwks : issuers.values()) jwks.close();
        HttpClient last = http;
        http = null;
        if (last != null) end(last);
        worker.shutdownNow();
    }

    private static void end(HttpClient http) {
        try {
            HttpClient.class.getMethod("shutdownNow").invoke(http);
        } catch (NoSuchMethodException e) {
            LOG.trace("before Java 21: the client ends when it is collected");
        } catch (ReflectiveOperationException e) {
            LOG.debug("the HTTP client could not be ended", e);
        }
    }

    /** The issuers. */
    @Override
    public String toString() {
        return "JwtIntrospector" + issuers.keySet();
    }
}
