package dev.tenfold.benchmarks;

import dev.tenfold.query.guard.QueryGuard;
import javax.sql.DataSource;

/** Our guard, as an application in production has it. */
final class GuardOurs {
    static final String SETTINGS = "QueryGuard.watch with its defaults: all it can tell is on";

    private GuardOurs() {}

    static DataSource watch(DataSource dataSource) {
        return QueryGuard.watch(dataSource);
    }
}
