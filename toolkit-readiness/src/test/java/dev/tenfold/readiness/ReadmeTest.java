package dev.tenfold.readiness;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.testkit.CodeBlocks;
import dev.tenfold.testkit.PostgresServer;
import java.nio.file.Path;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/** The Java blocks on this module, of the README and its page, are regions of this class, and they run. */
class ReadmeTest {
    private static double used() {
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private static long done() {
        return 7;
    }

    @Test
    void it_reports() {
        PostgresServer server = PostgresServer.shared();
        DataSource dataSource = server.dataSource(server.createDatabase());
        QueryGuard queryGuard = QueryGuard.watch(dataSource);
        double maxHeap = 4e9;
        // region: install
        ReadinessSchema.install(dataSource); // one table, tenfold_daily; or by Flyway

        // endregion
        // region: build
        Readiness readiness = Readiness.on(dataSource)
                .guard(queryGuard, 16) // "database": statements at once, of 16 that it can run
                .gauge("heap", () -> used(), maxHeap)
                .rate("jobs", () -> done(), 300) // a counter, as a rate a second
                .build();
        readiness.start();

        // endregion
        // region: report
        System.out.println(readiness.report().text());
        // endregion
        readiness.sample();
        assertThat(readiness.report().text()).contains("heap").contains("56 to tell a date");
        readiness.close();
    }

    @Test
    void the_blocks_of_this_module_are_regions_of_this_class() {
        assertThat(CodeBlocks.of(Path.of("../README.md"), Path.of("../docs/readiness.md")))
                .filteredOn(block -> block.module().equals("toolkit-readiness"))
                .hasSize(2)
                .allSatisfy(block -> assertThat(block.code())
                        .as("%s, %s", block.page(), block.regions())
                        .isEqualTo(CodeBlocks.regions(getClass(), block.regions())));
    }
}
