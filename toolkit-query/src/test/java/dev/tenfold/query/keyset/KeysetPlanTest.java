package dev.tenfold.query.keyset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jooq.Field;
import org.jooq.SQLDialect;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** On 200,000 rows a page in the middle reads a range of an index as long as the page, and sorts nothing. */
class KeysetPlanTest {
    private static final byte[] SECRET = new byte[32];
    private static final String SQL = "select id, created, published from post where {keyset}";
    private static final Pattern VALUE = Pattern.compile("\\{(\\d+)\\}");
    private static final Pattern ROWS = Pattern.compile("actual rows=(\\d+)|Rows Removed by [\\w ]+: (\\d+)");
    private static final CountingDataSource DATABASE = CountingDataSource.of(
            PostgresServer.shared().dataSource(PostgresServer.shared().createDatabase()));

    @BeforeAll
    static void fill() throws SQLException {
        try (Connection connection = DATABASE.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("create table post (id bigint primary key, created timestamp not null, published int)");
            statement.execute("insert into post select i, timestamp '2026-01-01' + (i / 3) * interval '1 second',"
                    + " case when i % 2 = 0 then i / 6 end from generate_series(1, 200000) i");
            statement.execute("create index by_age on post (created, id)");
            statement.execute("create index by_both on post (created desc, id)");
            statement.execute("create index by_published on post (published, id)");
            statement.execute("vacuum analyze post");
        }
    }

    /** Explains the last statement, with the values of the cursor that it was of. */
    private static String explained(KeysetOptions<?> keyset) throws SQLException {
        Position from = keyset.settings.from();
        assertThat(from).isNotNull();
        if (from == null) throw new AssertionError("no cursor");
        String text = DATABASE.sql().get(DATABASE.sql().size() - 1);
        Matcher values = VALUE.matcher(
                Seek.parts(Dialect.POSTGRES, keyset.directed(), from).get(0));
        StringBuilder literal = new StringBuilder();
        int copied = 0;
        while (values.find()) {
            int i = Integer.parseInt(values.group(1)) - keyset.columns.size();
            if (i < 0) continue;
            int at = text.indexOf('?', copied);
            literal.append(text, copied, at)
                    .append("'")
                    .append(from.key().get(i))
                    .append("'");
            copied = at + 1;
        }
        literal.append(text.substring(copied));
        List<String> plan = new ArrayList<>();
        try (Connection connection = DATABASE.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows =
                        statement.executeQuery("explain (analyze, costs off, timing off, summary off) " + literal)) {
            while (rows.next()) plan.add(rows.getString(1));
        }
        return literal + "\n" + String.join("\n", plan);
    }

    private static void readsLittle(String plan) {
        assertThat(plan).contains("Index").doesNotContain("Sort").doesNotContain("Seq Scan");
        Matcher rows = ROWS.matcher(plan);
        while (rows.find()) {
            long count = Long.parseLong(rows.group(1) != null ? rows.group(1) : rows.group(2));
            assertThat(count).as(plan).isLessThanOrEqualTo(25);
        }
    }

    private static String cursor(Keyset keyset, String where) throws SQLException {
        return keyset.limit(1)
                .fetch(DATABASE, SQL.replace("{keyset}", where + " and {keyset}"), row -> 1)
                .next()
                .orElseThrow();
    }

    private static void forthAndBackReadsLittle(Keyset keyset, String place) throws SQLException {
        String cursor = cursor(keyset, place);
        for (Keyset at : List.of(keyset.after(cursor), keyset.before(cursor))) {
            assertThat(at.fetch(DATABASE, SQL, row -> 1).items()).hasSize(20);
            readsLittle(explained(at));
        }
    }

    @Test
    void a_comparison_of_rows_reads_its_page() throws SQLException {
        Keyset keyset =
                Keyset.columns("created desc not null", "id desc unique").signedWith(SECRET);

        forthAndBackReadsLittle(keyset, "id < 100000");
        assertThat(DATABASE.sql()).anyMatch(sql -> sql.contains("(created, id) > (?, ?)"));
    }

    @Test
    void a_condition_written_out_reads_its_page() throws SQLException {
        Keyset keyset = Keyset.columns("created desc not null", "id unique").signedWith(SECRET);

        forthAndBackReadsLittle(keyset, "created < '2026-01-01 08:00'");
        assertThat(DATABASE.sql()).anyMatch(sql -> sql.contains("created >= ? and (created > ? or "));
    }

    @Test
    void values_read_their_page_wherever_nulls_go() throws SQLException {
        forthAndBackReadsLittle(
                Keyset.columns("published desc nulls last", "id desc unique").signedWith(SECRET), "published < 16000");
        forthAndBackReadsLittle(
                Keyset.columns("published nulls first", "id unique").signedWith(SECRET), "published > 16000");
    }

    @Test
    void nulls_read_their_page_wherever_they_go() throws SQLException {
        forthAndBackReadsLittle(
                Keyset.columns("published desc nulls last", "id desc unique").signedWith(SECRET),
                "published is null and id < 100000");
        forthAndBackReadsLittle(
                Keyset.columns("published nulls first", "id unique").signedWith(SECRET),
                "published is null and id > 100000");
    }

    @Test
    void jooqs_statements_read_their_page_too() throws SQLException {
        Field<Long> id = DSL.field(DSL.unquotedName("id"), SQLDataType.BIGINT);
        Field<java.time.LocalDateTime> created = DSL.field(
                DSL.unquotedName("created"), SQLDataType.LOCALDATETIME(6).notNull());
        for (JooqKeyset keyset : List.of(
                Keyset.byUnique(created.desc(), id.desc()).signedWith(SECRET),
                Keyset.byUnique(created.desc(), id.asc()).signedWith(SECRET))) {
            var dsl = DSL.using(DATABASE, SQLDialect.POSTGRES);
            String cursor = keyset.limit(1)
                    .fetch(dsl.select(id, created)
                            .from("post")
                            .where(id.lt(100_000L).and(id.gt(99_990L))))
                    .next()
                    .orElseThrow();
            JooqKeyset at = keyset.after(cursor);
            assertThat(at.fetch(dsl.select(id, created).from("post")).items()).hasSize(20);
            readsLittle(explained(at));
        }
    }
}
