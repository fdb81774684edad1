package dev.tenfold.auth;

import java.util.Objects;

/**
 * Whom tokens speak for. Subjects of different issuers are different, also if they are called the same.
 *
 * @param issuer as in {@link TokenFacts#issuer}
 * @param id as in {@link TokenFacts#subject}
 */
public record Subject(String issuer, String id) {
    /**
     * A subject.
     *
     * @param issuer as in {@link TokenFacts#issuer}; empty for tokens whose issuer is not known
     * @param id as in {@link TokenFacts#subject}
     * @return the subject
     * @throws IllegalArgumentException if the id is empty
     */
    public static Subject of(String issuer, String id) {
        Objects.requireNonNull(issuer, "issuer");
        if (id.isEmpty()) throw new IllegalArgumentException("a subject's id must have characters");
        return new Subject(issuer, id);
    }

    /** The issuer; not the id, which may be personal data. */
    @Override
    public String toString() {
        return "Subject[" + issuer + ", …]";
    }
}
