package dev.tenfold.auth;

import static java.util.stream.Collectors.joining;

import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.LongSupplier;

/**
 * Which tokens of one issuer a {@link JwtIntrospector} accepts, and how it keeps that issuer's keys. Immutable: each method
 * returns changed options.
 *
 * <pre>{@code
 * JwtIntrospector jwt = JwtIntrospector.of(issuer, jwksUri, o -> o.algorithms("ES256").types("at+jwt"));
 * }</pre>
 */
public final class JwtOptions {
    /** All that can be allowed: each is bound to one type of key, and none has a secret that is shared. */
    private static final Set<String> SUPPORTED =
            new TreeSet<>(List.of("ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"));

    static final JwtOptions DEFAULT = new JwtOptions();

    // Changed by nobody after the method that made the copy has returned it.
    Set<String> algorithms = Set.of("RS256", "PS256", "ES256");
    Set<String> types = Set.of("at+jwt", "jwt");
    Duration clockSkew = Duration.ofSeconds(10);
    boolean expiryRequired = true;
    Duration ttl = Duration.ofMinutes(5);
    Duration outageTolerance = Duration.ofHours(4);
    Duration timeout = Duration.ofSeconds(2);
    boolean plainHttp;
    boolean preload = true;
    InstantSource clock = InstantSource.system();
    LongSupplier nanoClock = System::nanoTime;

    private JwtOptions() {}

    private JwtOptions copy() {
        JwtOptions copy = new JwtOptions();
        copy.algorithms = algorithms;
        copy.types = types;
        copy.clockSkew = clockSkew;
        copy.expiryRequired = expiryRequired;
        copy.ttl = ttl;
        copy.outageTolerance = outageTolerance;
        copy.timeout = timeout;
        copy.plainHttp = plainHttp;
        copy.preload = preload;
        copy.clock = clock;
        copy.nanoClock = nanoClock;
        return copy;
    }

    /**
     * The only algorithms that tokens of this issuer may be signed with (RFC 8725, 3.1); of keys, only those that suit one
     * of them are used. Name what the issuer uses and nothing else.
     *
     * @param names of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and ES512; default RS256, PS256 and ES256
     * @return changed options
     * @throws IllegalArgumentException if there is none, or another: {@code none} and algorithms with a shared secret
     *     ({@code HS…}) are never accepted; {@code EdDSA} is not supported, as nimbus-jose-jwt needs another library for it
     */
    public JwtOptions algorithms(String... names) {
        if (names.length == 0) throw new IllegalArgumentException("name at least one algorithm of " + SUPPORTED);
        Set<String> set = new TreeSet<>();
        for (String name : names) {
            if (!SUPPORTED.contains(name)) {
                throw new IllegalArgumentException(
                        "algorithm \"" + name + "\" cannot be allowed; name some of " + SUPPORTED);
            }
            set.add(name);
        }
        JwtOptions changed = copy();
        changed.algorithms = set;
        return changed;
    }

    /**
     * Which values of the header {@code typ} are accepted. Capitals and a leading {@code application/} make no difference
     * (RFC 7515, 4.1.9). {@code JWT} also accepts a token without {@code typ}.
     *
     * <p>By default {@code at+jwt}, the type of access tokens (RFC 9068), and {@code JWT}, as many issuers do not use it yet;
     * of the latter, those are refused that by their claims are ID tokens or logout tokens ({@code at_hash}, {@code c_hash},
     * {@code events}). That does not tell every ID token: its audience does, so require one. If your issuer marks access
     * tokens, say {@code types("at+jwt")}: no other kind of token passes then (RFC 8725, 3.11).
     *
     * @param names at least one
     * @return changed options
     * @throws IllegalArgumentException if there is none, or one is empty
     */
    public JwtOptions types(String... names) {
        if (names.length == 0) throw new IllegalArgumentException("name at least one type, such as at+jwt");
        Set<String> set = new LinkedHashSet<>();
        for (String name : names) {
            if (name.isBlank())
                throw new IllegalArgumentException("a type is empty; \"JWT\" accepts tokens without type");
            set.add(plainType(name));
        }
        JwtOptions changed = copy();
        changed.types = set;
        return changed;
    }

    /** How types are compared. */
    static String plainType(String type) {
        String lower = type.toLowerCase(Locale.ROOT);
        String prefix = "application/";
        return lower.startsWith(prefix) && lower.indexOf('/', prefix.length()) < 0
                ? lower.substring(prefix.length())
                : lower;
    }

