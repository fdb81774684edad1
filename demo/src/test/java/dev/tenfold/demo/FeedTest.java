package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.PostgresServer;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.sql.SQLException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Both versions of the feed show the same; they differ in what they ask the database. */
class FeedTest {
    private static final PostgresServer POSTGRES = PostgresServer.shared();

    private static final CountingDataSource DATABASE =
            CountingDataSource.of(POSTGRES.dataSource(POSTGRES.createDatabase()));
    private static final Schema SCHEMA = new Schema(DATABASE);

    private final Feed naive = new NaiveFeed(DATABASE);
    private final Feed batched = new BatchedFeed(DATABASE);

    @BeforeAll
    static void create_the_schema() throws SQLException {
        SCHEMA.create();
    }

    @BeforeEach
    void count_anew() {
        DATABASE.reset();
    }

    @Test
    void both_versions_make_the_same_bytes() throws SQLException {
        for (int i = 0; i < 10; i++) {
            long start = Schema.startOf("page-" + i);

            assertThat(Json.of(batched.page(start))).isEqualTo(Json.of(naive.page(start)));
        }
    }

    @Test
    void the_index_changes_no_answer() throws SQLException {
        SCHEMA.dropForeignKeyIndex();
        String before = Json.of(batched.page(500));
        SCHEMA.createForeignKeyIndex();

        assertThat(Json.of(batched.page(500))).isEqualTo(before);
    }

    @Test
    void the_naive_version_asks_once_for_each_row() throws SQLException {
        naive.page(700);

        // The posts; an author and the comments of each of 20 posts; an author of each of 10 comments a post.
        assertThat(DATABASE.statements()).isEqualTo(1 + 20 + 20 + 200);
        assertThat(DATABASE.connections()).isEqualTo(1);
    }

    @Test
    void the_batched_version_asks_once_for_each_level() throws SQLException {
        batched.page(700);

        assertThat(DATABASE.statements()).isEqualTo(4);
    }

    @Test
    void every_page_is_full() throws SQLException {
        for (long start : new long[] {Feed.POSTS_A_PAGE, Schema.POSTS}) {
            assertThat(batched.page(start).posts())
                    .hasSize(Feed.POSTS_A_PAGE)
                    .allSatisfy(post -> assertThat(post.comments()).hasSize(Feed.COMMENTS_A_POST));
        }
    }

    @Test
    void any_key_starts_a_page_within_the_timeline() {
        for (int i = 0; i < 10_000; i++) {
            assertThat(Schema.startOf("key " + i)).isBetween((long) Feed.POSTS_A_PAGE, (long) Schema.POSTS);
        }
    }

    @Test
    void the_server_answers_any_key_with_its_page() throws Exception {
        try (FeedServer server = FeedServer.start(batched)) {
            HttpRequest request =
                    HttpRequest.newBuilder(server.uri("a key/with ä & spaces")).build();
            HttpResponse<String> answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());

            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.body()).isEqualTo(Json.of(naive.page(Schema.startOf("a key/with ä & spaces"))));
            assertThat(server.answered()).isEqualTo(1);
        }
    }

    @Test
    void a_page_that_fails_is_an_error_and_no_page() throws Exception {
        Feed broken = start -> {
            throw new SQLException("the disk is full");
        };
        try (FeedServer server = FeedServer.start(broken)) {
            HttpRequest request = HttpRequest.newBuilder(server.uri("1")).build();
            HttpResponse<String> answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());

            assertThat(answer.statusCode()).isEqualTo(500);
            assertThat(server.answered()).isZero();
        }
    }
}
