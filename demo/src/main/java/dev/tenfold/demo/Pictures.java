package dev.tenfold.demo;

/** What users add. */
@FunctionalInterface
interface Pictures {
    /**
     * Adds a picture to a post, which owes it a thumbnail, and its author a mail. The picture is committed when this returns.
     *
     * @return the picture's id
     */
    long post(long post, byte[] picture) throws Exception;
}
