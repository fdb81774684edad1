/**
 * Who a token belongs to, known without asking, and forgotten everywhere in milliseconds.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.auth.Credential}: what a caller brings
 *   <li>{@link dev.tenfold.auth.TokenFacts}: what is known of it
 *   <li>{@link dev.tenfold.auth.Introspector}: who knows it
 * </ol>
 */
@NullMarked
package dev.tenfold.auth;

import org.jspecify.annotations.NullMarked;
