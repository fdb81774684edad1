package dev.tenfold.auth;

import java.util.Objects;

/**
 * What a caller brings to prove who it is: a token or an API key, as it came in. Any text may come in, so nothing is checked
 * here; whoever verifies it refuses what cannot be one.
 *
 * <p>It never shows itself: not in {@link #toString}, not by serialization, and it has no {@code equals}, which would take a
 * time that tells how much of a guess is right. Immutable.
 */
public final class Credential {
    private final String kind;
    private final String secret;

    private Credential(String kind, String secret) {
        this.kind = kind;
        this.secret = Objects.requireNonNull(secret, kind);
    }

    /**
     * An access token, as in {@code Authorization: Bearer …} (RFC 6750).
     *
     * @param token without the word before it
     * @return the credential
     */
    public static Credential bearer(String token) {
        return new Credential("bearer token", token);
    }

    /**
     * An API key.
     *
     * @param key all of it
     * @return the credential
     */
    public static Credential apiKey(String key) {
        return new Credential("API key", key);
    }

    /** The token or key itself. */
    String secret() {
        return secret;
    }

    /** For example {@code bearer token of 43 characters}. */
    @Override
    public String toString() {
        return kind + " of " + secret.length() + " characters";
    }
}
