package dev.tenfold.demo;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.CountingDataSource;
import java.security.SecureRandom;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import javax.sql.DataSource;

/** The application on two nodes, each with a pool of its own, and with a cache of its own if there is one. */
final class TwoNodes implements AutoCloseable {
    private static final Duration REDIS_COMES_WITHIN = Duration.ofSeconds(20);

    private static final int FILL_ROUNDS = 5;
    private static final int FILL_THREADS = 16;

    private final List<FeedServer> servers = new ArrayList<>();
    private final List<HikariDataSource> pools = new ArrayList<>();
    private final List<CachedFeed> caches = new ArrayList<>();
    private final List<RedisLink> links = new ArrayList<>();
    private final List<ClientLimit> limits = new ArrayList<>();
    private final List<Tokens> tokens = new ArrayList<>();
    private final List<CountingDataSource> tokenTables = new ArrayList<>();
    private final LongAdder tokensSeen = new LongAdder();
    private final Deque<Runnable> closes = new ArrayDeque<>();

    private TwoNodes() {}

    static TwoNodes withQuery(DataSource database, StaleReads stale) throws Exception {
        TwoNodes nodes = new TwoNodes();
        for (int i = 0; i < 2; i++) {
            HikariDataSource pool = nodes.pool(database);
            nodes.serve(FeedServer.start(new BatchedFeed(pool), new Comments(pool, stale), exchange -> true));
        }
        return nodes;
    }

    static TwoNodes withCache(DataSource database, String redis, StaleReads stale) throws Exception {
        return withCache(database, redis, stale, (nodes, link, pool) -> exchange -> true);
    }

    /** Each node takes pictures, too. */
    static TwoNodes withCacheAndPictures(
            DataSource database, String redis, StaleReads stale, Function<DataSource, Pictures> pictures)
            throws Exception {
        return withCache(database, redis, stale, (nodes, link, pool) -> exchange -> true, pictures);
    }

    static TwoNodes withCacheAndLimit(DataSource database, String redis, StaleReads stale) throws Exception {
        return withCache(database, redis, stale, (nodes, link, pool) -> nodes.limit(link));
    }

    static TwoNodes withCacheAndTokenTable(DataSource database, String redis, StaleReads stale) throws Exception {
        return withCache(database, redis, stale, (nodes, link, pool) -> nodes.tokens(pool, TokenTable::new));
    }

    static TwoNodes withCacheAndTokenCache(DataSource database, String redis, StaleReads stale) throws Exception {
        byte[] pepper = new byte[32];
        new SecureRandom().nextBytes(pepper);
        return withCache(
                database,
                redis,
                stale,
                (nodes, link, pool) -> nodes.tokens(pool, counted -> new CachedTokens(link, pepper, counted)));
    }

    /** Makes what looks at the requests of one node. */
    private interface Gates {
        FeedServer.Gate gate(TwoNodes nodes, RedisLink link, DataSource pool);
    }

    private static TwoNodes withCache(DataSource database, String redis, StaleReads stale, Gates gates)
            throws Exception {
        Function<DataSource, Pictures> none = pool -> (post, picture) -> {
            throw new UnsupportedOperationException("this node takes no pictures");
        };
        return withCache(database, redis, stale, gates, none);
    }

    private static TwoNodes withCache(
            DataSource database, String redis, StaleReads stale, Gates gates, Function<DataSource, Pictures> pictures)
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
            nodes.serve(FeedServer.start(feed, feed, pictures.apply(pool), gates.gate(nodes, link, pool)));
        }
        return nodes;
    }

    /** As many connections as requests can use at once. */
    private HikariDataSource pool(DataSource database) {
        HikariDataSource pool = Site.pool(database, FeedServer.REQUEST_THREADS);
        closes.push(pool::close);
        pools.add(pool);
        return pool;
    }

    private ClientLimit limit(RedisLink link) {
        ClientLimit limit = new ClientLimit(link);
        closes.push(limit::close);
        limits.add(limit);
        return limit;
    }

    private FeedServer.Gate tokens(DataSource pool, Function<DataSource, Tokens> version) {
        CountingDataSource counted = CountingDataSource.of(pool);
        Tokens made = version.apply(counted);
        closes.push(made::close);
        tokenTables.add(counted);
        tokens.add(made);
        return exchange -> {
            tokensSeen.increment();
            return made.admits(exchange);
        };
    }

    private void serve(FeedServer server) {
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

    /** Shows these tokens to every node that remembers tokens. */
    void fillTokens(Collection<String> shown) throws InterruptedException, ExecutionException {
        ExecutorService threads = Executors.newFixedThreadPool(FILL_THREADS);
        try {
            for (Tokens node : tokens) {
                if (node instanceof CachedTokens cached) {
                    List<Callable<Boolean>> calls = new ArrayList<>();
                    shown.forEach(token -> calls.add(() -> cached.verify(token).isVerified()));
                    for (Future<Boolean> call : threads.invokeAll(calls)) {
                        if (!call.get()) {
                            throw new IllegalStateException("a token of the table was not accepted");
                        }
                    }
                }
            }
        } finally {
            threads.shutdownNow();
        }
    }

    /** Connections that requests have borrowed just now. */
    int borrowed() {
        return pools.stream()
                .mapToInt(pool -> pool.getHikariPoolMXBean().getActiveConnections())
                .sum();
    }

    /** As many as there can be. */
    int connections() {
        return pools.stream().mapToInt(HikariDataSource::getMaximumPoolSize).sum();
    }

    Tokens tokensOfFirstNode() {
        return tokens.get(0);
    }

    /** Forgets what it has counted of tokens. */
    void countTokensAnew() {
        tokensSeen.reset();
        tokenTables.forEach(CountingDataSource::reset);
    }

    /** Requests whose token was looked at. */
    long tokensSeen() {
        return tokensSeen.sum();
    }

    /** Statements about tokens. */
    long tokenQueries() {
        return tokenTables.stream().mapToLong(CountingDataSource::statements).sum();
    }

    /** The time in them. */
    Duration tokenBusy() {
        return tokenTables.stream().map(CountingDataSource::busy).reduce(Duration.ZERO, Duration::plus);
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
