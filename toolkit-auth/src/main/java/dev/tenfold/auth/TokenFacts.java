package dev.tenfold.auth;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a valid token, by the names that RFC 7662 and RFC 7519 give it. Facts, not a verdict: see {@link Require}.
 * Immutable.
 *
 * <pre>{@code
 * TokenFacts facts = TokenFacts.of("https://id.example", "42").scope("orders:read").expiresAt(then).build();
 * }</pre>
 */
public final class TokenFacts {
    static final long NONE = Long.MIN_VALUE;

    private final @Nullable String issuer;
    private final @Nullable String subject;
    private final @Nullable String clientId;
    private final @Nullable String sessionId;
    private final @Nullable String tokenId;
    private final Set<String> audience;
    private final Set<String> scopes;
    private final Map<String, String> confirmation;
    private final Map<String, Object> claims;
    private final Set<String> keys;

    /** In seconds since 1970, or {@link #NONE}. */
    final long issuedAt;

    final long notBefore;
    final long expiresAt;

    private TokenFacts(Builder from) {
        issuer = from.issuer;
        subject = from.subject;
        clientId = from.clientId;
        sessionId = from.sessionId;
        tokenId = from.tokenId;
        audience = unmodifiable(from.audience);
        scopes = unmodifiable(from.scopes);
        confirmation = Collections.unmodifiableMap(new LinkedHashMap<>(from.confirmation));
        claims = Collections.unmodifiableMap(new LinkedHashMap<>(from.claims));
        keys = unmodifiable(from.keys);
        issuedAt = from.issuedAt;
        notBefore = from.notBefore;
        expiresAt = from.expiresAt;
    }

    private static Set<String> unmodifiable(Set<String> set) {
        return Collections.unmodifiableSet(new LinkedHashSet<>(set));
    }

    /**
     * Begins to tell facts.
     *
     * @param issuer who issued the token ({@code iss}), or null if that is not told
     * @param subject whom it speaks for ({@code sub}), or null if that is not told
     * @return a builder
     */
    public static Builder of(@Nullable String issuer, @Nullable String subject) {
        return new Builder(issuer, subject);
    }

    /**
     * Who issued the token.
     *
     * @return {@code iss}, or null if it is not known
     */
    public @Nullable String issuer() {
        return issuer;
    }

    /**
     * Whom the token speaks for.
     *
     * @return {@code sub}, or null if it is not known
     */
    public @Nullable String subject() {
        return subject;
    }

    /**
     * Which application the token was issued to.
     *
     * @return {@code client_id}, or null if it is not known
     */
    public @Nullable String clientId() {
        return clientId;
    }

    /**
     * The session at the issuer in which the token was issued, or the public id of an API key: what
     * {@link TokenCache#revokeSession} ends.
     *
     * @return {@code sid}, or null if it is not known
     */
    public @Nullable String sessionId() {
        return sessionId;
    }

    /**
     * The token's own identifier.
     *
     * @return {@code jti}, or null if it is not known
     */
    public @Nullable String tokenId() {
        return tokenId;
    }

    /**
     * For whom the token is meant.
     *
     * @return {@code aud}, empty if it is not known
     */
    public Set<String> audience() {
        return audience;
    }

    /**
     * What the token permits.
     *
     * @return {@code scope}, one by one; empty if there is none
     */
    public Set<String> scopes() {
        return scopes;
    }

    /**
     * What key the caller must hold besides the token, by confirmation method: {@code x5t#S256} for a client certificate
     * (RFC 8705), {@code jkt} for DPoP (RFC 9449).
     *
     * @return the members of {@code cnf} that are strings; empty if the token is good for whoever has it
     */
    public Map<String, String> confirmation() {
        return confirmation;
    }

    /**
     * When the token was issued.
     *
     * @return {@code iat}, or null if it is not known
     */
    public @Nullable Instant issuedAt() {
        return instant(issuedAt);
    }

    /**
     * Before when it is not valid.
     *
     * @return {@code nbf}, or null if there is no such time
     */
    public @Nullable Instant notBefore() {
        return instant(notBefore);
    }

    /**
     * From when it is no longer valid.
     *
     * @return {@code exp}, or null if it is not known
     */
    public @Nullable Instant expiresAt() {
        return instant(expiresAt);
    }

    /**
     * All else that is told of the token.
     *
     * @return values are strings, longs, doubles, booleans, and unmodifiable lists and maps of these with string keys
     */
    public Map<String, Object> claims() {
        return claims;
    }

    /** Names of the keys that vouch for these facts: they are forgotten when one of them is dropped. */
    Set<String> keys() {
        return keys;
    }

    private static @Nullable Instant instant(long seconds) {
        return seconds == NONE ? null : Instant.ofEpochSecond(seconds);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof TokenFacts that
                && issuedAt == that.issuedAt
                && notBefore == that.notBefore
                && expiresAt == that.expiresAt
                && texts().equals(that.texts())
                && audience.equals(that.audience)
                && scopes.equals(that.scopes)
                && confirmation.equals(that.confirmation)
                && claims.equals(that.claims)
                && keys.equals(that.keys);
    }

    @Override
    public int hashCode() {
        return Objects.hash(texts(), audience, scopes, confirmation, claims, keys, issuedAt, notBefore, expiresAt);
    }

    private List<@Nullable String> texts() {
        return Arrays.asList(issuer, subject, clientId, sessionId, tokenId);
    }

