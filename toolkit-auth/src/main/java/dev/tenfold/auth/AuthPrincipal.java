package dev.tenfold.auth;

import java.security.Principal;

/**
 * Who sent a request, as {@link AuthFilter} found out. Immutable.
 *
 * @param name the subject; for a token without one, the application it was issued to
 * @param scheme {@code Bearer}, {@code ApiKey} or {@code Session}
 * @param facts what is known of the credential
 */
public record AuthPrincipal(String name, String scheme, TokenFacts facts) implements Principal {
    static AuthPrincipal of(String scheme, TokenFacts facts) {
        String subject = facts.subject();
        String client = facts.clientId();
        return new AuthPrincipal(subject != null ? subject : client != null ? client : "", scheme, facts);
    }

    @Override
    public String getName() {
        return name;
    }

    /** The scheme and the issuer; not the name, which may be personal data. */
    @Override
    public String toString() {
        return "AuthPrincipal[" + scheme + ", " + facts.issuer() + "]";
    }
}
