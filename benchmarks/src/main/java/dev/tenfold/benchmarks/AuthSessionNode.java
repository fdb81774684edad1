package dev.tenfold.benchmarks;

/** A node of a service that has login sessions on Redis. */
interface AuthSessionNode extends AutoCloseable {
    /** Logs a subject in; returns the session's id. */
    String logIn(String subject) throws Exception;

    /** Whom a session belongs to, as a request asks that lets the session live on; throws if there is none. */
    String subject(String id) throws Exception;

    @Override
    void close();
}
