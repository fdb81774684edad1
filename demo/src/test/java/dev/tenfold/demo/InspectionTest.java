package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.guard.Finding;
import dev.tenfold.query.guard.FindingKind;
import dev.tenfold.query.index.IndexAdvice;
import dev.tenfold.query.index.IndexReport;
import dev.tenfold.testkit.PostgresServer;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.stream.LongStream;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What the guard and the index check have to find by themselves, and that the stage fails if they do not. */
class InspectionTest {
    private static final int POSTS = Feed.POSTS_A_PAGE;
    private static final int NAIVE_STATEMENTS = 1 + 2 * POSTS + POSTS * Feed.COMMENTS_A_POST;
    private static final String INDEX = "public.comments USING btree (post_id, id)";

    /** The real thing, once. */
    @Nested
    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    class Of_the_naive_feed {
        private final PostgresServer postgres = PostgresServer.shared();
        private final DataSource database = postgres.dataSource(postgres.createDatabase());
        private final Schema schema = new Schema(database);
        private Inspection.Found found = InspectionTest.found();

        @BeforeAll
        void inspect() throws SQLException {
            schema.create();
            List<Long> starts = LongStream.rangeClosed(1, Inspection.REQUESTS)
                    .mapToObj(n -> n * 300)
                    .toList();
            try (HikariDataSource pool = Site.pool(database, 2)) {
                found = new Inspection(pool, database, schema, starts).run();
            }
        }

        @Test
        void everything_is_as_it_should_be() {
            assertThat(found.failure()).as(Words.inspection(found)).isEmpty();
        }

        @Test
        void the_loop_over_comments_is_found_where_it_is_and_counted() {
            assertThat(found.naive().loops()).as(Words.inspection(found)).anySatisfy(loop -> {
                assertThat(loop.statement()).contains("from comments where post_id = ?");
                assertThat(Words.site(loop)).matches("NaiveFeed\\.comments\\(NaiveFeed\\.java:\\d+\\)");
                assertThat(loop.count()).isEqualTo((long) Inspection.REQUESTS * POSTS);
                assertThat(loop.scope()).isEqualTo("GET /feed");
                assertThat(loop.lost()).isPositive();
            });
        }

        @Test
        void the_index_that_is_proposed_is_the_one_that_the_mended_version_has() {
            assertThat(found.forgotten()).containsExactly(INDEX);
            assertThat(found.proposed()).isEqualTo(found.forgotten());
            assertThat(Words.inspection(found)).contains("create index concurrently");
        }

        @Test
        void the_naive_schema_is_left_to_break() throws SQLException {
            assertThat(schema.indexes().values()).doesNotContain(INDEX);
        }

        @Test
        void each_statement_of_a_request_is_a_bar_of_its_picture() throws IOException {
            assertThat(found.naive().quickest()).hasSize(NAIVE_STATEMENTS);
            assertThat(found.batched().quickest()).hasSize(4);
            assertThat(found.batched().quickest())
                    .allSatisfy(bar -> assertThat(bar.toMillis()).isGreaterThan(bar.fromMillis()));
            assertThat(Charts.statements(found).split("<rect", -1)).hasSizeGreaterThan(NAIVE_STATEMENTS + 4);
        }

        @Test
        void what_is_said_for_a_terminal_are_plain_lines() {
            assertThat(Words.inspection(found)).doesNotContain("\u001b", "\r", "null");
        }
    }

    @Test
    void no_loop_fails_the_stage() {
        assertThat(found(List.of(), List.of(INDEX), List.of(), List.of()).failure())
                .isEqualTo("QueryGuard should find the N+1 in NaiveFeed, but found nothing.");
    }

    @Test
    void a_loop_elsewhere_fails_the_stage() {
        Finding elsewhere = finding(FindingKind.N_PLUS_ONE, BatchedFeed.class);

        assertThat(found(List.of(elsewhere), List.of(INDEX), List.of(), List.of())
                        .failure())
                .startsWith("QueryGuard should find the N+1 in NaiveFeed, but found N_PLUS_ONE at ")
                .contains("BatchedFeed.java:7");
    }

