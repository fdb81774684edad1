package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import org.h2.jdbcx.JdbcDataSource;
import org.jooq.SQLDialect;
import org.jooq.exception.DataAccessException;
import org.junit.jupiter.api.Test;

/** What the soak has found, each in small. */
class SoakFindingsTest {
    @Test
    void an_error_without_a_state_as_pools_throw_it_is_not_worth_another_try() {
        assertThat(Db.isWorthAnotherTry(new SQLTransientConnectionException("no connection within 2000 ms")))
                .isFalse();
        assertThat(Db.isWorthAnotherTry(new SQLException("deadlock", "40P01"))).isTrue();
    }

    @Test
    void what_jooq_wraps_comes_out_as_what_the_driver_threw() {
        JdbcDataSource dataSource = new JdbcDataSource();
        dataSource.setURL("jdbc:h2:mem:soak-findings");
        Db db = new Db(dataSource, SQLDialect.H2, null, null);
        assertThatThrownBy(() -> db.autocommit(connection -> {
                    throw new DataAccessException("select 1", new SQLException("gone", "57P01", 7));
                }))
                .isInstanceOfSatisfying(SQLException.class, e -> {
                    assertThat(e.getSQLState()).isEqualTo("57P01");
                    assertThat(e.getErrorCode()).isEqualTo(7);
                });
    }
}
