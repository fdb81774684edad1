package dev.tenfold.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.PostgresServer;
import java.util.List;
import org.junit.jupiter.api.Test;

class DetectCorpusTest {
    private final List<DetectTrace> traces = DetectCorpus.traces();

    @Test
    void has_enough_traces_of_either_label_and_a_name_for_each() {
        assertThat(traces.stream().map(DetectTrace::name)).doesNotHaveDuplicates();
        assertThat(traces.stream().filter(DetectTrace::nPlusOne)).hasSizeGreaterThanOrEqualTo(30);
        assertThat(traces.stream().filter(trace -> !trace.nPlusOne())).hasSizeGreaterThanOrEqualTo(30);
    }

    @Test
    void every_trace_runs_twice_with_the_same_number_of_statements() throws Exception {
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        DetectWorld.create(server.dataSource(database));
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(server.jdbcUrl(database));
        config.setMaximumPoolSize(4);
        try (HikariDataSource pool = new HikariDataSource(config)) {
            CountingDataSource counted = CountingDataSource.of(pool);
            try (DetectWorld world = new DetectWorld(counted)) {
                for (DetectTrace trace : traces) {
                    long first = statements(counted, trace, world);
                    long second = statements(counted, trace, world);
                    assertThat(second).as(trace.name()).isEqualTo(first);
                    if (trace.nPlusOne()) {
                        assertThat(first).as(trace.name()).isGreaterThanOrEqualTo(3);
                    }
                }
            }
        }
    }

    private static long statements(CountingDataSource counted, DetectTrace trace, DetectWorld world) throws Exception {
        counted.reset();
        trace.scenario().run(world);
        return counted.statements();
    }

    @Test
    void precision_and_recall_count_what_they_say() {
        DetectTrace yes = DetectTrace.nPlusOne("yes", world -> {});
        DetectTrace no = DetectTrace.fine("no", world -> {});
        DetectRun.Verdicts verdicts = new DetectRun.Verdicts(
                List.of(yes, yes, yes, yes, no, no), List.of(true, true, true, false, true, false));
        assertThat(verdicts.precision()).isEqualTo(0.75);
        assertThat(verdicts.recall()).isEqualTo(0.75);
        assertThat(verdicts.names(false, true)).containsExactly("no");
    }
}
