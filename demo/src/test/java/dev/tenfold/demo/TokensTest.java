package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.PostgresServer;
import dev.tenfold.testkit.RedisServer;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** Both versions accept the same tokens; they differ in how often they ask the table. */
class TokensTest {
    private static final PostgresServer POSTGRES = PostgresServer.shared();
    private static final String NAME = POSTGRES.createDatabase();
    private static final PGSimpleDataSource DATABASE = new PGSimpleDataSource();
    private static final String DEVICE = Devices.SUBJECT + "-1";
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final StaleReads UNCHANGING = new StaleReads(Duration.ZERO, Duration.ZERO);

    @BeforeAll
    static void create_the_schema() throws Exception {
        DATABASE.setUrl(POSTGRES.jdbcUrl(NAME));
        new Schema(DATABASE).create();
    }

    @BeforeEach
    void log_in() throws Exception {
        new TokenTable(DATABASE).logOut(Devices.SUBJECT);
        new Schema(DATABASE).createTokensOfDevices();
    }

    @Test
    void the_table_is_asked_at_each_request_and_forgets_at_once() throws Exception {
        try (RedisServer redis = RedisServer.start();
                TwoNodes nodes = TwoNodes.withCacheAndTokenTable(DATABASE, redis.uri(), UNCHANGING)) {
            acceptsWhatIsInTheTable(nodes);
            assertThat(nodes.tokenQueries()).isEqualTo(nodes.tokensSeen());

            nodes.tokensOfFirstNode().logOut(Devices.SUBJECT);

            assertThat(status(nodes, 0, DEVICE)).isEqualTo(401);
            assertThat(status(nodes, 1, DEVICE)).isEqualTo(401);
        }
    }

    @Test
    void the_cache_asks_once_for_both_nodes_and_forgets_on_both() throws Exception {
        try (RedisServer redis = RedisServer.start();
                TwoNodes nodes = TwoNodes.withCacheAndTokenCache(DATABASE, redis.uri(), UNCHANGING)) {
            nodes.fillTokens(List.of(Tokens.of(DEVICE), Tokens.of("user-7")));
            assertThat(nodes.tokenQueries()).isEqualTo(2);
            acceptsWhatIsInTheTable(nodes);
            // What is not in the table is not known as long as what is; the others were known.
            assertThat(nodes.tokenQueries()).isLessThan(nodes.tokensSeen());

            nodes.tokensOfFirstNode().logOut(Devices.SUBJECT);

            assertThat(status(nodes, 0, DEVICE)).isEqualTo(401);
            Await.until("the other node has heard of it", () -> status(nodes, 1, DEVICE) == 401);
            assertThat(status(nodes, 0, "user-7")).isEqualTo(200);
            assertThat(status(nodes, 1, "user-7")).isEqualTo(200);
        }
    }

    private static void acceptsWhatIsInTheTable(TwoNodes nodes) throws Exception {
        for (int node = 0; node < 2; node++) {
            assertThat(status(nodes, node, DEVICE)).isEqualTo(200);
            assertThat(status(nodes, node, "user-7")).isEqualTo(200);
            assertThat(status(nodes, node, "nobody")).isEqualTo(401);
        }
    }

    private static int status(TwoNodes nodes, int node, String name) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(nodes.servers().get(node).newsUri())
                .header(Tokens.HEADER, Tokens.bearer(name))
                .build();
        return HTTP.send(request, BodyHandlers.discarding()).statusCode();
    }
}
