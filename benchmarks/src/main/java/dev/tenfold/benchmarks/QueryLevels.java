package dev.tenfold.benchmarks;

import dev.tenfold.benchmarks.Feed.Author;
import dev.tenfold.benchmarks.Feed.Page;
import dev.tenfold.benchmarks.Feed.Post;
import dev.tenfold.query.LoadScope;
import dev.tenfold.query.Loader;
import dev.tenfold.query.Peers;
import dev.tenfold.testkit.CountingDataSource;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.sql.DataSource;

/** Counts the statements of two levels: the authors of a page's posts, and the mentors of those authors. */
final class QueryLevels {
    private static final int LEVELS = 2;

    private QueryLevels() {}

    static void run(Session session, DataSource dataSource, Page page) throws SQLException {
        CountingDataSource counted = CountingDataSource.of(dataSource);
        List<String> expected = any(counted, page);
        double theirs = perLevel(counted);

        List<String> peers = peers(Ours.loader(counted), page);
        double ours = perLevel(counted);
        check(expected, peers, "across");
        if (Ours.hasVirtualThreads()) {
            List<String> scope = scope(Ours.loader(counted), page);
            double quiescence = perLevel(counted);
            check(expected, scope, "LoadScope.each");
            ours = Math.max(ours, quiescence);
        }
        session.emit(Row.of("query.statements", "any", "statements/level", ours, theirs, Better.LOWER));
    }

    private static double perLevel(CountingDataSource counted) {
        double statements = counted.statements();
        counted.reset();
        return statements / LEVELS;
    }

    private static void check(List<String> expected, List<String> mentors, String way) {
        if (!mentors.equals(expected)) {
            throw new IllegalStateException(way + " finds other mentors than two hand-written statements do");
        }
    }

    /** The mentors' names, by one statement a level. */
    static List<String> any(DataSource dataSource, Page page) throws SQLException {
        Set<Long> authorIds = new HashSet<>();
        for (Post post : page.posts()) {
            authorIds.add(post.authorId());
        }
        Map<Long, Author> authors = HandWritten.index(HandWritten.byIds(dataSource, authorIds));
        Set<Long> mentorIds = new HashSet<>();
        for (Author author : authors.values()) {
            mentorIds.add(author.mentorId());
        }
        Map<Long, Author> mentors = HandWritten.index(HandWritten.byIds(dataSource, mentorIds));
        List<String> names = new ArrayList<>();
        for (Post post : page.posts()) {
            Author author = HandWritten.get(authors, post.authorId());
            names.add(HandWritten.get(mentors, author.mentorId()).name());
        }
        return names;
    }

    /** The same by two levels of peers. */
    static List<String> peers(Loader<Long, Author> loader, Page page) {
        Peers<Post, Author> author = loader.across(page.posts(), Post::authorId);
        List<Author> authors = page.posts().stream().map(author::of).toList();
        Peers<Author, Author> mentor = loader.across(authors, Author::mentorId);
        return authors.stream().map(each -> mentor.of(each).name()).toList();
    }

    /** The same by straight-line code in a scope. */
    static List<String> scope(Loader<Long, Author> loader, Page page) {
        return LoadScope.each(
                page.posts(),
                post -> loader.load(loader.load(post.authorId()).mentorId()).name());
    }
}
