package dev.tenfold.benchmarks;

import dev.tenfold.benchmarks.Feed.Author;
import dev.tenfold.benchmarks.Feed.Page;
import dev.tenfold.benchmarks.Feed.Post;
import dev.tenfold.benchmarks.Feed.View;
import dev.tenfold.query.LoadScope;
import dev.tenfold.query.Loader;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.dataloader.BatchLoader;

/**
 * The work without a database: a batch function that reads an array, so that what is left is the bookkeeping of keys.
 *
 * <p>The batch function returns rows in any order, as a statement would; all contenders index them by key.
 */
final class Bookkeeping {
    static final int KEYS = 500;

    /** Above what the JVM caches of boxed numbers. */
    private static final int FIRST_ID = 1_000;

    final Page page;
    final Loader<Long, Author> loader = Loader.of(ids -> rows(ids), Author::id);
    final Loader<Long, Author> again = Loader.of(ids -> rows(ids), Author::id);
    final BatchLoader<Long, Author> dataLoader = DataLoaderPeer.batch(this::rows);
    private final Author[] authors;

    Bookkeeping() {
        authors = IntStream.range(FIRST_ID, FIRST_ID + KEYS)
                .mapToObj(id -> new Author((long) id, "author " + id, id % 97, (long) FIRST_ID, "about " + id))
                .toArray(Author[]::new);
        List<Author> shuffled = new ArrayList<>(List.of(authors));
        Collections.shuffle(shuffled, new Random(42));
        List<Post> posts = new ArrayList<>();
        for (Author author : shuffled) {
            // A key of its own, not the row's object.
            posts.add(new Post((long) posts.size(), "post " + posts.size(), Long.valueOf(author.id() + 0)));
        }
        page = new Page(0, List.copyOf(posts));
    }

    private List<Author> rows(Collection<Long> ids) {
        List<Author> rows = new ArrayList<>(ids.size());
        for (Long id : ids) {
            rows.add(authors[(int) (id - FIRST_ID)]);
        }
        return rows;
    }

    List<View> hashMap() {
        List<Post> posts = page.posts();
        List<Long> ids = new ArrayList<>(posts.size());
        for (Post post : posts) {
            ids.add(post.authorId());
        }
        Map<Long, Author> byId = HandWritten.index(rows(ids));
        List<View> views = new ArrayList<>(posts.size());
        for (Post post : posts) {
            views.add(View.of(post, HandWritten.get(byId, post.authorId())));
        }
        return views;
    }

    /** The least that a loader with futures must do: a map that removes repeated keys, and a future for each key. */
    List<View> futures() {
        List<Post> posts = page.posts();
        Map<Long, CompletableFuture<Author>> byId = new LinkedHashMap<>(posts.size() * 4 / 3 + 1);
        List<CompletableFuture<Author>> asked = new ArrayList<>(posts.size());
        for (Post post : posts) {
            asked.add(byId.computeIfAbsent(post.authorId(), id -> new CompletableFuture<>()));
        }
        for (Author author : rows(byId.keySet())) {
            CompletableFuture<Author> future = byId.get(author.id());
            if (future != null) {
                future.complete(author);
            }
        }
        List<View> views = new ArrayList<>(posts.size());
        for (int i = 0; i < posts.size(); i++) {
            views.add(View.of(posts.get(i), asked.get(i).join()));
        }
        return views;
    }

    List<View> peers() {
        return Ours.peers(loader, page);
    }

    List<View> scope() {
        return Ours.scope(loader, page);
    }

    /** As {@link #scope}, and a second blocking load of each member, from a loader of its own. */
    List<View> scopeOfTwoLevels() {
        return LoadScope.each(page.posts(), post -> {
            Author author = loader.load(post.authorId());
            return View.of(post, again.load(author.id()));
        });
    }

    List<View> dataLoader() {
        return DataLoaderPeer.views(dataLoader, page);
    }
}
