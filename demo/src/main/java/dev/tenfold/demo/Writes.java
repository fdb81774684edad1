package dev.tenfold.demo;

/** What users change. */
@FunctionalInterface
interface Writes {
    /** Adds a comment to a post; committed when this returns. */
    void comment(long post) throws Exception;
}
