/**
 * Who a token belongs to, known without asking, and forgotten everywhere in milliseconds.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.auth.Credential}: what a caller brings
 *   <li>{@link dev.tenfold.auth.TokenCache}: remembers what is known of it, on all nodes, until it is revoked
 *   <li>{@link dev.tenfold.auth.TokenCacheBuilder}: its settings and their defaults
 *   <li>{@link dev.tenfold.auth.Require}: what a request asks of a token
 *   <li>{@link dev.tenfold.auth.Verification}: the answer
 *   <li>{@link dev.tenfold.auth.TokenFacts}: what is known of a token
 *   <li>{@link dev.tenfold.auth.Subject}: whom tokens speak for
 *   <li>{@link dev.tenfold.auth.Revocation}: how far a revocation has come
 *   <li>{@link dev.tenfold.auth.Outage}: what tokens are good for while Redis is away
 *   <li>{@link dev.tenfold.auth.LookupGate}: how many unknown tokens a caller may try
 *   <li>{@link dev.tenfold.auth.SealKeys}: encrypts what Redis has
 *   <li>{@link dev.tenfold.auth.AuthEvent}: what an audit wants to know
 *   <li>{@link dev.tenfold.auth.TokenCacheStats}: what a cache did
 *   <li>{@link dev.tenfold.auth.Introspector}: who knows tokens
 *   <li>{@link dev.tenfold.auth.HttpIntrospector}: an authorization server knows them (RFC 7662)
 *   <li>{@link dev.tenfold.auth.ClientAuthentication}: how it knows this service
 *   <li>{@link dev.tenfold.auth.EndpointOptions}: how it is talked to
 *   <li>{@link dev.tenfold.auth.Revoker}: tells the authority of a revocation
 *   <li>{@link dev.tenfold.auth.RevocationClient}: an authorization server (RFC 7009)
 *   <li>{@link dev.tenfold.auth.JwtIntrospector}: a signature knows them, by keys that are fetched ahead
 *   <li>{@link dev.tenfold.auth.JwtOptions}: its settings and their defaults
 *   <li>{@link dev.tenfold.auth.JwtStats}: what it did
 *   <li>{@link dev.tenfold.auth.SqlIntrospector}: a table knows them
 *   <li>{@link dev.tenfold.auth.LogoutTokens}: hears of log-outs from an OpenID provider
 *   <li>{@link dev.tenfold.auth.LogoutToken}: what it heard
 *   <li>{@link dev.tenfold.auth.ReplayGuard}: hears each of them once, on all nodes
 *   <li>{@link dev.tenfold.auth.ApiKeys}: issues keys, and knows them
 *   <li>{@link dev.tenfold.auth.ApiKeysOptions}: its settings and their defaults
 *   <li>{@link dev.tenfold.auth.Sessions}: who is logged in with a browser
 *   <li>{@link dev.tenfold.auth.SessionsOptions}: its settings and their defaults
 *   <li>{@link dev.tenfold.auth.WhenFull}: what a log-in too many does
 *   <li>{@link dev.tenfold.auth.Login}: what came of a log-in
 *   <li>{@link dev.tenfold.auth.Session}: one that is logged in
 *   <li>{@link dev.tenfold.auth.SessionsStats}: what was done
 *   <li>{@link dev.tenfold.auth.AuthMetrics}: what all of these did, for Micrometer, an optional dependency
 *   <li>{@link dev.tenfold.auth.AuthFilter}: finds out who sends an HTTP request, in a servlet container
 *   <li>{@link dev.tenfold.auth.AuthPrincipal}: who it is
 * </ol>
 *
 * <p>One request, followed through the private types: {@code Pepper} makes the {@code TokenKey}, under which the cache has an
 * {@code Entry}; {@code EntryCodec} writes it to Redis, {@code SealedCodec} encrypts it there. {@code RedisRevocations}, or
 * {@code LocalRevocations}, knows what was revoked.
 */
@NullMarked
package dev.tenfold.auth;

import org.jspecify.annotations.NullMarked;
