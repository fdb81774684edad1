package dev.tenfold.auth;

import java.util.Objects;

/**
 * Whom tokens speak for. Subjects of different issuers are different, also if they are called the same.
 *
 * @param issuer as in {@link TokenFacts#issuer}
 * @param id as in {@link TokenFacts#subject}
 */
public record Subject(String issuer, String id) {
    public Subject {
        Objects.requireNonNull(issuer, "issuer");
        Objects.requireNonNull(id, "id");
        if (id.isEmpty()) throw new IllegalArgumentException("a subject's id must have characters");
    }

    /**
     * A subject.
     *
     * @param issuer as in {@link TokenFacts#issuer}; empty for tokens whose issuer is not known
     * @param id as in {@link TokenFacts#subject}
     * @return the subject
     */
    public static Subject of(String issuer, String id) {
        return new Subject(issuer, id);
    }

    /** The issuer; not the id, which may be personal data. */
    @Override
    public String toString() {
        return "Subject[" + issuer + ", …]";
    }
}
