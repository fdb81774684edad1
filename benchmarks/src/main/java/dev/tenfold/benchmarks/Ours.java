package dev.tenfold.benchmarks;

import dev.tenfold.benchmarks.Feed.Author;
import dev.tenfold.benchmarks.Feed.Page;
import dev.tenfold.benchmarks.Feed.Post;
import dev.tenfold.benchmarks.Feed.View;
import dev.tenfold.query.LoadScope;
import dev.tenfold.query.Loader;
import dev.tenfold.query.Peers;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;

/** The work by Tenfold's loaders. */
final class Ours {
    static final String PEERS_SETTINGS = "Loader.jdbc with = any(?), across(page), a plain loop; defaults";
    static final String SCOPE_SETTINGS =
            "Loader.jdbc with = any(?), LoadScope.each(page), a blocking load per post on its virtual thread; defaults";

    private Ours() {}

    static Loader<Long, Author> loader(DataSource dataSource) {
        return Loader.jdbc(dataSource, Feed.AUTHORS_BY_ID, Author::map, Author::id);
    }

    /** Whether the runtime has the threads that load scopes are made for. */
    static boolean hasVirtualThreads() {
        return Runtime.version().feature() >= 21;
    }

    static List<View> peers(Loader<Long, Author> authors, Page page) {
        Peers<Post, Author> author = authors.across(page.posts(), Post::authorId);
        List<View> views = new ArrayList<>(page.posts().size());
        for (Post post : page.posts()) {
            views.add(View.of(post, author.of(post)));
        }
        return views;
    }

    static List<View> scope(Loader<Long, Author> authors, Page page) {
        return LoadScope.each(page.posts(), post -> View.of(post, authors.load(post.authorId())));
    }
}
