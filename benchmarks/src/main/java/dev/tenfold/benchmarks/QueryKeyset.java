package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.keyset.Keyset;
import dev.tenfold.query.keyset.Page;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;

/**
 * The first page of a long list, and one far down: by key, as ours and by hand, and by counting rows. All over JDBC, with the
 * same index.
 */
final class QueryKeyset {
    private static final int ROWS = 1_000_000;
    private static final int LIMIT = 20;
    private static final int DEEP_PAGE = 10_000;
    private static final double NANOS_PER_MILLI = 1e6;
    private static final byte[] SECRET = "sixteen bytes and some more".getBytes(UTF_8);

    private static final Keyset BY_AGE =
            Keyset.columns("created desc not null", "id desc unique").signedWith(SECRET);

    private static final String OURS = "select id, created, title from article where {keyset}";
    private static final String OFFSET =
            "select id, created, title from article order by created desc, id desc limit ? offset ?";
    private static final String FIRST = "select id, created, title from article order by created desc, id desc limit ?";
    private static final String AFTER = "select id, created, title from article where (created, id) < (?, ?)"
            + " order by created desc, id desc limit ?";

    private QueryKeyset() {}

    /** A row. */
    record Article(long id, Timestamp created, String title) {
        static Article of(ResultSet row) throws SQLException {
            return new Article(row.getLong(1), row.getTimestamp(2), row.getString(3));
        }
    }

    /** Reads a page of {@link #LIMIT}. */
    interface Work {
        List<Article> page() throws Exception;
    }

    /** One way to do the work. */
    record Way(String name, String settings, Work work) {}

    static void run(Session session) throws Exception {
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        session.say("");
        session.say("query.keyset: making " + ROWS + " articles with an index on (created desc, id desc); pages of "
                + LIMIT);
        create(server.dataSource(database), ROWS);
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(server.jdbcUrl(database));
        config.setMaximumPoolSize(1);
        try (HikariDataSource pool = new HikariDataSource(config)) {
            compare(session, "first", ways(pool, 1));
            compare(session, "offset", ways(pool, DEEP_PAGE));
        }
    }

    static void create(DataSource dataSource, int rows) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            String table = """
                create table article (id bigint primary key, created timestamptz not null, title text not null);
                insert into article
                  select i, timestamptz '2026-01-01' + make_interval(secs => i / 3), 'article ' || i
                  from generate_series(1, %d) i;
                create index article_by_age on article (created desc, id desc);
                vacuum analyze article
                """.formatted(rows);
            for (String sql : table.split(";", -1)) {
                statement.execute(sql);
            }
        }
    }

    /** Ways to read a page, counted from 1. */
    static List<Way> ways(DataSource dataSource, int number) throws Exception {
        int skip = (number - 1) * LIMIT;
        Keyset ours = BY_AGE.limit(LIMIT);
        Work hand = () -> list(dataSource, FIRST, LIMIT);
        if (skip > 0) {
            Page<Article> before = BY_AGE.maxLimit(skip).limit(skip).fetch(dataSource, OURS, Article::of);
            ours = ours.after(before.next().orElseThrow());
            Article last = before.items().get(skip - 1);
            hand = () -> list(dataSource, AFTER, last.created(), last.id(), LIMIT);
        }
        Keyset page = ours;
        return List.of(
                new Way(
                        "ours",
                        "Keyset.columns(\"created desc not null\", \"id desc unique\"), cursors signed and read per page",
                        () -> page.fetch(dataSource, OURS, Article::of).items()),
                new Way("limit", "by hand: where (created, id) < (?, ?) … limit; no cursors", hand),
                new Way(
                        "offset",
                        "order by created desc, id desc limit ? offset ?",
                        () -> list(dataSource, OFFSET, LIMIT, skip)));
    }

    private static List<Article> list(DataSource dataSource, String sql, Object... binds) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < binds.length; i++) {
                statement.setObject(i + 1, binds[i]);
            }
            List<Article> articles = new ArrayList<>(LIMIT);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    articles.add(Article.of(rows));
                }
            }
            return articles;
        }
    }

    private static void compare(Session session, String what, List<Way> ways) throws Exception {
        String title = "query.keyset." + what;
        session.say(title + ": page " + (what.equals("first") ? 1 : DEEP_PAGE) + ", time per page");
        List<Contender> contenders = ways.stream()
                .map(way -> new Contender(
                        way.name(), way.settings(), unused -> way.work().page().hashCode()))
                .toList();
        if (what.equals("first")) session.settings(contenders);
        Effort effort = session.quick()
                ? new Effort(Duration.ofMillis(500), Duration.ofSeconds(6), Duration.ofMillis(30))
                : new Effort(Duration.ofSeconds(5), Duration.ofSeconds(60), Duration.ofMillis(30));
        Samples samples = Rounds.run(title, contenders, 1, effort, session.progress());
        session.say(samples.rounds("ours") + " rounds");
        session.emit(samples.row(title, "ours", "offset", "ms/page", NANOS_PER_MILLI));
        session.emit(samples.row(title + ".limit", "ours", "limit", "ms/page", NANOS_PER_MILLI));
    }
}
