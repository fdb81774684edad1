package dev.tenfold.auth;

/** Tells the authority that a token is no longer wanted. Called by many threads at once. */
@FunctionalInterface
public interface Revoker {
    /**
     * Revokes a token at its authority. Blocks for as long as that takes; give it a timeout of its own.
     *
     * @param token as it was issued
     * @throws Exception if it is not known to have been revoked; its message must not have the token in it
     */
    void revoke(String token) throws Exception;
}
