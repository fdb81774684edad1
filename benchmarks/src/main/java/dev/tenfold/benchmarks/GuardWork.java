package dev.tenfold.benchmarks;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** The statements whose watching is measured: eight texts in turn, each with a key of its own, one row each. */
final class GuardWork implements AutoCloseable {
    /** A request's. */
    static final int STATEMENTS = 256;

    /** A request's, of {@link #borrows}. */
    static final int BORROWS = 256;

    private static final List<String> TEXTS = texts();

    private final DataSource dataSource;
    private @Nullable Connection connection;

    GuardWork(DataSource dataSource) {
        this.dataSource = dataSource;
    }

    /** Opens the one connection that statements use until {@link #close}: a borrow beside it would be a nested one. */
    private Connection connection() throws SQLException {
        Connection open = connection;
        if (open == null) {
            open = dataSource.getConnection();
            connection = open;
        }
        return open;
    }

    @Override
    public void close() throws SQLException {
        if (connection != null) {
            connection.close();
            connection = null;
        }
    }

    private static List<String> texts() {
        List<String> texts = new ArrayList<>();
        for (String table : List.of("author", "book", "review", "shop", "stock", "invoice", "tenant", "role")) {
            texts.add("select t.id, t.name, t.changed_at from " + table + " t where t.id = ? and t.deleted_at is null");
        }
        return texts;
    }

    /** Prepares, binds, executes, reads and closes as many statements as a request has. */
    long statements() throws SQLException {
        long sum = 0;
        for (int i = 0; i < STATEMENTS; i++) {
            sum += statement(i);
        }
        return sum;
    }

    /** One statement, as careful code writes it. */
    long statement(int key) throws SQLException {
        try (PreparedStatement statement = connection().prepareStatement(TEXTS.get(key & 7))) {
            statement.setLong(1, key);
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next() ? rows.getLong(1) : -1;
            }
        }
    }

    /** Borrows and gives back a connection as often as a request does. */
    long borrows() throws SQLException {
        long sum = 0;
        for (int i = 0; i < BORROWS; i++) {
            sum += borrow();
        }
        return sum;
    }

    /** One borrow. */
    int borrow() throws SQLException {
        try (Connection borrowed = dataSource.getConnection()) {
            return borrowed.getAutoCommit() ? 1 : 0;
        }
    }
}
