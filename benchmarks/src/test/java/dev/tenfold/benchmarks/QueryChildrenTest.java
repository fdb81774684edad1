package dev.tenfold.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.benchmarks.Feed.Page;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.PostgresServer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class QueryChildrenTest {
    private static CountingDataSource counted;
    private static List<Page> pages;

    @BeforeAll
    static void make_a_small_database() throws Exception {
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        pages = Feed.create(server.dataSource(database), 5_000, 2, 500);
        counted = CountingDataSource.of(server.dataSource(database));
    }

    @Test
    void all_give_the_same_views_in_as_many_statements_as_they_say() throws Exception {
        Map<String, Long> statements = new HashMap<>();
        try (HibernatePeer hibernate = new HibernatePeer(counted)) {
            List<QueryChildren.Way> ways = QueryChildren.ways(counted, hibernate);
            for (Page page : pages) {
                List<Feed.View> expected = HandWritten.naive(counted, page);
                assertThat(expected).doesNotHaveDuplicates().hasSize(500);
                for (QueryChildren.Way way : ways) {
                    counted.reset();
                    assertThat(way.work().views(page)).as(way.name()).isEqualTo(expected);
                    statements.put(way.name(), counted.statements());
                }
            }
        }
        assertThat(statements)
                .containsEntry("ours", 1L)
                .containsEntry("any", 1L)
                .containsEntry("naive", 500L)
                .containsEntry("java-dataloader", 1L)
                .containsEntry("hibernate", 1L)
                .containsEntry("multiset", 1L);
        assertThat(statements.getOrDefault("ours-quiescence", 1L)).isEqualTo(1L);
        assertThat(statements.containsKey("ours-quiescence")).isEqualTo(Ours.hasVirtualThreads());
    }

    @Test
    void two_levels_take_two_statements() throws Exception {
        List<String> expected = QueryLevels.any(counted, pages.get(0));
        counted.reset();
        assertThat(QueryLevels.peers(Ours.loader(counted), pages.get(0))).isEqualTo(expected);
        assertThat(counted.statements()).isEqualTo(2);
        counted.reset();
        assertThat(QueryLevels.scope(Ours.loader(counted), pages.get(0))).isEqualTo(expected);
        if (Ours.hasVirtualThreads()) {
            assertThat(counted.statements()).isEqualTo(2);
        }
    }
}