    /**
     * How far the issuer's clock may be off: tokens are accepted for so long after {@code exp}, and with {@code nbf} and
     * {@code iat} so far in the future. The expiry told in the facts stays what it is, and whoever uses them checks it again.
     *
     * @param skew up to 2 minutes; default 10 s
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public JwtOptions clockSkew(Duration skew) {
        JwtOptions changed = copy();
        changed.clockSkew = within("clockSkew", skew, Duration.ZERO, Duration.ofMinutes(2));
        return changed;
    }

    /**
     * Whether a token without {@code exp} is refused.
     *
     * @param required default true; with false a token may be valid for as long as its key is
     * @return changed options
     */
    public JwtOptions expiryRequired(boolean required) {
        JwtOptions changed = copy();
        changed.expiryRequired = required;
        return changed;
    }

    /**
     * How old keys may get. They are fetched again in the background when 72 to 80 % of this have passed. A key that the
     * issuer has withdrawn is trusted for so long at most while the issuer answers.
     *
     * @param ttl 30 s to 24 h; default 5 minutes; what HTTP headers say of caching is not looked at
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public JwtOptions ttl(Duration ttl) {
        JwtOptions changed = copy();
        changed.ttl = within("ttl", ttl, Duration.ofSeconds(30), Duration.ofHours(24));
        return changed;
    }

    /**
     * For how long after the last fetch that worked keys are used while none works. After that tokens of this issuer cannot
     * be verified until one works again.
     *
     * @param tolerance from the {@link #ttl} to 7 days; default 4 h; shorter means that a withdrawn key is distrusted sooner
     *     if somebody keeps this node from asking
     * @return changed options
     * @throws IllegalArgumentException for anything else; that it is less than the TTL shows when the options are used
     */
    public JwtOptions outageTolerance(Duration tolerance) {
        JwtOptions changed = copy();
        changed.outageTolerance = within("outageTolerance", tolerance, Duration.ofSeconds(30), Duration.ofDays(7));
        return changed;
    }

    /**
     * How long a fetch may take from connecting to the last byte, and so for how long a caller may have to wait when the keys
     * are not known yet.
     *
     * @param timeout 100 ms to 30 s; default 2 s
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public JwtOptions timeout(Duration timeout) {
        JwtOptions changed = copy();
        changed.timeout = within("timeout", timeout, Duration.ofMillis(100), Duration.ofSeconds(30));
        return changed;
    }

    /**
     * Whether keys may be fetched without TLS from another machine. Whoever can change them on the way can then sign tokens.
     *
     * @param allowed default false: {@code http} only to {@code localhost}, {@code 127.0.0.1} and {@code [::1]}
     * @return changed options
     */
    public JwtOptions plainHttp(boolean allowed) {
        JwtOptions changed = copy();
        changed.plainHttp = allowed;
        return changed;
    }

    /**
     * Whether keys are fetched, in the background, as soon as the issuer is named.
     *
     * @param early default true; with false the first token waits for them
     * @return changed options
     */
    public JwtOptions preload(boolean early) {
        JwtOptions changed = copy();
        changed.preload = early;
        return changed;
    }

    /**
     * The clock that tells whether tokens are valid yet and still.
     *
     * @param clock default the system's
     * @return changed options
     */
    public JwtOptions clock(InstantSource clock) {
        JwtOptions changed = copy();
        changed.clock = clock;
        return changed;
    }

    /**
     * The clock that tells how old keys are, and when to ask again. The {@link #timeout} is real time in any case.
     *
     * @param nanoClock like {@link System#nanoTime}, the default; must not go back
     * @return changed options
     */
    public JwtOptions nanoClock(LongSupplier nanoClock) {
        JwtOptions changed = copy();
        changed.nanoClock = nanoClock;
        return changed;
    }

    private static Duration within(String name, Duration value, Duration least, Duration most) {
        if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
            throw new IllegalArgumentException(name + " " + value + " must be from " + least + " to " + most);
        }
        return value;
    }

    /** What decides on tokens, the same for the same settings; not how keys are kept, nor clocks. */
    @Override
    public String toString() {
        return "algorithms " + sorted(algorithms) + ", types " + sorted(types) + ", clockSkew " + clockSkew
                + ", expiryRequired " + expiryRequired;
    }

    private static String sorted(Set<String> set) {
        return set.stream().sorted().collect(joining("/"));
    }
}