    @Test
    void a_finding_of_another_kind_fails_the_stage() {
        Finding slow = finding(FindingKind.SLOW, NaiveFeed.class);

        assertThat(found(List.of(slow), List.of(INDEX), List.of(), List.of()).failure())
                .contains("QueryGuard should find the N+1", "SLOW");
    }

    @Test
    void no_index_or_another_one_fails_the_stage() {
        assertThat(proposing().failure())
                .isEqualTo("IndexCheck should propose what the mended version has, an index on " + INDEX
                        + ", but proposed nothing.");
        assertThat(proposing("public.comments USING btree (author_id)").failure())
                .endsWith("but proposed public.comments USING btree (author_id).");
        assertThat(proposing(INDEX, "public.posts USING btree (title)").failure())
                .contains("but proposed " + INDEX + "; public.posts USING btree (title).");
    }

    @Test
    void a_finding_with_the_mended_version_fails_the_stage() {
        Finding loop = finding(FindingKind.N_PLUS_ONE, NaiveFeed.class);
        Finding blamed = finding(FindingKind.REPEATED_READ, BatchedFeed.class);

        assertThat(found(List.of(loop), List.of(INDEX), List.of(blamed), List.of())
                        .failure())
                .startsWith("QueryGuard should find nothing with toolkit-query, but found REPEATED_READ at ");
    }

    @Test
    void a_busy_machine_does_not_fail_the_stage() {
        Finding loop = finding(FindingKind.N_PLUS_ONE, NaiveFeed.class);
        Finding slow = finding(FindingKind.SLOW, BatchedFeed.class);
        Finding held = finding(FindingKind.HELD_CONNECTION, BatchedFeed.class);

        assertThat(found(List.of(loop), List.of(INDEX), List.of(slow, held), List.of())
                        .failure())
                .isEmpty();
    }

    @Test
    void an_index_that_is_still_missing_fails_the_stage() {
        Finding loop = finding(FindingKind.N_PLUS_ONE, NaiveFeed.class);
        IndexAdvice advice = new IndexAdvice(
                IndexAdvice.Kind.SEQUENTIAL_SCAN, "comments", "0123456789abcdef", "reads all", null, null, false);

        assertThat(found(List.of(loop), List.of(INDEX), List.of(), List.of(advice))
                        .failure())
                .isEqualTo("IndexCheck should find nothing once its own statements are run, but found SEQUENTIAL_SCAN"
                        + " comments 0123456789abcdef.");
    }

    /** All as it should be. */
    static Inspection.Found found() {
        return proposing(INDEX);
    }

    private static Inspection.Found proposing(String... indexes) {
        return found(List.of(finding(FindingKind.N_PLUS_ONE, NaiveFeed.class)), List.of(indexes), List.of(), List.of());
    }

    private static Inspection.Found found(
            List<Finding> naive, List<String> proposed, List<Finding> batched, List<IndexAdvice> after) {
        return new Inspection.Found(
                new Inspection.Seen("naive", NAIVE_STATEMENTS, naive, List.of(), List.of()),
                new Inspection.Seen("with toolkit-query", 4, batched, List.of(), List.of()),
                new IndexReport("PostgreSQL", List.of(), List.of()),
                new IndexReport("PostgreSQL", after, List.of()),
                List.of(INDEX),
                proposed);
    }

    private static Finding finding(FindingKind kind, Class<?> type) {
        StackTraceElement site = new StackTraceElement(type.getName(), "page", type.getSimpleName() + ".java", 7);
        return new Finding(
                kind,
                "0123456789abcdef",
                "select id, name from authors where id = ?",
                site,
                List.of(site),
                null,
                "GET /feed",
                100,
                5,
                Duration.ofMillis(70),
                "20 executions",
                "load them in one statement");
    }
}
