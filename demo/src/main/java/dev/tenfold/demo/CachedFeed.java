package dev.tenfold.demo;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.tenfold.cache.CacheStats;
import dev.tenfold.cache.Codec;
import dev.tenfold.cache.JacksonCodec;
import dev.tenfold.cache.Stamp;
import dev.tenfold.cache.TieredCache;
import dev.tenfold.redis.RedisLink;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;

/** The same feed with toolkit-cache: what a page is made of stays in memory and in Redis until somebody comments on it. */
final class CachedFeed implements Feed, Writes, AutoCloseable {
    /** How old a post may be for a reader while Redis answers; most of the time it is a round trip. */
    static final Duration MAX_STALENESS = Duration.ofSeconds(2);

    /** How old a post may be while Redis is away, since the cache is told to go on serving what it has. */
    static final Duration LOCAL_LIFE = Duration.ofSeconds(30);

    /** How long the transaction of a comment may take. */
    private static final Duration GUARD = Duration.ofSeconds(30);

    private final BatchedFeed database;
    private final Writes comments;
    private final TieredCache<Long, List<Long>> timeline;
    private final TieredCache<Long, PostView> posts;

    CachedFeed(RedisLink redis, BatchedFeed database, Writes comments) {
        this.database = database;
        this.comments = comments;
        this.timeline = TieredCache.<Long, List<Long>>builder("timeline")
                .local(memory -> memory.expireAfterWrite(LOCAL_LIFE))
                .remote(redis, JacksonCodec.of(new TypeReference<List<Long>>() {}))
                .maxStaleness(MAX_STALENESS)
                .build();
        this.posts = TieredCache.<Long, PostView>builder("posts")
                .local(memory -> memory.expireAfterWrite(LOCAL_LIFE))
                .remote(redis, Codec.json(PostView.class))
                .maxStaleness(MAX_STALENESS)
                .build();
    }

    // snippet
    @Override
    public Page page(long fromPost) throws SQLException {
        List<Long> ids = timeline.getWith(fromPost, (from, load) -> database.idsFrom(from));
        var views = posts.getAll(ids, database::viewsOf);
        return new Page(List.copyOf(views.values()));
    }

    @Override
    public void comment(long post) throws Exception {
        boolean unused = posts.mutate(post, GUARD, () -> {
            comments.comment(post);
            return true;
        });
    }
    // end

    @Override
    public List<Comment> archive(long beforeComment) throws SQLException {
        return database.archive(beforeComment);
    }

    /** Forgets all, here and on the other node. */
    void clear() {
        for (TieredCache<?, ?> cache : List.of(posts, timeline)) {
            Stamp unused = cache.clear();
        }
    }

    /** Whether it has noticed that Redis has lost its memory, and has told it of every comment since. */
    boolean isInStepAgain() {
        return isInStepAgain(timeline.stats()) && isInStepAgain(posts.stats());
    }

    private static boolean isInStepAgain(CacheStats stats) {
        return stats.waiting() == 0 && stats.localClears() > 0;
    }

    @Override
    public void close() {
        posts.close();
        timeline.close();
    }
}
