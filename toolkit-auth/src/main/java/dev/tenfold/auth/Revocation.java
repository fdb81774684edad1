package dev.tenfold.auth;

import java.util.Optional;

/**
 * How far a revocation has come. On this node it always holds from now on.
 *
 * @param isDelivered whether Redis has taken it, so that all nodes follow: within a round trip those that are connected, the
 *     others refuse or look up anew after {@link TokenCacheBuilder#maxStaleness}. If not, this node tells Redis again until it
 *     has, for as long as it runs
 * @param upstreamFailure what the {@link Revoker} threw; empty if it succeeded, or there is none
 */
public record Revocation(boolean isDelivered, Optional<Exception> upstreamFailure) {}
