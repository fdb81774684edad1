package dev.tenfold.demo;

import static dev.tenfold.auth.SqlIntrospector.sha256Bytes;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import javax.sql.DataSource;

/** As first written: each request looks its token up in the table. */
final class TokenTable implements Tokens {
    private final DataSource pool;

    TokenTable(DataSource pool) {
        this.pool = pool;
    }

    // snippet
    @Override
    public boolean admits(HttpExchange exchange) throws IOException {
        int status;
        try {
            status = statusOf(Tokens.of(exchange));
        } catch (SQLException e) {
            status = 503;
        }
        if (status != 200) {
            exchange.sendResponseHeaders(status, -1);
        }
        return status == 200;
    }

    private int statusOf(String token) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement find = connection.prepareStatement(FIND)) {
            find.setBytes(1, sha256Bytes(token));
            try (ResultSet row = find.executeQuery()) {
                if (!row.next() || isOver(row)) {
                    return 401;
                }
                return row.getString("scope").equals(SCOPE) ? 200 : 403;
            }
        }
    }
    // end

    private static boolean isOver(ResultSet row) throws SQLException {
        return !row.getTimestamp("expires_at").toInstant().isAfter(Instant.now());
    }

    @Override
    public void logOut(String subject) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement delete = connection.prepareStatement("delete from tokens where subject = ?")) {
            delete.setString(1, subject);
            int unused = delete.executeUpdate();
        }
    }

    @Override
    public void close() {}
}
