package dev.tenfold.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.PrintWriter;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Map;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** Where a database server is and who one is there: what {@link PostgresServer} and {@link MariaDbServer} share. */
record DatabaseAddress(String scheme, String host, int port, String user, String password, String database) {
    /** Reads {@code jdbc:scheme://host:port/database?user=…&password=…}, the value of an environment variable. */
    static DatabaseAddress parse(String variable, String scheme, String url, int defaultPort, String defaultUser) {
        String prefix = "jdbc:" + scheme + "://";
        URI uri = url.startsWith(prefix) ? URI.create(url.substring("jdbc:".length())) : URI.create("");
        if (uri.getHost() == null) {
            throw new IllegalStateException(
                    variable + " is no URL of one server; give " + prefix + "host:port/database?user=…&password=…");
        }
        Map<String, String> query = new HashMap<>();
        for (String part : (uri.getRawQuery() == null ? "" : uri.getRawQuery()).split("&", -1)) {
            int sign = part.indexOf('=');
            if (sign > 0) query.put(part.substring(0, sign), URLDecoder.decode(part.substring(sign + 1), UTF_8));
        }
        String path = uri.getPath() == null ? "" : uri.getPath();
        return new DatabaseAddress(
                scheme,
                uri.getHost(),
                uri.getPort() < 0 ? defaultPort : uri.getPort(),
                query.getOrDefault("user", defaultUser),
                query.getOrDefault("password", ""),
                path.length() > 1 ? path.substring(1) : "");
    }

    String url(String atHost, int atPort, String name) {
        String secret = password.isEmpty() ? "" : "&password=" + URLEncoder.encode(password, UTF_8);
        return "jdbc:" + scheme + "://" + atHost + ":" + atPort + "/" + URLEncoder.encode(name, UTF_8) + "?user="
                + URLEncoder.encode(user, UTF_8) + secret;
    }

    String url(String name) {
        return url(host, port, name);
    }

    String createDatabase() {
        String name = Local.uniqueName();
        try (Connection connection = DriverManager.getConnection(url(database));
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE DATABASE " + name);
            return name;
        } catch (SQLException e) {
            throw new IllegalStateException(
                    "user " + user + " cannot create database " + name + " on " + host + ":" + port
                            + "; grant the user that right",
                    e);
        }
    }

    /** The first column of the only row. */
    String ask(String query) {
        try (Connection connection = DriverManager.getConnection(url(database));
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(query)) {
            rows.next();
            return rows.getString(1);
        } catch (SQLException e) {
            throw new IllegalStateException(
                    "the server at " + host + ":" + port + " does not answer " + query + "; is it up?", e);
        }
    }

    DataSource dataSource(String name) {
        return new Plain(this, name);
    }

    /** A new connection each time, by way of the driver manager. */
    private record Plain(DatabaseAddress at, String name) implements DataSource {
        @Override
        public Connection getConnection() throws SQLException {
            return DriverManager.getConnection(at.url(name));
        }

        @Override
        public Connection getConnection(String username, String password) throws SQLException {
            DatabaseAddress other = new DatabaseAddress(at.scheme, at.host, at.port, username, password, at.database);
            return DriverManager.getConnection(other.url(name));
        }

        @Override
        public <T> T unwrap(Class<T> type) throws SQLException {
            if (type.isInstance(this)) return type.cast(this);
            throw new SQLException("a plain data source wraps no " + type.getName());
        }

        @Override
        public boolean isWrapperFor(Class<?> type) {
            return type.isInstance(this);
        }

        @Override
        public @Nullable PrintWriter getLogWriter() {
            return null;
        }

        @Override
        public void setLogWriter(@Nullable PrintWriter out) throws SQLException {
            throw new SQLFeatureNotSupportedException("a plain data source writes no log");
        }

        @Override
        public void setLoginTimeout(int seconds) throws SQLException {
            throw new SQLFeatureNotSupportedException("give the login timeout in the URL");
        }

        @Override
        public int getLoginTimeout() {
            return 0;
        }

        @Override
        public Logger getParentLogger() {
            return Logger.getLogger("dev.tenfold.testkit");
        }
    }
}
