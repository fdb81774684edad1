package dev.tenfold.benchmarks;

import dev.tenfold.benchmarks.Feed.Author;
import dev.tenfold.benchmarks.Feed.Page;
import dev.tenfold.benchmarks.Feed.Post;
import dev.tenfold.benchmarks.Feed.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.dataloader.BatchLoader;
import org.dataloader.DataLoader;
import org.dataloader.DataLoaderFactory;

/** The work by java-dataloader: a new loader per request, as its documentation asks for. */
final class DataLoaderPeer {
    static final String SETTINGS = "java-dataloader " + Versions.of("java-dataloader")
            + ", a new DataLoader per request, load per post, dispatchAndJoin, its list in order; cache on (the default),"
            + " as it removes repeated keys";

    private DataLoaderPeer() {}

    /** Reads rows in any order. */
    interface Rows {
        List<Author> byIds(List<Long> ids) throws Exception;
    }

    /** The batch function: values in the order of the keys, completed on the calling thread. */
    static BatchLoader<Long, Author> batch(Rows rows) {
        return ids -> {
            try {
                Map<Long, Author> byId = HandWritten.index(rows.byIds(ids));
                List<Author> ordered = new ArrayList<>(ids.size());
                for (Long id : ids) {
                    ordered.add(HandWritten.get(byId, id));
                }
                return CompletableFuture.completedFuture(ordered);
            } catch (Exception e) {
                return CompletableFuture.failedFuture(e);
            }
        };
    }

    static List<View> views(BatchLoader<Long, Author> batch, Page page) {
        List<Post> posts = page.posts();
        DataLoader<Long, Author> loader = DataLoaderFactory.newDataLoader(batch);
        for (Post post : posts) {
            var unused = loader.load(post.authorId());
        }
        List<Author> authors = loader.dispatchAndJoin(); // one per load, as no key repeats
        List<View> views = new ArrayList<>(posts.size());
        for (int i = 0; i < posts.size(); i++) {
            views.add(View.of(posts.get(i), authors.get(i)));
        }
        return views;
    }
}
