package dev.tenfold.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.benchmarks.QueryKeyset.Article;
import dev.tenfold.testkit.PostgresServer;
import java.util.List;
import java.util.stream.LongStream;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class QueryKeysetTest {
    private static DataSource dataSource;

    @BeforeAll
    static void make_a_small_table() throws Exception {
        PostgresServer server = PostgresServer.shared();
        dataSource = server.dataSource(server.createDatabase());
        QueryKeyset.create(dataSource, 1_000);
    }

    private static void all_read(int page, long newest) throws Exception {
        List<Long> expected = LongStream.range(0, 20).mapToObj(i -> newest - i).toList();
        for (QueryKeyset.Way way : QueryKeyset.ways(dataSource, page)) {
            assertThat(way.work().page()).as(way.name()).extracting(Article::id).isEqualTo(expected);
        }
    }

    @Test
    void all_read_the_newest_articles_on_the_first_page() throws Exception {
        all_read(1, 1_000);
    }

    @Test
    void all_read_the_same_articles_on_a_page_far_down() throws Exception {
        all_read(41, 200);
    }
}
