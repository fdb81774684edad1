package dev.tenfold.benchmarks;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import javax.sql.DataSource;

/**
 * The data behind the comparisons of the query topic: pages of posts, and a large table of authors.
 *
 * <p>A page of posts is given; the work is to make a list of views, each a post with its author. All posts of a page have
 * different authors, drawn from the whole table.
 */
final class Feed {
    static final String AUTHOR_BY_ID = "select id, name, karma, mentor_id, about from author where id = ?";
    static final String AUTHORS_BY_ID = "select id, name, karma, mentor_id, about from author where id = any(?)";

    /** An author, and who taught them: another author. */
    record Author(Long id, String name, int karma, Long mentorId, String about) {
        static Author map(ResultSet row) throws SQLException {
            return new Author(row.getLong(1), row.getString(2), row.getInt(3), row.getLong(4), row.getString(5));
        }
    }

    /** A post. */
    record Post(Long id, String title, Long authorId) {}

    /** Some posts that are shown together. */
    record Page(int number, List<Post> posts) {}

    /** What the work is to make of a post. */
    record View(Long postId, String title, String author, int karma, String about) {
        static View of(Post post, Author author) {
            return new View(post.id(), post.title(), author.name(), author.karma(), author.about());
        }
    }

    private Feed() {}

    /** Depends on every view and on their order, and costs a few nanoseconds a view. */
    static long checksum(List<View> views) {
        long sum = views.size();
        for (View view : views) {
            sum = 31 * sum
                    + (view.postId() ^ view.karma())
                    + view.author().length()
                    + view.about().length();
        }
        return sum;
    }

    /** Makes and fills the tables of an empty database; returns the pages. Takes about 10 s for a million authors. */
    static List<Page> create(DataSource dataSource, int authors, int pages, int postsPerPage) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("create table author (id bigint primary key, name text not null, karma int not null,"
                    + " mentor_id bigint not null, about text not null)");
            statement.execute("insert into author select i, 'author ' || i, (i * 7919) % 10007, 1 + (i * 104729) % "
                    + authors + ", md5(i::text) from generate_series(1::bigint, " + authors + ") i");
            statement.execute("create table post (id bigint primary key, page int not null, title text not null,"
                    + " author_id bigint not null references author)");
            List<Page> made = new ArrayList<>();
            Random random = new Random(42);
            for (int number = 0; number < pages; number++) {
                made.add(new Page(number, insertPosts(statement, number, postsPerPage, authors, random)));
            }
            statement.execute("create index post_by_page on post (page, id)");
            statement.execute("vacuum analyze");
            statement.execute("checkpoint");
            return made;
        }
    }

    private static List<Post> insertPosts(Statement statement, int page, int count, int authors, Random random)
            throws SQLException {
        List<Post> posts = new ArrayList<>();
        Set<Long> drawn = new HashSet<>();
        StringBuilder values = new StringBuilder();
        while (posts.size() < count) {
            long author = 1L + random.nextInt(authors);
            if (drawn.add(author)) {
                long id = (long) page * count + posts.size();
                Post post = new Post(id, "post " + id, author);
                posts.add(post);
                values.append(values.isEmpty() ? "" : ",")
                        .append("(%d, %d, '%s', %d)".formatted(id, page, post.title(), author));
            }
        }
        statement.execute("insert into post (id, page, title, author_id) values " + values);
        return List.copyOf(posts);
    }
}
