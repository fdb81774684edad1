package dev.tenfold.demo;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;

/** Before the first stage: the application's tables and their rows; and the index that the first version forgot. */
final class Schema {
    static final int AUTHORS = 5_000;
    static final int POSTS = 2_000;
    static final int COMMENTS = POSTS * 12;

    private final DataSource dataSource;

    Schema(DataSource dataSource) {
        this.dataSource = dataSource;
    }

    /** Creates and fills the tables, the same in every run. */
    void create() throws SQLException {
        run(
                """
                create table authors (
                    id         bigint primary key,
                    name       text not null,
                    joined_at  timestamptz not null)
                """,
                """
                create table posts (
                    id         bigint primary key,
                    author_id  bigint not null references authors,
                    title      text not null,
                    created_at timestamptz not null)
                """,
                """
                create table comments (
                    id         bigint primary key,
                    post_id    bigint not null references posts,
                    author_id  bigint not null references authors,
                    body       text not null,
                    created_at timestamptz not null)
                """,
                """
                insert into authors
                select i, 'Author ' || i, timestamptz '2026-01-01 00:00Z' + i * interval '1 minute'
                from generate_series(1, %d) i
                """.formatted(AUTHORS),
                """
                insert into posts
                select i, 1 + i * 7919 %% %d, 'Post ' || i || ', "quoted" and to the point',
                       timestamptz '2026-02-01 00:00Z' + i * interval '1 minute'
                from generate_series(1, %d) i
                """.formatted(AUTHORS, POSTS),
                // Each post gets one comment a round, so the comments of a post lie far apart, as they do in life.
                """
                insert into comments
                select i, 1 + i * 1009 %% %d, 1 + i * 104729 %% %d, 'Comment ' || i || ': well said, and worth a reply',
                       timestamptz '2026-03-01 00:00Z' + i * interval '1 second'
                from generate_series(1::bigint, %d) i
                """.formatted(POSTS, AUTHORS, COMMENTS),
                "vacuum analyze");
    }

    /** PostgreSQL does not index a foreign key by itself. */
    void dropForeignKeyIndex() throws SQLException {
        run("drop index if exists comments_post_id");
    }

    void createForeignKeyIndex() throws SQLException {
        run("create index if not exists comments_post_id on comments (post_id)", "analyze comments");
    }

    /** The post that a reader's page starts at; any two readers with the same key see the same page. */
    static long startOf(String pageKey) {
        int spread = pageKey.hashCode() * 0x9E3779B1;
        return (long) Feed.POSTS_A_PAGE + Math.floorMod(spread ^ spread >>> 15, POSTS - Feed.POSTS_A_PAGE);
    }

    private void run(String... statements) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
    }
}
