package dev.tenfold.auth;

import java.io.IOException;
import java.net.URI;
import java.util.function.UnaryOperator;

/**
 * Ends tokens at an authorization server, as OAuth 2.0 Token Revocation (RFC 7009) has it.
 *
 * <p>It returns once the server has said that the token is not valid (any more); a token that it does not know is no failure.
 * What it throws says only that this is not sure: the token may have been revoked, and the call can be repeated. It is repeated
 * once by itself, if the connection that was kept for it breaks before the reply begins.
 *
 * <p>The caller is blocked for {@link EndpointOptions#timeout} at most. Redirects are not followed, no proxy is used that is not
 * asked for, and it has to be https but on the loopback. Safe for use by many threads.
 */
public final class RevocationClient implements Revoker, AutoCloseable {
    private final TokenEndpoint endpoint;

    private RevocationClient(TokenEndpoint endpoint) {
        this.endpoint = endpoint;
    }

    /**
     * Revokes at an endpoint, with the default options.
     *
     * @param endpoint {@code revocation_endpoint} in the server's metadata
     * @param authentication of the client that the tokens were issued to, as servers revoke for no other
     * @return see {@link #of(URI, ClientAuthentication, UnaryOperator)}
     */
    public static RevocationClient of(URI endpoint, ClientAuthentication authentication) {
        return of(endpoint, authentication, UnaryOperator.identity());
    }

    /**
     * Revokes at an endpoint. Nothing is sent yet.
     *
     * @param endpoint {@code revocation_endpoint} in the server's metadata
     * @param authentication of the client that the tokens were issued to, as servers revoke for no other
     * @param options changes the defaults
     * @return a client; make one and share it
     * @throws IllegalArgumentException for an endpoint that is not an https address, and not on the loopback
     */
    public static RevocationClient of(
            URI endpoint, ClientAuthentication authentication, UnaryOperator<EndpointOptions> options) {
        return new RevocationClient(
                new TokenEndpoint("revocation", endpoint, authentication, options.apply(EndpointOptions.DEFAULT)));
    }

    /**
     * Ends a token.
     *
     * @param token as it came in
     * @throws IOException if the server did not say so: see {@link #revoke(String)}
     * @throws InterruptedException if the thread is interrupted meanwhile
     */
    public void revoke(Credential token) throws IOException, InterruptedException {
        revoke(token.secret());
    }

    /**
     * Ends a token.
     *
     * @param token as the caller sent it
     * @throws IllegalArgumentException if it is empty
     * @throws IOException if the server did not say so; the message names the endpoint and the remedy, and has neither the token
     *     nor the reply in it
     * @throws InterruptedException if the thread is interrupted meanwhile
     */
    @Override
    public void revoke(String token) throws IOException, InterruptedException {
        if (token.isEmpty()) throw new IllegalArgumentException("the token to revoke is empty");
        endpoint.post(token);
    }

    /** Closes the connections. On Java 17 to 20 they close some time after nobody refers to it any more. Does not block. */
    @Override
    public void close() {
        endpoint.close();
    }

    /** The endpoint. */
    @Override
    public String toString() {
        return endpoint.describe();
    }
}