    /** The issuer, the scopes and the expiry; not whom it speaks for, nor other claims, as they may be personal data. */
    @Override
    public String toString() {
        return "TokenFacts[issuer " + issuer + ", scopes " + scopes + ", expires " + expiresAt() + "]";
    }

    /** Puts facts together. Not safe for use by many threads. */
    public static final class Builder {
        private final @Nullable String issuer;
        private final @Nullable String subject;
        private @Nullable String clientId;
        private @Nullable String sessionId;
        private @Nullable String tokenId;
        private final Set<String> audience = new LinkedHashSet<>();
        private final Set<String> scopes = new LinkedHashSet<>();
        private final Map<String, String> confirmation = new LinkedHashMap<>();
        private final Map<String, Object> claims = new LinkedHashMap<>();
        private final Set<String> keys = new LinkedHashSet<>();
        private long issuedAt = NONE;
        private long notBefore = NONE;
        private long expiresAt = NONE;

        private Builder(@Nullable String issuer, @Nullable String subject) {
            this.issuer = issuer;
            this.subject = subject;
        }

        /**
         * Names the application that the token was issued to.
         *
         * @param newClientId {@code client_id}, or null
         * @return this
         */
        public Builder clientId(@Nullable String newClientId) {
            clientId = newClientId;
            return this;
        }

        /**
         * Names the session that the token belongs to.
         *
         * @param newSessionId {@code sid}, or null
         * @return this
         */
        public Builder sessionId(@Nullable String newSessionId) {
            sessionId = newSessionId;
            return this;
        }

        /**
         * Names the token.
         *
         * @param newTokenId {@code jti}, or null
         * @return this
         */
        public Builder tokenId(@Nullable String newTokenId) {
            tokenId = newTokenId;
            return this;
        }

        /**
         * Adds for whom the token is meant.
         *
         * @param values of {@code aud}
         * @return this
         */
        public Builder audience(String... values) {
            return audience(List.of(values));
        }

        /**
         * Adds for whom the token is meant.
         *
         * @param values of {@code aud}
         * @return this
         */
        public Builder audience(Collection<String> values) {
            audience.addAll(values);
            return this;
        }

        /**
         * Adds what the token permits.
         *
         * @param values scopes, one by one
         * @return this
         */
        public Builder scope(String... values) {
            return scope(List.of(values));
        }

        /**
         * Adds what the token permits.
         *
         * @param values scopes, one by one
         * @return this
         */
        public Builder scope(Collection<String> values) {
            scopes.addAll(values);
            return this;
        }

        /**
         * Adds a key that the caller must hold.
         *
         * @param method {@code x5t#S256}, {@code jkt}, or another member of {@code cnf}
         * @param thumbprint of the key
         * @return this
         */
        public Builder confirmation(String method, String thumbprint) {
            confirmation.put(method, thumbprint);
            return this;
        }

        /**
         * Tells when the token was issued.
         *
         * @param time {@code iat}, or null; parts of a second are dropped
         * @return this
         */
        public Builder issuedAt(@Nullable Instant time) {
            issuedAt = seconds(time);
            return this;
        }

        /**
         * Tells before when the token is not valid.
         *
         * @param time {@code nbf}, or null; parts of a second are dropped
         * @return this
         */
        public Builder notBefore(@Nullable Instant time) {
            notBefore = seconds(time);
            return this;
        }

        /**
         * Tells from when the token is no longer valid.
         *
         * @param time {@code exp}, or null; parts of a second are dropped
         * @return this
         */
        public Builder expiresAt(@Nullable Instant time) {
            expiresAt = seconds(time);
            return this;
        }

        /**
         * Adds anything else.
         *
         * @param name of the claim
         * @param value a string, number, boolean, list, or map with string keys; null is left out. Whole numbers become
         *     longs, others doubles
         * @return this
         * @throws IllegalArgumentException for a value of another type
         */
        public Builder claim(String name, @Nullable Object value) {
            if (value != null) claims.put(name, plain(name, value));
            return this;
        }

        /** A key that vouches for these facts. */
        Builder key(String name) {
            keys.add(name);
            return this;
        }

        /**
         * The facts so far.
         *
         * @return new facts
         */
        public TokenFacts build() {
            return new TokenFacts(this);
        }

        private static long seconds(@Nullable Instant time) {
            return time == null ? NONE : time.getEpochSecond();
        }

        private static Object plain(String name, Object value) {
            if (value instanceof String
                    || value instanceof Boolean
                    || value instanceof Long
                    || value instanceof Double) {
                return value;
            }
            if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
                return ((Number) value).longValue();
            }
            if (value instanceof Number number) return number.doubleValue();
            if (value instanceof Collection<?> all) {
                List<Object> list = new ArrayList<>();
                for (Object one : all) if (one != null) list.add(plain(name, one));
                return Collections.unmodifiableList(list);
            }
            if (value instanceof Map<?, ?> all) {
                Map<String, Object> map = new LinkedHashMap<>();
                all.forEach((key, one) -> {
                    if (one != null) map.put(String.valueOf(key), plain(name, one));
                });
                return Collections.unmodifiableMap(map);
            }
            throw new IllegalArgumentException("claim \"" + name + "\" is a "
                    + value.getClass().getName() + "; only strings, numbers, booleans, lists and maps can be claims");
        }
    }
}
