package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.LeakCheck;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What is written behind the requests, on H2: bounds, races and logs. */
@ExtendWith(LeakCheck.class)
class ApiKeyWritesTest {
    private static final AtomicInteger DATABASES = new AtomicInteger();

    private final CountingDataSource counting = CountingDataSource.of(memory());
    private final ApiKeyTable table = new ApiKeyTable(counting, "tenfold_api_keys");

    private static JdbcDataSource memory() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:writes-" + DATABASES.incrementAndGet() + ";DB_CLOSE_DELAY=-1");
        return h2;
    }

    @BeforeEach
    void create() throws SQLException {
        table.create();
    }

    private void insert(String id) throws SQLException {
        ApiKeys.Info info =
                new ApiKeys.Info(id, "42", null, Set.of(), Instant.ofEpochSecond(1), null, null, null, null);
        table.insert(new ApiKeyTable.Row(info, new byte[32], 1));
    }

    private long lastUsed(String id) throws SQLException {
        Instant time = Objects.requireNonNull(table.find(id)).info.lastUsedAt();
        return time == null ? 0 : time.getEpochSecond();
    }

    private ApiKeyWrites writes(Duration every, int mostIds) {
        return new ApiKeyWrites(table, every, mostIds);
    }

    @Test
    void no_use_gets_lost_between_four_that_use_and_one_that_writes() throws Exception {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            ids.add("key" + i);
            insert("key" + i);
        }
        int rounds = 300;
        CyclicBarrier barrier = new CyclicBarrier(5);
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try (ApiKeyWrites writes = writes(Duration.ofHours(1), 1_000)) {
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                int offset = t;
                all.add(pool.submit(() -> {
                    for (int round = 1; round <= rounds; round++) {
                        Await.barrier(barrier);
                        for (int i = 0; i < 20; i++) {
                            for (String id : ids) writes.used(id, round * 1_000L + i * 10L + offset);
                        }
                        Await.barrier(barrier);
                    }
                }));
            }
            for (int round = 1; round <= rounds; round++) {
                Await.barrier(barrier);
                while (barrier.getNumberWaiting() < 4) writes.flush();
                Await.barrier(barrier);
                writes.flush();
                assertThat(earliestUse()).isEqualTo(Instant.ofEpochSecond(round * 1_000L + 193));
            }
            for (Future<?> one : all) one.get();
        } finally {
            pool.shutdownNow();
        }
    }

    private Instant earliestUse() throws SQLException {
        try (Connection connection = counting.getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select min(last_used_at) from tenfold_api_keys")) {
            row.next();
            return row.getObject(1, OffsetDateTime.class).toInstant();
        }
    }

    @Test
    void noting_a_use_allocates_nothing() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (ApiKeys keys = ApiKeys.on(counting, Map.of(1, new byte[32]), o -> o)) {
            keys.used("0123456789AB");
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 100_000; i++) keys.used("0123456789AB");
            assertThat(threads.getCurrentThreadAllocatedBytes() - before)
                    .as("bytes for 100,000 uses")
                    .isLessThan(100_000);
        }
    }

    @Test
    void more_keys_than_there_is_room_for_are_counted_and_not_noted() throws SQLException {
        for (int i = 0; i < 5; i++) insert("key" + i);
        String log;
        try (ApiKeyWrites writes = writes(Duration.ofHours(1), 3)) {
            for (int i = 0; i < 5; i++) writes.used("key" + i, 10);
            for (int i = 0; i < 5; i++) writes.used("key" + i, 20);
            log = logOf(writes::flush);
            assertThat(log).contains("4 uses of API keys were not noted, as 3 keys were in use already");
            assertThat(logOf(writes::flush)).isEmpty();
        }
        for (int i = 0; i < 5; i++) assertThat(lastUsed("key" + i)).isEqualTo(i < 3 ? 20 : 0);
    }

    @Test
    void a_thousand_keys_are_written_in_two_statements() throws SQLException {
        try (ApiKeyWrites writes = writes(Duration.ofHours(1), 10_000)) {
            for (int i = 0; i < 1_000; i++) writes.used("key" + i, i);
            counting.reset();
            writes.flush();
            assertThat(counting.statements()).isEqualTo(2);
        }
    }

    @Test
    void a_failure_is_told_once_a_minute_and_nothing_is_lost() throws SQLException {
        insert("key0");
        try (ApiKeyWrites writes = writes(Duration.ofMinutes(20), 100)) {
            // Every minute or less often: each failure is told.
            execute("alter table tenfold_api_keys rename to away");
            writes.used("key0", 10);
            assertThat(logOf(writes::flush)).contains("cannot write when 1 API keys were used last");
            assertThat(logOf(writes::flush)).contains("cannot write");
            execute("alter table away rename to tenfold_api_keys");
            writes.flush();
            assertThat(lastUsed("key0")).isEqualTo(10);
        }
        try (ApiKeyWrites writes = writes(Duration.ofSeconds(20), 100)) {
            execute("alter table tenfold_api_keys rename to away");
            writes.used("key0", 20);
            List<String> logs = new ArrayList<>();
            for (int i = 0; i < 7; i++) {
                if (i == 5) writes.used("key0", 30);
                logs.add(logOf(writes::flush));
            }
            assertThat(logs.stream().map(String::isEmpty)).containsExactly(false, true, true, false, true, true, false);
            execute("alter table away rename to tenfold_api_keys");
            writes.flush();
            assertThat(lastUsed("key0")).isEqualTo(30);
        }
    }

    @Test
    void closing_without_a_database_says_so() throws SQLException {
        ApiKeyWrites writes = writes(Duration.ofHours(1), 100);
        writes.used("key0", 10);
        execute("drop table tenfold_api_keys");
        assertThat(logOf(writes::close)).contains("closed without having written");
        writes.used("key0", 20);
        assertThat(logOf(writes::close)).as("once").isEmpty();
    }

    @Test
    void no_hash_and_no_secret_gets_into_the_log() throws Exception {
        byte[] one = "one pepper of the tests, of 32 bytes".getBytes(UTF_8);
        byte[] two = "two pepper of the tests, of 32 bytes".getBytes(UTF_8);
        String key;
        try (ApiKeys before = ApiKeys.on(counting, Map.of(1, one), o -> o)) {
            key = before.issue("42", k -> k).key();
        }
        try (ApiKeys keys = ApiKeys.on(counting, Map.of(1, one, 2, two), o -> o)) {
            assertThat(keys.introspect(key)).isNotNull();
            execute("alter table tenfold_api_keys rename to away");
            String log = logOf(keys::flush);
            String hash = HexFormat.of().formatHex(new ApiKeyPeppers(Map.of(2, two), 0).hash(key.substring(0, 48)));
            assertThat(log)
                    .contains("cannot write")
                    .doesNotContain(key.substring(16, 48))
                    .doesNotContainIgnoringCase(hash.substring(0, 16));
            execute("alter table away rename to tenfold_api_keys");
            keys.flush();
            assertThat(keys.countHashedWith(2)).as("the new hash was kept, too").isEqualTo(1);
        }
    }

    @Test
    void the_thread_ends_when_closed() {
        try (ApiKeyWrites writes = writes(Duration.ofMillis(100), 100)) {
            writes.used("key0", 1);
            Await.until(
                    "it runs",
                    () -> Thread.getAllStackTraces().keySet().stream()
                            .anyMatch(thread -> thread.getName().equals("tenfold-api-keys") && thread.isDaemon()));
        }
        // LeakCheck sees to the rest.
    }

    private void execute(String sql) throws SQLException {
        try (Connection connection = counting.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** What is logged meanwhile: slf4j-simple writes to what System.err is at that moment. */
    static String logOf(Runnable code) {
        PrintStream before = System.err;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setErr(new PrintStream(bytes, true, UTF_8));
        try {
            code.run();
        } finally {
            System.setErr(before);
        }
        return bytes.toString(UTF_8);
    }
}
