package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.query.Loader;
import dev.tenfold.query.Peers;
import dev.tenfold.testkit.Await;
import java.io.ByteArrayInputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

/** What is written by hand: N+1 queries in it, and all that JDBC can do, which has to do the same with the guard. */
@Timeout(120)
class PlainJdbcGuardTest {
    private static Shop postgres;
    private static Shop h2;

    @BeforeAll
    static void open() throws SQLException {
        postgres = new Shop(Shop.Engine.POSTGRES);
        h2 = new Shop(Shop.Engine.H2);
    }

    @AfterAll
    static void close() {
        postgres.close();
        h2.close();
    }

    private static Shop shop(Shop.Engine engine) {
        return engine == Shop.Engine.H2 ? h2 : postgres;
    }

    private static String nameOf(ResultSet rows) throws SQLException {
        return rows.next() ? rows.getString(1) : "";
    }

    private static List<Long> customers(Connection connection) throws SQLException {
        List<Long> customers = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select customer_id from purchase order by id")) {
            while (rows.next()) customers.add(rows.getLong(1));
        }
        return customers;
    }

    @ParameterizedTest
    @EnumSource
    void a_statement_for_each_row_of_an_open_result_set_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            try (Connection connection = shop.guard.getConnection();
                    PreparedStatement purchases = connection.prepareStatement("select id, customer_id from purchase");
                    PreparedStatement customer = connection.prepareStatement("select name from customer where id = ?");
                    ResultSet rows = purchases.executeQuery()) {
                while (rows.next()) {
                    customer.setLong(1, rows.getLong("customer_id"));
                    shop.nextLineIsIt();
                    nameOf(customer.executeQuery());
                }
            }
        });

        shop.assertIsNPlusOne(
                found,
                PlainJdbcGuardTest.class,
                Shop.PURCHASES,
                "select name from customer where id = ?",
                "select id, customer_id from purchase");
    }

    @ParameterizedTest
    @EnumSource
    void a_text_with_the_value_in_it_for_each_row_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            try (Connection connection = shop.guard.getConnection()) {
                for (long customer : customers(connection)) {
                    try (Statement statement = connection.createStatement()) {
                        shop.nextLineIsIt();
                        statement.execute("select name from customer where id = " + customer);
                        nameOf(statement.getResultSet());
                    }
                }
            }
        });

        shop.assertIsNPlusOne(
                found,
                PlainJdbcGuardTest.class,
                Shop.PURCHASES,
                "select name from customer where id = ?",
                "select customer_id from purchase");
    }

    @ParameterizedTest
    @EnumSource
    void a_connection_for_each_row_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            List<Long> customers;
            try (Connection connection = shop.guard.getConnection()) {
                customers = customers(connection);
            }
            for (long customer : customers) {
                try (Connection connection = shop.guard.getConnection();
                        PreparedStatement statement =
                                connection.prepareStatement("select name from customer where id = ?")) {
                    statement.setObject(1, customer, Types.BIGINT);
                    shop.nextLineIsIt();
                    nameOf(statement.executeQuery());
                }
            }
        });

        shop.assertIsNPlusOne(
                found,
                PlainJdbcGuardTest.class,
                Shop.PURCHASES,
                "select name from customer where id = ?",
                "select customer_id from purchase");
    }

    @Test
    void a_join_or_an_array_or_a_loader_is_none() throws Exception {
        List<Finding> found = postgres.found(() -> {
            try (Connection connection = postgres.guard.getConnection();
                    Statement join = connection.createStatement();
                    ResultSet rows = join.executeQuery(
                            "select p.id, c.name from purchase p join customer c on c.id = p.customer_id")) {
                while (rows.next()) assertThat(rows.getString("name")).isNotEmpty();
                List<Long> customers = customers(connection);
                try (PreparedStatement any =
                        connection.prepareStatement("select name from customer where id = any(?)")) {
                    for (int from = 0; from < Shop.PURCHASES; from++) {
                        any.setArray(1, connection.createArrayOf("bigint", new Object[] {customers.get(from), 7L}));
                        nameOf(any.executeQuery());
                    }
                }
            }
            record Customer(long id, String name) {}
            Loader<Long, Customer> loader = Loader.jdbc(
                    postgres.guard,
                    "select id, name from customer where id = any(?)",
                    rows -> new Customer(rows.getLong("id"), rows.getString("name")),
                    Customer::id);
            List<Long> customers;
            try (Connection connection = postgres.guard.getConnection()) {
                customers = customers(connection);
            }
            Peers<Long, Customer> page = loader.across(customers, customer -> customer);
            for (long customer : customers) assertThat(page.of(customer).name()).isNotEmpty();
        });

        assertThat(found).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void writes_one_by_one_are_a_write_loop_and_a_batch_is_not(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        String sql = "update purchase set note = ? where id = ?";
        List<Finding> looped = shop.found(() -> {
            try (Connection connection = shop.guard.getConnection();
                    PreparedStatement update = connection.prepareStatement(sql)) {
                for (int id = 1; id <= Shop.PURCHASES; id++) {
                    update.setString(1, "sent");
                    update.setInt(2, id);
                    update.executeUpdate();
                }
            }
        });
        List<Finding> batched = shop.found(() -> {
            try (Connection connection = shop.guard.getConnection();
                    PreparedStatement update = connection.prepareStatement(sql)) {
                for (int id = 1; id <= Shop.PURCHASES; id++) {
                    update.setString(1, "sent");
                    update.setInt(2, id);
                    update.addBatch();
                }
                assertThat(update.executeBatch()).hasSize(Shop.PURCHASES);
            }
        });

        assertThat(looped).extracting(Finding::kind).containsExactly(FindingKind.WRITE_LOOP);
        assertThat(looped.get(0).count()).isEqualTo(Shop.PURCHASES);
        assertThat(batched).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void batches_of_one_are_a_write_loop(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            try (Connection connection = shop.guard.getConnection();
                    PreparedStatement update =
                            connection.prepareStatement("update purchase set note = ? where id = ?")) {
                for (int id = 1; id <= Shop.PURCHASES; id++) {
                    update.setString(1, "one");
                    update.setInt(2, id);
                    update.addBatch();
                    shop.nextLineIsIt();
                    update.executeBatch();
                }
            }
        });

        assertThat(found).extracting(Finding::kind).containsExactly(FindingKind.WRITE_LOOP);
        assertThat(found.get(0).count()).isEqualTo(Shop.PURCHASES);
        shop.assertIsAtTheLine(found.get(0), PlainJdbcGuardTest.class);
    }

    @Test
    void a_batch_of_calls_is_one_statement_and_an_empty_one_is_none() throws Exception {
        QueryScope scope = QueryScope.open("calls");
        try (scope;
                Connection connection = postgres.guard.getConnection();
                CallableStatement call = connection.prepareCall("{call pg_sleep(?)}")) {
            for (int i = 0; i < 3; i++) {
                call.setDouble(1, 0);
                call.addBatch();
            }
            assertThat(call.executeBatch()).hasSize(3);
            assertThat(scope.statements()).isEqualTo(1);
            assertThat(call.executeBatch()).isEmpty();
            assertThat(scope.statements()).isEqualTo(1);
        }
    }

    /** Something done with a connection, and what comes of it, in words. */
    private interface Use {
        Object of(Connection connection) throws Exception;
    }

    private static String all(@Nullable ResultSet rows) throws SQLException {
        if (rows == null) return "no rows";
        StringBuilder all = new StringBuilder();
        ResultSetMetaData meta = rows.getMetaData();
        while (rows.next()) {
            for (int i = 1; i <= meta.getColumnCount(); i++) {
                all.append(meta.getColumnLabel(i)).append('=').append(rows.getString(i));
                all.append(rows.wasNull() ? " (null) " : " ");
            }
        }
        return all.toString();
    }

    private static String query(Connection connection, String sql, @Nullable Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
            return all(statement.executeQuery());
        }
    }

    private static String ddl(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return statement.execute(sql) + " " + statement.getUpdateCount();
        }
    }

    private static Map<String, Use> ofBoth() {
        Map<String, Use> uses = new LinkedHashMap<>();
        uses.put("settings", connection -> {
            connection.setAutoCommit(false);
            connection.setReadOnly(true);
            connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            return connection.getAutoCommit() + " " + connection.isReadOnly() + " "
                    + connection.getTransactionIsolation() + " " + connection.getHoldability() + " "
                    + connection.getSchema() + " " + connection.getNetworkTimeout() + " "
                    + connection.getMetaData().getDatabaseProductName() + connection.isValid(5) + connection.isClosed();
        });
        uses.put("syntax error", connection -> query(connection, "selekt 1"));
        uses.put("missing table", connection -> ddl(connection, "update missing set a = 1"));
        uses.put("duplicate key", connection -> ddl(connection, "insert into customer values (1, 'again')"));
        uses.put("null where none may be", connection -> query(connection, "insert into customer values (99, null)"));
        uses.put("parameter that is not there", connection -> query(connection, "select 1", 5));
        uses.put(
                "parameter that is not set", connection -> query(connection, "select name from customer where id = ?"));
        uses.put("query that is none", connection -> {
            try (Statement statement = connection.createStatement()) {
                return all(statement.executeQuery("update customer set name = name where id = 1"));
            }
        });
        uses.put("update that is a query", connection -> {
            try (PreparedStatement statement = connection.prepareStatement("select 1")) {
                return statement.executeUpdate();
            }
        });
        uses.put(
                "types",
                connection -> query(
                        connection,
                        "select cast(? as date) d, cast(? as timestamp) t, cast(? as uuid) u, cast(? as numeric(9,2)) n,"
                                + " cast(? as varchar(9)) s, cast(? as boolean) b, cast(? as double precision) f",
                        LocalDate.of(2024, 2, 29),
                        LocalDateTime.of(2024, 2, 29, 1, 2, 3),
                        UUID.fromString("00000000-0000-0001-0000-000000000002"),
                        new BigDecimal("1.50"),
                        null,
                        true,
                        0.5));
        uses.put("zoned time", connection -> {
            try (PreparedStatement statement =
                    connection.prepareStatement("select cast(? as timestamp with time zone) at_")) {
                statement.setObject(1, OffsetDateTime.of(2024, 2, 29, 1, 2, 3, 0, ZoneOffset.ofHours(2)));
                ResultSet rows = statement.executeQuery();
                rows.next();
                return rows.getObject(1, OffsetDateTime.class).toInstant();
            }
        });
        uses.put("setters", connection -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    "select cast(? as int) a, cast(? as bigint) b, cast(? as date) c, cast(? as timestamp) d,"
                            + " cast(? as varchar(9)) e, cast(? as smallint) f, cast(? as int) g")) {
                statement.setInt(1, 1);
                statement.setLong(2, 1L << 40);
                statement.setDate(3, Date.valueOf("2024-02-29"));
                statement.setTimestamp(4, Timestamp.valueOf("2024-02-29 01:02:03"));
                statement.setNull(5, Types.VARCHAR);
                statement.setShort(6, (short) 3);
                statement.setNull(7, Types.INTEGER);
                return all(statement.executeQuery())
                        + statement.getParameterMetaData().getParameterCount()
                        + statement.getMetaData().getColumnCount();
            }
        });
        uses.put(
                "enum that the driver does not know",
                connection -> query(connection, "select cast(? as varchar(9)) e", (Object) Shop.Engine.H2));
        uses.put("streams", connection -> {
            ddl(
                    connection,
                    "create temporary table blobs(b varbinary(99), c varchar(99))"
                            .replace(
                                    "varbinary(99)",
                                    connection.isWrapperFor(PGConnection.class) ? "bytea" : "varbinary(99)"));
            try (PreparedStatement insert = connection.prepareStatement("insert into blobs values (?, ?)")) {
                byte[] bytes = "bytes".getBytes(StandardCharsets.UTF_8);
                insert.setBinaryStream(1, new ByteArrayInputStream(bytes), bytes.length);
                insert.setCharacterStream(2, new StringReader("text"), 4);
                insert.executeUpdate();
                insert.clearParameters();
                insert.setBytes(1, bytes);
                insert.setCharacterStream(2, new StringReader("more text"));
                insert.executeLargeUpdate();
            }
            try (Statement statement = connection.createStatement();
                    ResultSet rows = statement.executeQuery("select b, c from blobs order by c")) {
                rows.next();
                StringWriter text = new StringWriter();
                rows.getCharacterStream("c").transferTo(text);
                return new String(rows.getBinaryStream("b").readAllBytes(), StandardCharsets.UTF_8) + text;
            } finally {
                ddl(connection, "drop table blobs");
            }
        });
        uses.put("scrolling", connection -> {
            try (Statement statement =
                            connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
                    ResultSet rows = statement.executeQuery("select id, name from customer order by id")) {
                rows.last();
                String last = rows.getRow() + rows.getString("name");
                rows.absolute(3);
                rows.relative(2);
                rows.previous();
                return last
                        + rows.getLong(1)
                        + rows.isFirst()
                        + rows.getType()
                        + rows.getConcurrency()
                        + statement.getResultSetType();
            }
        });
        uses.put("updating rows", connection -> {
            connection.setAutoCommit(false);
            try (Statement statement =
                            connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
                    ResultSet rows = statement.executeQuery("select id, name from customer order by id")) {
                rows.next();
                rows.updateString("name", "changed");
                rows.updateRow();
                rows.moveToInsertRow();
                rows.updateLong("id", 1_000);
                rows.updateString("name", "inserted");
                rows.insertRow();
                rows.moveToCurrentRow();
                rows.next();
            }
            String changed = query(connection, "select name from customer where id in (1, 1000) order by id");
            connection.rollback();
            return changed;
        });
        uses.put("a deleted row", connection -> {
            connection.setAutoCommit(false);
            try (Statement statement =
                            connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
                    ResultSet rows = statement.executeQuery("select id, title from item order by id")) {
                rows.next();
                rows.deleteRow();
            }
            String left = query(connection, "select count(*) from item");
            connection.rollback();
            return left;
        });
        uses.put("rows held over a commit", connection -> {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement(
                            ResultSet.TYPE_FORWARD_ONLY,
                            ResultSet.CONCUR_READ_ONLY,
                            ResultSet.HOLD_CURSORS_OVER_COMMIT);
                    ResultSet rows = statement.executeQuery("select id from customer order by id")) {
                rows.next();
                connection.commit();
                return rows.next() + " " + rows.getLong(1) + statement.getResultSetHoldability();
            }
        });
        uses.put("generated keys", connection -> {
            connection.setAutoCommit(false);
            StringBuilder keys = new StringBuilder();
            for (int way = 0; way < 2; way++) {
                String sql = "insert into note(id, text) values (?, ?)";
                try (PreparedStatement insert = way == 0
                        ? connection.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)
                        : connection.prepareStatement(sql, new String[] {"id"})) {
                    insert.setLong(1, 500 + way);
                    insert.setString(2, "key " + way);
                    insert.executeUpdate();
                    ResultSet made = insert.getGeneratedKeys();
                    while (made.next()) keys.append(made.getLong("id")).append(' ');
                }
            }
            connection.rollback();
            return keys;
        });
        uses.put("batches", connection -> {
            connection.setAutoCommit(false);
            List<Object> results = new ArrayList<>();
            try (Statement statement = connection.createStatement()) {
                statement.addBatch("update customer set name = 'a' where id = 1");
                statement.addBatch("update customer set name = 'b' where id < 4");
                for (int count : statement.executeBatch()) results.add(count);
                results.add(statement.executeBatch().length);
                statement.addBatch("update customer set name = 'b' where id = 1");
                statement.clearBatch();
                results.add(statement.executeLargeBatch().length);
                statement.addBatch("update customer set name = 'b' where id = 1");
                statement.addBatch("insert into customer values (1, 'again')");
                results.add(statement.executeBatch());
            } finally {
                connection.rollback();
            }
            return results;
        });
        uses.put("savepoints", connection -> {
            connection.setAutoCommit(false);
            ddl(connection, "update customer set name = 'first' where id = 1");
            Savepoint point = connection.setSavepoint("point");
            ddl(connection, "update customer set name = 'second' where id = 1");
            connection.rollback(point);
            String name = query(connection, "select name from customer where id = 1");
            connection.rollback();
            return name;
        });
        uses.put("most rows", connection -> {
            try (Statement statement = connection.createStatement()) {
                statement.setMaxRows(2);
                statement.setFetchSize(1);
                statement.setQueryTimeout(7);
                return all(statement.executeQuery("select id from customer order by id"))
                        + statement.getMaxRows()
                        + statement.getFetchSize()
                        + statement.getQueryTimeout();
            }
        });
        uses.put("close on completion", connection -> {
            Statement statement = connection.createStatement();
            statement.closeOnCompletion();
            ResultSet rows = statement.executeQuery("select 1");
            rows.next();
            rows.close();
            return statement.isCloseOnCompletion() + " " + statement.isClosed();
        });
        uses.put("statement used after it was closed", connection -> {
            PreparedStatement statement = connection.prepareStatement("select 1");
            statement.close();
            statement.close();
            return statement.isClosed() + all(statement.executeQuery());
        });
        uses.put("value set after it was closed", connection -> {
            PreparedStatement statement = connection.prepareStatement("select name from customer where id = ?");
            statement.close();
            statement.setLong(1, 1);
            return "set";
        });
        uses.put("connection of a closed statement", connection -> {
            Statement statement = connection.createStatement();
            statement.close();
            return statement.getConnection() == connection;
        });
        uses.put("result set used after its statement was closed", connection -> {
            Statement statement = connection.createStatement();
            ResultSet rows = statement.executeQuery("select id from customer");
            rows.next();
            statement.close();
            return rows.isClosed() + " " + rows.next();
        });
        uses.put("result set of the statement before", connection -> {
            try (Statement statement = connection.createStatement()) {
                ResultSet first = statement.executeQuery("select id from customer");
                first.next();
                ResultSet second = statement.executeQuery("select 5");
                return first.isClosed() + all(second);
            }
        });
        uses.put("connection used after it was closed", connection -> {
            connection.close();
            connection.close();
            return connection.isClosed() + query(connection, "select 1");
        });
        uses.put("statement used after its connection was closed", connection -> {
            Statement statement = connection.createStatement();
            connection.close();
            return all(statement.executeQuery("select 1"));
        });
        uses.put("same result set again", connection -> {
            try (PreparedStatement statement = connection.prepareStatement("select id from customer order by id")) {
                statement.execute();
                ResultSet rows = statement.getResultSet();
                rows.next();
                return (rows == statement.getResultSet()) + " " + statement.getUpdateCount() + rows.getLong(1);
            }
        });
        uses.put("who made what", connection -> {
            try (PreparedStatement statement = connection.prepareStatement("select 1");
                    ResultSet rows = statement.executeQuery()) {
                return "" + (statement.getConnection() == connection) + statement.isWrapperFor(PreparedStatement.class)
                        + (statement.unwrap(PreparedStatement.class) != null)
                        + connection.isWrapperFor(Connection.class)
                        + statement.isPoolable() + rows.isBeforeFirst();
            }
        });
        uses.put("unwrap what it is not", connection -> connection.unwrap(Runnable.class));
        return uses;
    }

    private static Map<String, Use> ofPostgres() {
        Map<String, Use> uses = new LinkedHashMap<>();
        uses.put("copy", connection -> {
            connection.setAutoCommit(false);
            CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
            long in = copies.copyIn("copy customer from stdin csv", new StringReader("900,copied\n901,too\n"));
            StringWriter out = new StringWriter();
            copies.copyOut("copy (select * from customer where id >= 900 order by id) to stdout", out);
            connection.rollback();
            return in + out.toString();
        });
        uses.put("large object", connection -> {
            connection.setAutoCommit(false);
            LargeObjectManager objects = connection.unwrap(PGConnection.class).getLargeObjectAPI();
            long id = objects.createLO();
            try (LargeObject object = objects.open(id, LargeObjectManager.READWRITE)) {
                object.write("large".getBytes(StandardCharsets.UTF_8));
                object.seek(0);
                return new String(object.read(5), StandardCharsets.UTF_8);
            } finally {
                connection.rollback();
            }
        });
        uses.put("array", connection -> {
            Array ids = connection.createArrayOf("bigint", new Object[] {1L, 3L});
            try (PreparedStatement statement = connection.prepareStatement(
                    "select id, array[id, 5] a from customer where id = any(?) order by id")) {
                statement.setArray(1, ids);
                ResultSet rows = statement.executeQuery();
                rows.next();
                Object[] first = (Object[]) rows.getArray("a").getArray();
                rows.next();
                return List.of(first) + " " + rows.getLong("id");
            }
        });
        uses.put("several results", connection -> {
            StringBuilder results = new StringBuilder();
            try (Statement statement = connection.createStatement()) {
                boolean rows =
                        statement.execute("select 1 a; update customer set name = name where id < 4; select 2 b");
                while (rows || statement.getUpdateCount() >= 0) {
                    results.append(rows ? all(statement.getResultSet()) : statement.getUpdateCount() + " updated ");
                    rows = statement.getMoreResults(Statement.CLOSE_CURRENT_RESULT);
                }
            }
            return results;
        });
        uses.put("warnings", connection -> {
            try (Statement statement = connection.createStatement()) {
                statement.execute("do $$ begin raise warning 'mind the gap'; end $$");
                String warning = statement.getWarnings().getMessage();
                statement.clearWarnings();
                return warning + statement.getWarnings() + connection.getWarnings();
            }
        });
        uses.put("query timeout", connection -> {
            try (Statement statement = connection.createStatement()) {
                statement.setQueryTimeout(1);
                return all(statement.executeQuery("select pg_sleep(30)"));
            }
        });
        uses.put("call of a function", connection -> {
            try (CallableStatement call = connection.prepareCall("{? = call upper(?)}")) {
                call.registerOutParameter(1, Types.VARCHAR);
                call.setString(2, "loud");
                call.execute();
                return call.getString(1)
                        + call.isWrapperFor(CallableStatement.class)
                        + (call.getConnection() == connection);
            }
        });
        uses.put("call that fails", connection -> {
            try (CallableStatement call = connection.prepareCall("{call missing(?)}")) {
                call.setInt(1, 1);
                return call.execute();
            }
        });
        uses.put("rows in portions", connection -> {
            connection.setAutoCommit(false);
            try (PreparedStatement statement = connection.prepareStatement("select id from customer order by id")) {
                statement.setFetchSize(3);
                ResultSet rows = statement.executeQuery();
                rows.next();
                return rows.getFetchSize() + all(rows);
            }
        });
        uses.put("prepared for the server", connection -> {
            try (PreparedStatement statement = connection.prepareStatement("select name from customer where id = ?")) {
                statement.unwrap(org.postgresql.PGStatement.class).setPrepareThreshold(1);
                statement.setLong(1, 3);
                return all(statement.executeQuery())
                        + statement.unwrap(org.postgresql.PGStatement.class).getPrepareThreshold();
            }
        });
        uses.put("aborted", connection -> {
            connection.abort(Runnable::run);
            connection.close();
            return connection.isClosed();
        });
        uses.put("failed transaction", connection -> {
            connection.setAutoCommit(false);
            try {
                query(connection, "select 1 / 0");
            } catch (SQLException e) {
                return e.getMessage() + query(connection, "select 1");
            }
            return "did not fail";
        });
        return uses;
    }

    @TestFactory
    Stream<DynamicTest> nothing_is_different_on_postgresql() {
        Map<String, Use> uses = ofBoth();
        uses.putAll(ofPostgres());
        return same(postgres.pool, postgres.guard, 20, uses);
    }

    @TestFactory
    Stream<DynamicTest> nothing_is_different_on_h2() {
        return same(h2.pool, h2.guard, 20, ofBoth());
    }

    @TestFactory
    Stream<DynamicTest> nothing_is_different_on_the_driver_of_postgresql() {
        Map<String, Use> uses = ofBoth();
        uses.putAll(ofPostgres());
        DataSource driver = postgres.pool.getDataSource();
        return same(driver, QueryGuard.watch(driver), 1, uses);
    }

    @TestFactory
    Stream<DynamicTest> nothing_is_different_on_the_driver_of_h2() {
        JdbcDataSource driver = new JdbcDataSource();
        driver.setURL(h2.pool.getJdbcUrl());
        driver.setUser("sa");
        return same(driver, QueryGuard.watch(driver), 20, ofBoth());
    }

    private static Stream<DynamicTest> same(DataSource bare, QueryGuard guard, int times, Map<String, Use> uses) {
        return uses.entrySet().stream()
                .map(use -> DynamicTest.dynamicTest(use.getKey(), () -> isTheSame(bare, guard, times, use.getValue())));
    }

    private static void isTheSame(DataSource bare, QueryGuard guard, int times, Use use) throws Exception {
        String without;
        try (Connection connection = bare.getConnection()) {
            without = outcome(connection, use);
        }
        String lookedAt;
        QueryScope scope = QueryScope.open("test", 3);
        try (scope;
                Connection connection = guard.getConnection()) {
            lookedAt = outcome(connection, use);
        }
        assertThat(lookedAt).isEqualTo(without);
        // The next ones find each statement's rows looked at often enough, and its wrappers used before.
        for (int i = 0; i < (without.contains("57014") ? 1 : times); i++) {
            try (Connection connection = guard.getConnection()) {
                assertThat(outcome(connection, use)).isEqualTo(without);
            }
        }
        try (Connection connection = guard.getConnection()) {
            assertThat(connection.getAutoCommit()).isTrue();
            assertThat(connection.isReadOnly()).isFalse();
        }
    }

    private static String outcome(Connection connection, Use use) throws SQLException {
        String outcome;
        try {
            outcome = "gives " + use.of(connection);
        } catch (SQLException e) {
            outcome = e.getClass().getName() + " " + e.getSQLState() + " " + e.getErrorCode() + " " + e.getMessage();
        } catch (Exception e) {
            outcome = e.toString();
        }
        if (connection.isClosed()) return outcome + ", closed";
        String settings = ", auto commit " + connection.getAutoCommit() + ", read only " + connection.isReadOnly();
        if (!connection.getAutoCommit()) connection.rollback();
        return outcome + settings + ", isolation " + connection.getTransactionIsolation();
    }

    @Test
    void another_thread_can_cancel_a_statement() throws Exception {
        try (Connection connection = postgres.guard.getConnection();
                Connection other = postgres.pool.getConnection();
                Statement statement = connection.createStatement()) {
            CompletableFuture<Boolean> sleeping = CompletableFuture.supplyAsync(() -> {
                try {
                    return statement.execute("select pg_sleep(100)");
                } catch (SQLException e) {
                    throw new CompletionException(e);
                }
            });
            Await.until(
                    "the statement runs",
                    () -> !query(other, "select 1 from pg_stat_activity where query = 'select pg_sleep(100)'")
                            .isEmpty());
            statement.cancel();

            assertThatThrownBy(sleeping::join)
                    .hasRootCauseInstanceOf(SQLException.class)
                    .hasStackTraceContaining("canceling statement due to user request");
            assertThat(query(connection, "select 1 a")).isEqualTo("a=1 ");
        }
    }

    @Test
    void statements_that_are_open_at_once_or_one_after_the_other_give_their_own_rows() throws Exception {
        List<PreparedStatement> open = new ArrayList<>();
        try (Connection connection = postgres.guard.getConnection()) {
            for (int i = 0; i < 3 * WatchedConnection.RING; i++) {
                PreparedStatement kept = connection.prepareStatement("select " + i + " + cast(? as int) as sum");
                kept.setInt(1, 1);
                open.add(kept);
                assertThat(query(connection, "select cast(? as int) as it", i)).isEqualTo("it=" + i + " ");
            }
            for (int i = 0; i < open.size(); i++) {
                assertThat(all(open.get(i).executeQuery())).isEqualTo("sum=" + (i + 1) + " ");
                open.get(i).close();
                assertThat(open.get(i).isClosed()).isTrue();
            }
        }
    }

    @Test
    void an_aborted_connection_is_given_back() throws Exception {
        WatchedConnection before = ThreadState.current().open;
        Connection connection = postgres.guard.getConnection();
        connection.abort(Runnable::run);

        assertThat(ThreadState.current().open).isEqualTo(before);
        assertThatThrownBy(connection::close).hasMessageContaining("connection has been closed");
        try (Connection next = postgres.guard.getConnection()) {
            assertThat(query(next, "select 1 a")).isEqualTo("a=1 ");
        }
    }

    @Test
    void the_data_source_leads_to_the_pool() throws Exception {
        assertThat(postgres.guard.unwrap(com.zaxxer.hikari.HikariDataSource.class))
                .isSameAs(postgres.pool);
        assertThat(postgres.guard.isWrapperFor(com.zaxxer.hikari.HikariDataSource.class))
                .isTrue();
        assertThat(postgres.guard.getLoginTimeout()).isEqualTo(postgres.pool.getLoginTimeout());
    }
}
