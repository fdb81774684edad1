package dev.tenfold.auth;

import static org.assertj.core.api.Assertions.assertThat;

import com.nimbusds.jose.jwk.RSAKey;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Of sessions and keys; those of a token cache are in its contract. */
class AuthMetricsTest {
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    private double count(String meter) {
        return registry.get(meter).functionCounter().count();
    }

    @Test
    void what_sessions_did() {
        Sessions sessions = Sessions.embedded();
        AuthMetrics.of("web", sessions).bindTo(registry);
        AuthMetrics.of("web", sessions).bindTo(registry); // harmless
        String id = ((Login.Created) sessions.create("42", Map.of())).id();
        assertThat(sessions.find(id)).isPresent();
        assertThat(sessions.find("guess")).isEmpty();
        assertThat(sessions.endAll("42")).isOne();
        assertThat(count("toolkit.auth.sessions.created")).isEqualTo(1);
        assertThat(count("toolkit.auth.sessions.found")).isEqualTo(1);
        assertThat(count("toolkit.auth.sessions.missed")).isEqualTo(1);
        assertThat(count("toolkit.auth.sessions.ended")).isEqualTo(1);
        assertThat(registry.getMeters())
                .allSatisfy(
                        meter -> assertThat(meter.getId().getTag("sessions")).isEqualTo("web"));
    }

    @Test
    void what_was_fetched() throws Exception {
        try (KeyServer server = new KeyServer()) {
            RSAKey key = KeyServer.rsa("k");
            server.serve(key);
            JwtIntrospector jwt = JwtIntrospector.of(
                    "https://id.example", server.uri(), o -> o.preload(false).timeout(Duration.ofSeconds(30)));
            AuthMetrics.of("id", jwt).bindTo(registry);
            String token = KeyServer.sign(
                    key,
                    "RS256",
                    Map.of("alg", "RS256", "kid", "other"),
                    Map.of("iss", "https://id.example", "exp", 9_999_999_999L));
            assertThat(jwt.introspect(token)).isNull();
            assertThat(count("toolkit.auth.jwks.fetches"))
                    .isEqualTo((double) jwt.stats().fetches());
            assertThat(jwt.stats().fetches()).isPositive();
            assertThat(registry.get("toolkit.auth.jwks.keys").gauge().value()).isEqualTo(1);
            jwt.close();
        }
    }
}
