package dev.tenfold.query.keyset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.MariaDbServer;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.jooq.SQLDialect;
import org.junit.jupiter.api.Test;

class MariaDbKeysetTest extends KeysetContract {
    private static final DataSource DATABASE = create();

    private static DataSource create() {
        MariaDbServer server = MariaDbServer.shared();
        return server.dataSource(server.createDatabase());
    }

    @Override
    DataSource database() {
        return DATABASE;
    }

    @Override
    SQLDialect dialect() {
        return SQLDialect.MARIADB;
    }

    @Override
    String timestamp() {
        return "datetime(6)";
    }

    @Test
    void values_of_its_own_types_keep_their_last_digit() throws SQLException {
        exact("bigint unsigned", "0", "9223372036854775808", "18446744073709551615");
        exact("tinyint(1)", "-1", "0", "1", "2", "3");
        exact("bit(1)", "0", "1");
        exact("time", "'-100:00:00'", "'-10:00:00'", "'02:30:00'", "'30:00:00'", "'100:00:00'");
        exact("time(6)", "'-00:00:00.000001'", "'02:30:00.000001'", "'02:30:00.000002'");
        exact("timestamp(6)", "'2026-07-01 02:30:00.000001'", "'2026-07-01 02:30:00.000002'");
        exact("binary(2)", "X'0000'", "X'00ff'", "X'ffff'");
        exact("varbinary(10)", "X''", "X'00'", "X'00ff'", "X'ff'");
        exact("uuid", "'00000000-0000-0000-0000-000000000001'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'");
    }

    @Test
    void what_is_not_compared_with_what_it_gives_is_refused() throws SQLException {
        refuses("float");
        refuses("bit(8)");
        refuses("year");
    }

    private void refuses(String type) throws SQLException {
        run("drop table if exists item", "create table item (id bigint primary key, v " + type + " not null)");
        Keyset keyset = Keyset.columns("v not null", "id unique").signedWith(SECRET);

        assertThatThrownBy(() -> keyset.fetch(connection, "select id, v from item where {keyset}", row -> 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("column v is a " + type.replaceAll("\\(.*", ""))
                .hasMessageContaining("cast");
    }

    @Test
    void a_late_page_reads_the_index_from_its_place() throws SQLException {
        run(
                "create table item (id bigint primary key, a int not null, n int, key by_a (a, id), key by_mixed (a desc, id), key by_n (n, id))");
        run("insert into item select seq, seq div 3, nullif(seq div 3, 0) from seq_0_to_19999", "analyze table item");

        assertThat(readsOfLatePage(Keyset.columns("a desc not null", "id unique"), "a"))
                .isLessThan(80);
        assertThat(readsOfLatePage(Keyset.columns("a not null", "id unique"), "a"))
                .isLessThan(80);
        assertThat(readsOfLatePage(Keyset.columns("n desc nulls first", "id desc unique"), "n"))
                .isLessThan(80);
    }

    private long readsOfLatePage(Keyset keyset, String column) throws SQLException {
        Keyset signed = keyset.signedWith(SECRET);
        String sql = "select id, " + column + " from item where {keyset}";
        String cursor = signed.limit(1)
                .after(null)
                .fetch(
                        connection,
                        "select id, " + column + " from item where " + column + " > 3000 and " + column
                                + " < 4000 and {keyset}",
                        row -> 1)
                .next()
                .orElseThrow();
        run("flush status");
        assertThat(signed.after(cursor)
                        .limit(20)
                        .fetch(connection, sql, row -> 1)
                        .items())
                .hasSize(20);
        long reads = 0;
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("show session status like 'Handler_read%'")) {
            while (rows.next()) reads += rows.getLong(2);
        }
        return reads;
    }
}
