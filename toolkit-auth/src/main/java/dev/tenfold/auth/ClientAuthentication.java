package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.factories.DefaultJWSSignerFactory;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.OctetKeyPair;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import java.net.URLEncoder;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.Map;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * How this service proves to the authorization server that it may ask: its own credentials, not those of whoever calls it.
 * They are never shown, not by {@link #toString} either. Immutable and safe for use by many threads.
 */
public final class ClientAuthentication {
    /** How long an assertion is good for: the call itself, and clocks that differ. */
    private static final Duration ASSERTION_LIFE = Duration.ofMinutes(1);

    private static final String ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    private final String clientId;
    private final String method;
    private final Proof proof;

    /** Adds what proves it to the headers and the form of one request. */
    @FunctionalInterface
    private interface Proof {
        void add(Map<String, String> headers, Map<String, String> form, Instant now);
    }

    private ClientAuthentication(String clientId, String method, Proof proof) {
        this.clientId = require("clientId", clientId);
        this.method = method;
        this.proof = proof;
    }

    /**
     * HTTP Basic with id and secret ({@code client_secret_basic}), form-encoded first, as RFC 6749 section 2.3.1 demands.
     *
     * @param clientId of this service
     * @param clientSecret of this service
     * @return the authentication
     * @throws IllegalArgumentException if one is empty
     */
    public static ClientAuthentication basic(String clientId, String clientSecret) {
        String pair = encode(require("clientId", clientId)) + ":" + encode(require("clientSecret", clientSecret));
        String header = "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(UTF_8));
        return new ClientAuthentication(
                clientId, "client_secret_basic", (headers, form, now) -> headers.put("Authorization", header));
    }

    /**
     * Id and secret in the form ({@code client_secret_post}), for servers that do not know {@link #basic}.
     *
     * @param clientId of this service
     * @param clientSecret of this service
     * @return the authentication
     * @throws IllegalArgumentException if one is empty
     */
    public static ClientAuthentication post(String clientId, String clientSecret) {
        require("clientSecret", clientSecret);
        return new ClientAuthentication(clientId, "client_secret_post", (headers, form, now) -> {
            form.put("client_id", clientId);
            form.put("client_secret", clientSecret);
        });
    }

    /**
     * An assertion signed by a private key ({@code private_key_jwt}, RFC 7523): no secret leaves this service. Each request has
     * one of its own, with a random {@code jti}, good for a minute.
     *
     * @param clientId of this service: {@code iss} and {@code sub} of the assertion
     * @param key RSA of 2048 bits or more, EC, or Ed25519 (for which nimbus needs Tink), with its private part; its
     *     {@code kid} is told, and its {@code alg} used, if it has them; else RS256, or what the curve needs
     * @param audience what the server wants as {@code aud}: mostly its issuer identifier or the address of its token endpoint
     * @return the authentication
     * @throws IllegalArgumentException if the key cannot sign, or the audience is empty
     */
    public static ClientAuthentication privateKeyJwt(String clientId, JWK key, String audience) {
        return new ClientAuthentication(
                clientId, "private_key_jwt", Assertion.by(clientId, key, require("audience", audience)));
    }

    /**
     * A bearer token of this service's own, which RFC 7662 section 2.1 permits at an introspection endpoint.
     *
     * @param clientId only tells clients apart; it is not sent
     * @param token asked for each request, on the thread that makes it, for what goes after {@code Bearer}
     * @return the authentication
     */
    public static ClientAuthentication bearer(String clientId, Supplier<String> token) {
        return new ClientAuthentication(clientId, "bearer", (headers, form, now) -> {
            String text = token.get();
            if (text.isEmpty() || text.chars().anyMatch(c -> c <= ' ' || c > '~')) {
                throw new IllegalStateException("the bearer token of client " + clientId
                        + " is empty or has other than printable ASCII characters; see where its supplier gets it");
            }
            headers.put("Authorization", "Bearer " + text);
        });
    }

    /**
     * Tells the client's id and proves nothing: for public clients, and where the client's TLS certificate proves it
     * (RFC 8705), which {@link EndpointOptions#sslContext} brings.
     *
     * @param clientId of this service
     * @return the authentication
     * @throws IllegalArgumentException if it is empty
     */
    public static ClientAuthentication none(String clientId) {
        return new ClientAuthentication(clientId, "none", (headers, form, now) -> form.put("client_id", clientId));
    }

    /**
     * Who asks.
     *
     * @return the client's id
     */
    public String clientId() {
        return clientId;
    }

    void addTo(Map<String, String> headers, Map<String, String> form, Instant now) {
        proof.add(headers, form, now);
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, UTF_8);
    }

    private static String require(String name, String value) {
        if (value.isEmpty()) {
            throw new IllegalArgumentException(
                    name + " is empty; give what the authorization server has registered for this service");
        }
        return value;
    }

    /** The client's id and the method. */
    @Override
    public String toString() {
        return "client " + clientId + " by " + method;
    }

    /** By itself, so that all else works without nimbus. */
    private static final class Assertion implements Proof {
        private final String clientId;
        private final String audience;
        private final JWSHeader header;
        private final JWSSigner signer;

        private Assertion(String clientId, String audience, JWSHeader header, JWSSigner signer) {
            this.clientId = clientId;
            this.audience = audience;
            this.header = header;
            this.signer = signer;
        }

        static Assertion by(String clientId, JWK key, String audience) {
            if (!key.isPrivate() || !(key instanceof RSAKey || key instanceof ECKey || key instanceof OctetKeyPair)) {
                throw new IllegalArgumentException(
                        "privateKeyJwt needs an RSA, EC or OKP key with its private part; this is"
                                + " a public or symmetric one");
            }
            JWSAlgorithm algorithm = algorithm(key);
            JWSSigner signer;
            try {
                signer = new DefaultJWSSignerFactory().createJWSSigner(key, algorithm);
            } catch (JOSEException | IllegalArgumentException | NoClassDefFoundError e) {
                throw new IllegalArgumentException(
                        "privateKeyJwt cannot sign with " + algorithm + " and this " + key.getKeyType()
                                + " key; give RSA of 2048 bits or more, or EC, and an alg that fits; for Ed25519 add Tink",
                        e);
            }
            JWSHeader header =
                    new JWSHeader.Builder(algorithm).keyID(key.getKeyID()).build();
            return new Assertion(clientId, audience, header, signer);
        }

        private static JWSAlgorithm algorithm(JWK key) {
            if (key.getAlgorithm() != null) {
                return JWSAlgorithm.parse(key.getAlgorithm().getName());
            }
            if (key instanceof RSAKey) return JWSAlgorithm.RS256;
            if (key instanceof OctetKeyPair) return JWSAlgorithm.EdDSA;
            Curve curve = key.toECKey().getCurve();
            if (curve.equals(Curve.P_384)) return JWSAlgorithm.ES384;
            return curve.equals(Curve.P_521) ? JWSAlgorithm.ES512 : JWSAlgorithm.ES256;
        }

        @Override
        public void add(Map<String, String> headers, Map<String, String> form, Instant now) {
            JWTClaimsSet claims = new JWTClaimsSet.Builder()
                    .issuer(clientId)
                    .subject(clientId)
                    .audience(audience)
                    .jwtID(UUID.randomUUID().toString())
                    .issueTime(Date.from(now))
                    .expirationTime(Date.from(now.plus(ASSERTION_LIFE)))
                    .build();
            SignedJWT jwt = new SignedJWT(header, claims);
            try {
                jwt.sign(signer);
            } catch (JOSEException e) {
                throw new IllegalStateException(
                        "the key of client " + clientId + " does not sign; see whether its key store still answers", e);
            }
            form.put("client_id", clientId);
            form.put("client_assertion_type", ASSERTION_TYPE);
            form.put("client_assertion", jwt.serialize());
        }
    }
}
