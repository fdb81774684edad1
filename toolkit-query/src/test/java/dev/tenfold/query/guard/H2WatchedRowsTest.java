package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.h2.jdbc.JdbcResultSet;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** On H2, whose statements fetch a hundred rows at once. */
@Timeout(30)
class H2WatchedRowsTest extends WatchedRowsContract {
    private static final JdbcDataSource DATABASE = create();

    private static JdbcDataSource create() {
        JdbcDataSource database = new JdbcDataSource();
        database.setURL("jdbc:h2:mem:watchedrows;DB_CLOSE_DELAY=-1");
        return database;
    }

    @Override
    DataSource dataSource() {
        return DATABASE;
    }

    @Override
    Class<?> driverType() {
        return JdbcResultSet.class;
    }

    @Test
    void rows_that_may_not_have_been_fetched_are_not_asked_for() throws SQLException {
        query(ALL, 20, ResultSet::next);

        assertThat(found(FindingKind.UNREAD_ROWS)).isEmpty();
    }

    @Test
    void an_unknown_drivers_rows_are_not_asked_for_though_its_fetch_size_says_nothing() throws SQLException {
        AtomicInteger asked = new AtomicInteger();
        guard = QueryGuard.watch(computing(DataSource.class, DATABASE, asked), o -> o.samples(5));

        query(ALL, 20, ResultSet::next);

        assertThat(asked.get()).isEqualTo(20);
        assertThat(found(FindingKind.UNREAD_ROWS)).isEmpty();
    }

    /** As SQLite, DuckDB and Trino: the fetch size is 0, and each row is computed when it is asked for. */
    private static <T> T computing(Class<T> type, Object target, AtomicInteger asked) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, args) -> {
            if (method.getName().equals("getFetchSize")) return 0;
            if (method.getName().equals("next")) asked.incrementAndGet();
            try {
                Object result = method.invoke(target, args);
                return result != null && isWrapped(method.getReturnType())
                        ? computing(method.getReturnType(), result, asked)
                        : result;
            } catch (InvocationTargetException e) {
                throw e.getTargetException();
            }
        }));
    }

    private static boolean isWrapped(Class<?> type) {
        return type == Connection.class || type == PreparedStatement.class || type == ResultSet.class;
    }
}
