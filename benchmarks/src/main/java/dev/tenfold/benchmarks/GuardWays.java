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
    static final String COUNTING_PROXY = "datasource-proxy-count";
    static final String SILENT_PROXY = "datasource-proxy-silent";
    static final String P6SPY = "p6spy";

    private GuardWays() {}

    /**
     * A way to watch.
     *
     * @param name of the contender
     * @param peer whose it is
     * @param dataSource watched
     */
    record Way(String name, String peer, String settings, DataSource dataSource) {}

    /** All, the driver without any first, then ours. */
    static List<Way> all() {
        String proxy = "datasource-proxy " + Versions.of(PROXY);
        LongAdder queries = new LongAdder();
        return List.of(
                new Way(
                        BARE,
                        BARE,
                        "a driver that does nothing, not watched: subtracted from the others",
                        new GuardStub()),
                new Way("ours", "ours", GuardOurs.SETTINGS, GuardOurs.watch(new GuardStub())),
                new Way(
                        PROXY,
                        PROXY,
                        proxy + ", one listener that counts queries",
                        proxy().afterQuery((execution, infos) -> queries.increment())
                                .build()),
                new Way(
                        COUNTING_PROXY,
                        PROXY,
                        proxy + ", its own countQuery() alone: by kind of statement and thread",
                        proxy().countQuery().build()),
                new Way(SILENT_PROXY, PROXY, proxy + " without any listener: tells nothing", proxy().build()),
                new Way(
                        P6SPY,
                        P6SPY,
                        "p6spy " + Versions.of(P6SPY) + ", one listener that counts queries; no modules, no log",
                        p6spy()));
    }

    private static ProxyDataSourceBuilder proxy() {
        return ProxyDataSourceBuilder.create(new GuardStub());
    }

    private static P6DataSource p6spy() {
        P6DataSource dataSource = new P6DataSource(new GuardStub());
        Counting listener = new Counting();
        dataSource.setJdbcEventListenerFactory(() -> listener);
        return dataSource;
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
