package dev.tenfold.demo;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.redis.RedisLink;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import javax.sql.DataSource;

/** The application on two nodes, each with a pool of its own, and with a cache of its own if there is one. */
final class TwoNodes implements AutoCloseable {
    private static final Duration REDIS_COMES_WITHIN = Duration.ofSeconds(20);

    private static final int FILL_ROUNDS = 5;

    private final List<FeedServer> servers = new ArrayList<>();
    private final List<CachedFeed> caches = new ArrayList<>();
    private final List<RedisLink> links = new ArrayList<>();
    private final List<ClientLimit> limits = new ArrayList<>();
    private final Deque<Runnable> closes = new ArrayDeque<>();

    private TwoNodes() {}

    static TwoNodes withQuery(DataSource database, StaleReads stale) throws Exception {
        TwoNodes nodes = new TwoNodes();
        for (int i = 0; i < 2; i++) {
            HikariDataSource pool = nodes.pool(database);
            nodes.serve(new BatchedFeed(pool), new Comments(pool, stale), exchange -> true);
        }
        return nodes;
    }

    static TwoNodes withCache(DataSource database, String redis, StaleReads stale) throws Exception {
        return withCache(database, redis, stale, false);
    }

    static TwoNodes withCacheAndLimit(DataSource database, String redis, StaleReads stale) throws Exception {
        return withCache(database, redis, stale, true);
    }

    private static TwoNodes withCache(DataSource database, String redis, StaleReads stale, boolean limited)
            throws Exception {
        TwoNodes nodes = new TwoNodes();
        for (int i = 0; i < 2; i++) {
            HikariDataSource pool = nodes.pool(database);
            RedisLink link = RedisLink.connect(redis);
            nodes.closes.push(link::close);
            boolean unused = link.awaitUp(REDIS_COMES_WITHIN); // or the first pages would all come from the database
            CachedFeed feed = new CachedFeed(link, new BatchedFeed(pool), new Comments(pool, stale));
            nodes.closes.push(feed::close);
            nodes.links.add(link);
            nodes.caches.add(feed);
            nodes.serve(feed, feed, limited ? nodes.limit(link) : exchange -> true);
        }
        return nodes;
    }

    /** As many connections as requests can use at once. */
    private HikariDataSource pool(DataSource database) {
        HikariDataSource pool = Site.pool(database, FeedServer.REQUEST_THREADS);
        closes.push(pool::close);
        return pool;
    }

    private ClientLimit limit(RedisLink link) {
        ClientLimit limit = new ClientLimit(link);
        closes.push(limit::close);
        limits.add(limit);
        return limit;
    }

    private void serve(Feed feed, Writes writes, FeedServer.Gate gate) throws IOException {
        FeedServer server = FeedServer.start(feed, writes, gate);
        closes.push(server::close);
        servers.add(server);
    }

    List<FeedServer> servers() {
        return servers;
    }

    /**
     * Shows every post on every node, as in a service that has been running for a while; several times from the beginning,
     * so that what loads is compiled, too.
     */
    void fillCaches() throws SQLException {
        fillCaches(FILL_ROUNDS);
    }

    /** The same, by the code that was compiled before. */
    void fillCachesOnce() throws SQLException {
        fillCaches(1);
    }

    private void fillCaches(int rounds) throws SQLException {
        for (int round = 0; round < rounds; round++) {
            for (CachedFeed cache : caches) {
                cache.clear();
            }
            for (long start = Feed.POSTS_A_PAGE; start <= Schema.POSTS; start += Feed.POSTS_A_PAGE) {
                for (CachedFeed cache : caches) {
                    Feed.Page unused = cache.page(start);
                }
            }
        }
    }

    /** Whether both nodes have noticed that Redis has lost its memory, and it answers and has been told of every comment. */
    boolean areInStepAgain() {
        return links.stream().allMatch(RedisLink::isAvailable)
                && caches.stream().allMatch(CachedFeed::isInStepAgain);
    }

    /** Requests that the nodes have let pass or refused without Redis. */
    long decidedWithoutRedis() {
        return limits.stream().mapToLong(ClientLimit::degraded).sum();
    }

    /** How often a node has stopped asking Redis for the limit. */
    long limitOutages() {
        return limits.stream().mapToLong(ClientLimit::outages).sum();
    }

    /** Last opened, first closed. */
    @Override
    public void close() {
        while (!closes.isEmpty()) {
            closes.pop().run();
        }
    }
}
