package dev.tenfold.jobs;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.MariaDbServer;
import dev.tenfold.testkit.PostgresServer;
import java.nio.charset.StandardCharsets;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Table;
import org.jooq.impl.DSL;

/** An empty database with the tables of jobs, and rows put into it as no API would. */
final class OpsDatabase implements AutoCloseable {
    static final long SECOND = 1_000_000;

    private static final List<String> TABLES = List.of(
            "tenfold_job",
            "tenfold_job_dead",
            "tenfold_job_error",
            "tenfold_job_batch",
            "tenfold_job_progress",
            "tenfold_job_worker",
            "tenfold_job_history",
            "tenfold_job_queue",
            "tenfold_job_kind");

    final HikariDataSource pool;
    final CountingDataSource counted;
    final Db db;
    final JobStore store;

    /** Fresh with each {@link #clear}, as the ids of names are. */
    Kinds kinds;

    final Wakeups wakeups;
    private long lastId = 1_000;

    private OpsDatabase(DataSource dataSource) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(dataSource);
        config.setMaximumPoolSize(6);
        pool = new HikariDataSource(config);
        counted = CountingDataSource.of(pool);
        JobSchema.install(pool);
        db = new Db(counted, Db.dialectOf(pool), null, null);
        store = JobStore.of(db);
        kinds = new Kinds(store);
        wakeups = new Wakeups(db, false);
    }

    static OpsDatabase postgres() {
        PostgresServer server = PostgresServer.shared();
        return new OpsDatabase(server.dataSource(server.createDatabase()));
    }

    static OpsDatabase mariaDb() {
        MariaDbServer server = MariaDbServer.shared();
        return new OpsDatabase(server.dataSource(server.createDatabase()));
    }

    static OpsDatabase h2() {
        JdbcDataSource dataSource = new JdbcDataSource();
        dataSource.setURL("jdbc:h2:mem:ops" + Long.toHexString(new Random().nextLong()) + ";DB_CLOSE_DELAY=-1");
        return new OpsDatabase(dataSource);
    }

    @Override
    public void close() {
        wakeups.close();
        pool.close();
    }

    void clear() throws SQLException {
        db.autocommit(connection -> {
            TABLES.forEach(table -> db.dsl(connection).deleteFrom(table(table)).execute());
            return TABLES;
        });
        kinds = new Kinds(store);
    }

    long now() throws SQLException {
        return db.autocommit(db::currentMicros);
    }

    static Table<Record> table(String name) {
        return DSL.table(DSL.unquotedName(name));
    }

    static Field<Object> column(String name) {
        return DSL.field(DSL.unquotedName(name));
    }

    /** Columns that are given, over those that a plain row has. */
    static Map<String, Object> with(Object... namesAndValues) {
        Map<String, Object> columns = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            columns.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return columns;
    }

    void insert(String table, List<Map<String, Object>> rows) throws SQLException {
        List<String> columns = List.copyOf(rows.get(0).keySet());
        String sql = "insert into " + table + " (" + String.join(", ", columns) + ") values ("
                + "?, ".repeat(columns.size() - 1) + "?)";
        db.transaction(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                for (Map<String, Object> row : rows) {
                    for (int i = 0; i < columns.size(); i++) {
                        statement.setObject(i + 1, row.get(columns.get(i)));
                    }
                    statement.addBatch();
                }
                return statement.executeBatch();
            }
        });
    }

    /** Far from the last one: MariaDB numbers its own rows on from there, and must not meet the next. */
    private long nextId() {
        return lastId += 1_000;
    }

    Map<String, Object> jobRow(String queue, String kind, Map<String, Object> columns) {
        Map<String, Object> row = with(
                "id",
                nextId(),
                "run_at",
                1_000 * SECOND,
                "lease_until",
                0L,
                "lease",
                0L,
                "worker",
                0L,
                "created_at",
                1_000 * SECOND,
                "queue_id",
                kinds.queueId(queue),
                "kind_id",
                kinds.kindId(kind),
                "priority",
                2,
                "attempt",
                0,
                "failures",
                0,
                "max_attempts",
                25,
                "payload_version",
                1,
                "payload",
                "{\"orderId\":7}".getBytes(StandardCharsets.UTF_8));
        row.putAll(columns);
        return row;
    }

    long job(String queue, String kind, Object... namesAndValues) throws SQLException {
        Map<String, Object> row = jobRow(queue, kind, with(namesAndValues));
        insert("tenfold_job", List.of(row));
        return lastId;
    }

    Map<String, Object> deadRow(String queue, String kind, Map<String, Object> columns) {
        Map<String, Object> row = with(
                "id",
                nextId(),
                "died_at",
                2_000 * SECOND,
                "created_at",
                1_000 * SECOND,
                "lease",
                25L,
                "queue_id",
                kinds.queueId(queue),
                "kind_id",
                kinds.kindId(kind),
                "priority",
                2,
                "attempt",
                25,
                "failures",
                25,
                "max_attempts",
                25,
                "payload_version",
                1,
                "reason",
                "EXHAUSTED",
                "fingerprint",
                "0123456789abcdef0123456789abcdef",
                "message",
                "no such order",
                "payload",
                "{\"orderId\":7}".getBytes(StandardCharsets.UTF_8));
        row.putAll(columns);
        return row;
    }

    long dead(String queue, String kind, Object... namesAndValues) throws SQLException {
        Map<String, Object> row = deadRow(queue, kind, with(namesAndValues));
        insert("tenfold_job_dead", List.of(row));
        return lastId;
    }

    void error(long job, int attempt, long at, String fingerprint, String type, String message) throws SQLException {
        insert(
                "tenfold_job_error",
                List.of(with(
                        "job_id", job,
                        "attempt", attempt,
                        "occurred_at", at,
                        "fingerprint", fingerprint,
                        "type", type,
                        "message", message,
                        "stack", "at Mail.send")));
    }

    void worker(long id, long seenAt, String queues, String kindNames) throws SQLException {
        insert(
                "tenfold_job_worker",
                List.of(with(
                        "id", id,
                        "name", "node-" + id,
                        "started_at", seenAt,
                        "seen_at", seenAt,
                        "concurrency", 10,
                        "running", 0,
                        "queues", queues,
                        "kinds", kindNames)));
    }

    int count(String table) throws SQLException {
        return db.autocommit(connection -> db.dsl(connection).fetchCount(table(table)));
    }

    Record row(String table, String idColumn, long id) throws SQLException {
        return db.autocommit(connection -> db.dsl(connection)
                .selectFrom(table(table))
                .where(column(idColumn).eq(id))
                .fetchSingle());
    }

    /** A column's value, however the database spells its name; null as 0. */
    static long number(Record row, String name) {
        Object value = value(row, name);
        return value == null ? 0 : ((Number) value).longValue();
    }

    static Object value(Record row, String name) {
        for (Field<?> field : row.fields()) {
            if (field.getName().equalsIgnoreCase(name)) {
                return row.get(field);
            }
        }
        throw new AssertionError("no column " + name + " in " + row);
    }
}
