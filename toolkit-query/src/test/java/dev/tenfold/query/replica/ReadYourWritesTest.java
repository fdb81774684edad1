package dev.tenfold.query.replica;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.PostgresServer;
import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Ten thousand reads of own writes, by sessions that go from one instance to another with nothing but their token, while replicas
 * are paused, delayed, cut off, killed and restarted, and at the end one becomes the primary. Each session counts up a row of its
 * own, so what it has to see is known.
 */
class ReadYourWritesTest {
    private static final int READS = 10_000;
    private static final int SESSIONS = 8;
    private static final long SEED = 8;
    /** Readers wait that long for a server that was just killed. */
    private static final Duration PATIENCE = Duration.ofSeconds(3);

    private final ConcurrentLinkedQueue<String> stale = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<Throwable> broken = new ConcurrentLinkedQueue<>();
    private final AtomicInteger served = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private final AtomicBoolean ended = new AtomicBoolean();
    private final AtomicBoolean holdWrites = new AtomicBoolean();
    private final AtomicInteger writing = new AtomicInteger();

    /** Leads to the server that is the primary now, as a name or a proxy does after a failover. */
    private static final class Switch implements DataSource {
        private volatile HikariDataSource target;

        Switch(HikariDataSource target) {
            this.target = target;
        }

        @Override
        public Connection getConnection() throws SQLException {
            return target.getConnection();
        }

        @Override
        public Connection getConnection(String username, String password) throws SQLException {
            throw new SQLFeatureNotSupportedException();
        }

        @Override
        public <T> T unwrap(Class<T> type) throws SQLException {
            return target.unwrap(type);
        }

        @Override
        public boolean isWrapperFor(Class<?> type) throws SQLException {
            return target.isWrapperFor(type);
        }

        @Override
        public PrintWriter getLogWriter() throws SQLException {
            return target.getLogWriter();
        }

        @Override
        public void setLogWriter(PrintWriter out) throws SQLException {
            target.setLogWriter(out);
        }

        @Override
        public void setLoginTimeout(int seconds) throws SQLException {
            target.setLoginTimeout(seconds);
        }

        @Override
        public int getLoginTimeout() throws SQLException {
            return target.getLoginTimeout();
        }

        @Override
        public Logger getParentLogger() {
            return Logger.getLogger("test");
        }
    }

    @Test
    @Timeout(180)
    void none_of_ten_thousand_reads_of_own_writes_is_stale_whatever_happens_to_the_replicas() throws Exception {
        System.out.println("ReadYourWritesTest seed " + SEED);
        try (Cluster cluster = new Cluster();
                FaultProxy link = FaultProxy.to(cluster.primary.host(), cluster.primary.port());
                PostgresServer third = cluster.primary.startReplica(link);
                HikariDataSource writes = cluster.pool(cluster.primary, PATIENCE);
                HikariDataSource promoted = cluster.pool(cluster.first, PATIENCE);
                HikariDataSource first = cluster.pool(cluster.first, PATIENCE);
                HikariDataSource second = cluster.pool(cluster.second, PATIENCE);
                HikariDataSource last = cluster.pool(third, PATIENCE)) {
            Switch primary = new Switch(writes);
            DatabaseOptions options = Database.primary(primary)
                    .replica("first", first)
                    .replica("second", second)
                    .replica("third", last)
                    .maxLag(Duration.ofSeconds(5));
            try (Database one = options.build();
                    Database other = options.build()) {
                List<Thread> threads = sessions(one, other);
                until(1_500);
                cluster.first.pauseReplay();
                link.delay(Duration.ofMillis(50));
                until(3_000);
                cluster.first.resumeReplay();
                link.cut();
                until(4_500);
                link.resume();
                cluster.second.kill();
                until(5_500);
                cluster.second.restart();
                cluster.second.pauseReplay();
                until(6_500);
                cluster.second.resumeReplay();
                link.delay(Duration.ZERO);
                third.kill();
                third.restart();
                until(7_500);
                failOver(cluster, primary, promoted);
                until(READS);
                ended.set(true);
                for (Thread thread : threads) thread.join();

                assertThat(broken).isEmpty();
                assertThat(stale).isEmpty();
                long onReplicas = reads(one) + reads(other);
                System.out.println("reads " + served + ", of these on replicas " + onReplicas + ", failed " + failed
                        + ", on the primary " + one.stats().readsOnPrimary());
                assertThat(onReplicas).isGreaterThan(READS / 10);
                // The second follows the first onto its new timeline, and serves what was written there.
                Session session = one.session(null);
                int unused = session.write(connection -> count(connection, 0));
                long before = one.stats().replicas().get(1).reads();
                Await.until("the second is read after the failover", () -> {
                    int seen = session.read(connection -> read(connection, 0));
                    return seen > 0 && one.stats().replicas().get(1).reads() > before;
                });
            }
        }
    }

    private static long reads(Database db) {
        return db.stats().replicas().stream()
                .mapToLong(DatabaseStats.ReplicaStats::reads)
                .sum();
    }

    private void until(int reads) {
        Await.until(
                () -> reads + " reads, of which there are " + served + "; " + stale + broken,
                () -> served.get() >= reads || !broken.isEmpty() || !stale.isEmpty());
    }

    /** No write is lost, as nobody writes until the first has all: what is checked is that none is hidden. */
    private void failOver(Cluster cluster, Switch primary, HikariDataSource promoted) throws SQLException {
        holdWrites.set(true);
        Await.until("nobody writes", () -> writing.get() == 0);
        cluster.awaitReplay(cluster.first);
        cluster.primary.kill();
        cluster.first.promote();
        primary.target = promoted;
        holdWrites.set(false);
    }

    private List<Thread> sessions(Database one, Database other) {
        List<Thread> threads = new ArrayList<>();
        for (int id = 0; id < SESSIONS; id++) {
            int row = id;
            Thread thread = new Thread(
                    () -> {
                        try {
                            use(row, one, other);
                        } catch (Exception | AssertionError e) {
                            broken.add(e);
                        }
                    },
                    "session-" + id);
            thread.start();
            threads.add(thread);
        }
        return threads;
    }

    private void use(int row, Database one, Database other) {
        Random random = new Random(SEED * 1_000 + row);
        String token = "";
        int seen = 0;
        while (!ended.get()) {
            Session session = (random.nextBoolean() ? one : other).session(token);
            try {
                if (random.nextInt(4) == 0) {
                    writing.incrementAndGet();
                    try {
                        if (!holdWrites.get()) seen = session.write(connection -> count(connection, row));
                    } finally {
                        writing.decrementAndGet();
                        token = session.token();
                    }
                } else {
                    int least = seen;
                    int n = session.read(connection -> read(connection, row));
                    if (n < least) stale.add("session " + row + " wrote " + least + " and reads " + n);
                    served.incrementAndGet();
                }
            } catch (SQLException e) {
                failed.incrementAndGet(); // its server has just been killed
            }
        }
    }

    private static int count(Connection connection, int row) throws SQLException {
        return Integer.parseInt(
                Cluster.ask(connection, "update note set n = n + 1 where id = " + row + " returning n"));
    }

    private static int read(Connection connection, int row) throws SQLException {
        return Integer.parseInt(Cluster.ask(connection, "select n from note where id = " + row));
    }
}
