package dev.tenfold.auth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RevocationClientTest {
    private StubServer server;
    private RevocationClient client;

    @BeforeEach
    void start() throws IOException {
        server = StubServer.start();
        client = RevocationClient.of(
                server.uri("/revoke"), ClientAuthentication.basic("shop", "hush"), TokenEndpointTest::patient);
    }

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }

    @Test
    void the_request_is_exactly_that_of_the_rfc() throws Exception {
        server.reply(200, Map.of(), "");
        client.revoke(Credential.bearer("a+b/c="));
        StubServer.Request request = server.last();
        assertThat(request.method()).isEqualTo("POST");
        assertThat(request.uri()).hasToString("/revoke");
        assertThat(request.body()).isEqualTo("token=a%2Bb%2Fc%3D&token_type_hint=access_token");
        assertThat(request.header("Content-type")).isEqualTo("application/x-www-form-urlencoded");
        assertThat(request.header("Authorization")).isEqualTo("Basic c2hvcDpodXNo");
    }

    @Test
    void whatever_comes_with_a_200_is_a_success() throws Exception {
        Revoker revoker = client;
        server.reply(200, Map.of("Content-Type", "text/html"), "x".repeat(100_000));
        revoker.revoke("unknown");
        assertThat(server.requests()).hasSize(1);
    }

    @Test
    void a_server_that_is_busy_has_not_revoked_and_the_error_says_when_to_ask_again() {
        server.reply(503, Map.of("Retry-After", "30"), "");
        assertThatThrownBy(() -> client.revoke("s3cr3t"))
                .isInstanceOf(IOException.class)
                .hasMessage("revocation endpoint " + server.uri("/revoke")
                        + " is too busy or away for 30 s; ask it less, or try later: status 503");
    }

    @Test
    void any_other_status_is_an_error_without_the_token() {
        for (int status : new int[] {201, 302, 400, 401, 403, 404, 500}) {
            server.reply(status, Map.of("Content-Type", "application/json"), "{\"error\":\"s3cr3t\"}");
            assertThatThrownBy(() -> client.revoke("s3cr3t"))
                    .isInstanceOf(IOException.class)
                    .hasMessageStartingWith("revocation endpoint ")
                    .hasMessageEndingWith("status " + status)
                    .hasMessageNotContaining("s3cr3t");
        }
    }

    @Test
    void an_empty_token_is_refused_before_anybody_is_asked() {
        assertThatThrownBy(() -> client.revoke("")).isInstanceOf(IllegalArgumentException.class);
        assertThat(server.requests()).isEmpty();
    }
}
