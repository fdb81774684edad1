package dev.tenfold.auth;

/**
 * Makes the authority on tokens end one: {@link RevocationClient}, or the statement that deletes
 * the row. Called by many threads at once.
 */
@FunctionalInterface
public interface Revoker {
    /**
     * Ends a token. Blocks for as long as that takes; give it a timeout of its own. A token that has ended, or never was, is
     * no failure, so that a call can be repeated.
     *
     * @param token as the caller sent it
     * @throws Exception if it is not sure that the token has ended. Its message must not have the token in it
     */
    void revoke(String token) throws Exception;
}
