package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.ResultSet;
import java.sql.SQLException;
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
}
