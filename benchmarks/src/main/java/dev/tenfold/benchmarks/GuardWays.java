package dev.tenfold.benchmarks;

import com.p6spy.engine.common.PreparedStatementInformation;
import com.p6spy.engine.event.JdbcEventListener;
import com.p6spy.engine.spy.P6DataSource;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import javax.sql.DataSource;
import net.ttddyy.dsproxy.support.ProxyDataSourceBuilder;
import org.jspecify.annotations.Nullable;

/** Ways to watch a data source: ours, and the lightest settings of the peers that still count statements. */
final class GuardWays {
    static final String BARE = "bare";
    static final String PROXY = "datasource-proxy";
    static final String SILENT_PROXY = "datasource-proxy-silent";
    static final String P6SPY = "p6spy";

    private GuardWays() {}

    /**
     * A way to watch.
     *
     * @param name of the contender
     * @param dataSource watched
     */
    record Way(String name, String settings, DataSource dataSource) {}

    /** All, the driver without any first. */
    static List<Way> all() {
        return List.of(bare(), ours(), proxy(), silentProxy(), p6spy());
    }

    static Way bare() {
        return new Way(BARE, "a driver that does nothing, not watched: subtracted from the others", new GuardStub());
    }

    static Way ours() {
        return new Way("ours", GuardOurs.SETTINGS, GuardOurs.watch(new GuardStub()));
    }

    static Way proxy() {
        String settings = "datasource-proxy " + Versions.of(PROXY) + ", countQuery() alone: counts by thread";
        return new Way(
                PROXY,
                settings,
                ProxyDataSourceBuilder.create(new GuardStub()).countQuery().build());
    }

    static Way silentProxy() {
        String settings = "datasource-proxy " + Versions.of(PROXY) + " without any listener: tells nothing";
        return new Way(
                SILENT_PROXY,
                settings,
                ProxyDataSourceBuilder.create(new GuardStub()).build());
    }

    static Way p6spy() {
        P6DataSource dataSource = new P6DataSource(new GuardStub());
        Counting listener = new Counting();
        dataSource.setJdbcEventListenerFactory(() -> listener);
        return new Way(
                P6SPY,
                "p6spy " + Versions.of(P6SPY) + ", one listener that counts queries; no modules, no log",
                dataSource);
    }

    /** The least that a listener can do. */
    private static final class Counting extends JdbcEventListener {
        private final LongAdder queries = new LongAdder();

        @Override
        public void onAfterExecuteQuery(
                PreparedStatementInformation statement, long nanos, @Nullable SQLException failure) {
            queries.increment();
        }
    }
}
