package dev.tenfold.benchmarks;

import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.jooq.DiagnosticsContext;
import org.jooq.DiagnosticsListener;
import org.jooq.SQLDialect;
import org.jooq.impl.DSL;
import org.jooq.impl.DefaultConfiguration;

/** jOOQ's Diagnostics, whose repeated statements are what its manual calls the N+1 problem. */
final class DetectDiagnostics implements DetectPeer {
    private final AtomicInteger repeated = new AtomicInteger();

    @Override
    public String name() {
        return "jooq-diagnostics";
    }

    @Override
    public String settings() {
        return "jOOQ " + org.jooq.Constants.FULL_VERSION
                + ", diagnosticsDataSource with its defaults; repeatedStatements";
    }

    @Override
    public DataSource watch(DataSource dataSource) {
        DefaultConfiguration configuration = new DefaultConfiguration();
        configuration.set(dataSource).set(SQLDialect.POSTGRES);
        configuration.setDiagnosticsListener(new DiagnosticsListener() {
            @Override
            public void repeatedStatements(DiagnosticsContext context) {
                repeated.incrementAndGet();
            }
        });
        return DSL.using(configuration).diagnosticsDataSource();
    }

    @Override
    public boolean reports(DetectTrace trace, DetectWorld world) throws Exception {
        repeated.set(0);
        trace.scenario().run(world);
        return repeated.get() > 0;
    }
}
