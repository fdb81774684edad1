/**
 * Who a token belongs to, known without asking, and forgotten everywhere in milliseconds.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.auth.Credential}: what a caller brings
 *   <li>{@link dev.tenfold.auth.TokenFacts}: what is known of it
 *   <li>{@link dev.tenfold.auth.Introspector}: who knows it
 *   <li>{@link dev.tenfold.auth.JwtIntrospector}: a signature knows it, by keys that are fetched ahead
 *   <li>{@link dev.tenfold.auth.JwtOptions}: its settings and their defaults
 *   <li>{@link dev.tenfold.auth.JwtStats}: what it did
 *   <li>{@link dev.tenfold.auth.TokenCache}: remembers it, on all nodes, until it is revoked
 *   <li>{@link dev.tenfold.auth.TokenCacheBuilder}: its settings and their defaults
 *   <li>{@link dev.tenfold.auth.Require}: what a request asks of a token
 *   <li>{@link dev.tenfold.auth.Verification}: the answer
 *   <li>{@link dev.tenfold.auth.LookupGate}: how many unknown tokens a caller may try
 *   <li>{@link dev.tenfold.auth.Subject}: whom tokens speak for
 *   <li>{@link dev.tenfold.auth.Revocation}: how far a revocation has come
 *   <li>{@link dev.tenfold.auth.Revoker}: tells the authority of it
 *   <li>{@link dev.tenfold.auth.Outage}: what tokens are good for while Redis is away
 *   <li>{@link dev.tenfold.auth.SealKeys}: encrypts what Redis has
 *   <li>{@link dev.tenfold.auth.AuthEvent}: what an audit wants to know
 *   <li>{@link dev.tenfold.auth.TokenCacheStats}: what a cache did
 *   <li>{@link dev.tenfold.auth.TokenCacheMetrics}: the same for Micrometer, an optional dependency
 *   <li>{@link dev.tenfold.auth.AuthFilter}: finds out who sends an HTTP request, in a servlet container
 *   <li>{@link dev.tenfold.auth.AuthPrincipal}: who it is
 * </ol>
 */
@NullMarked
package dev.tenfold.auth;

import org.jspecify.annotations.NullMarked;
