package dev.tenfold.query.keyset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/** Pages while others insert and delete rows: no row twice, and none lost that was there throughout. */
class KeysetConcurrencyTest {
    private static final byte[] SECRET = new byte[32];
    private static final int STAY = 300;
    private static final int WRITES_A_PAGE = 4;
    /** So many rows of each writer are there at any time, once it has begun. */
    private static final int OTHERS = 40;

    private static final DataSource DATABASE =
            PostgresServer.shared().dataSource(PostgresServer.shared().createDatabase());

    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicLong writes = new AtomicLong();
    private final AtomicLong ids = new AtomicLong(STAY);

    /** Rows of ids up to {@link #STAY} stay; the others come and go, each id once. */
    private Void write(Random random) throws SQLException {
        List<Long> mine = new ArrayList<>();
        try (Connection connection = DATABASE.getConnection();
                PreparedStatement insert = connection.prepareStatement("insert into post values (?, ?, ?)");
                PreparedStatement delete = connection.prepareStatement("delete from post where id = ?")) {
            while (!over.get()) {
                if (mine.size() > 100 || (mine.size() > OTHERS && random.nextBoolean())) {
                    delete.setLong(1, mine.remove(random.nextInt(mine.size())));
                    delete.executeUpdate();
                } else {
                    long id = ids.incrementAndGet();
                    insert(insert, id, random);
                    mine.add(id);
                }
                writes.incrementAndGet();
            }
        }
        return null;
    }

    private static void insert(PreparedStatement insert, long id, Random random) throws SQLException {
        insert.setLong(1, id);
        insert.setInt(2, random.nextInt(20));
        insert.setObject(3, random.nextInt(3) == 0 ? null : random.nextInt(20));
        insert.executeUpdate();
    }

    @Test
    void no_row_comes_twice_and_none_is_lost_that_was_there_throughout() throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        ExecutorService writers = Executors.newFixedThreadPool(2);
        try (Connection connection = DATABASE.getConnection()) {
            fill(connection, random);
            List<Future<Void>> running = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                Random own = new Random(random.nextLong());
                running.add(writers.submit(() -> write(own)));
            }
            Await.until(
                    "there are others",
                    () -> ids.get() > STAY + 3 * OTHERS || running.stream().anyMatch(Future::isDone));
            for (Keyset sort : List.of(
                    Keyset.columns("a desc not null", "id desc unique"),
                    Keyset.columns("a not null", "id desc unique"),
                    Keyset.columns("n desc nulls last", "a not null", "id unique"),
                    Keyset.columns("n nulls first", "id unique"))) {
                for (boolean backwards : new boolean[] {false, true}) {
                    String what = "seed " + seed + ", " + sort.sort() + (backwards ? ", backwards" : "");
                    compare(
                            what,
                            seen(connection, sort.signedWith(SECRET), backwards, running),
                            ordered(connection, sort));
                }
            }
            over.set(true);
            for (Future<Void> writer : running)
                assertThat(writer.get(30, TimeUnit.SECONDS)).isNull();
        } finally {
            over.set(true);
            writers.shutdown();
            assertThat(writers.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
        }
    }

    private static void fill(Connection connection, Random random) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("create table post (id bigint primary key, a int not null, n int)");
        }
        try (PreparedStatement insert = connection.prepareStatement("insert into post values (?, ?, ?)")) {
            for (long id = 1; id <= STAY; id++) insert(insert, id, random);
        }
    }

    private List<Long> seen(Connection connection, Keyset keyset, boolean backwards, List<Future<Void>> writers)
            throws SQLException, InterruptedException, ExecutionException {
        List<Long> seen = new ArrayList<>();
        Optional<String> cursor = Optional.empty();
        do {
            Keyset at = backwards ? keyset.before(cursor.orElse(null)) : keyset.after(cursor.orElse(null));
            Page<Long> page =
                    at.limit(15).fetch(connection, "select id, a, n from post where {keyset}", row -> row.getLong(1));
            if (backwards) {
                seen.addAll(0, page.items());
            } else {
                seen.addAll(page.items());
            }
            cursor = backwards ? page.previous() : page.next();
            awaitWrites(writers);
        } while (cursor.isPresent());
        return seen;
    }

    private void awaitWrites(List<Future<Void>> writers) throws InterruptedException, ExecutionException {
        long enough = writes.get() + WRITES_A_PAGE;
        Await.until(
                "writers go on",
                () -> writes.get() >= enough || writers.stream().anyMatch(Future::isDone));
        for (Future<Void> writer : writers) {
            if (writer.isDone()) assertThat(writer.get()).as("a writer ended").isNotNull();
        }
    }

    private static List<Long> ordered(Connection connection, Keyset sort) throws SQLException {
        List<Long> ordered = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                var rows = statement.executeQuery(
                        "select id from post where id <= " + STAY + " order by " + sort.sort())) {
            while (rows.next()) ordered.add(rows.getLong(1));
        }
        return ordered;
    }

    private static void compare(String what, List<Long> seen, List<Long> stayed) {
        assertThat(new HashSet<>(seen)).as("%s: twice", what).hasSameSizeAs(seen);
        assertThat(seen.stream().filter(id -> id <= STAY).toList())
                .as("%s: lost, or out of order", what)
                .isEqualTo(stayed);
        assertThat(seen).as("%s: others came and went", what).hasSizeGreaterThan(STAY);
    }
}
