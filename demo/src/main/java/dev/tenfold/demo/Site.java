package dev.tenfold.demo;

import static java.util.stream.Collectors.toSet;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.PostgresServer;
import dev.tenfold.testkit.RedisServer;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/** Where the stages take place: the database behind its network, and one run of one version under a load. */
final class Site implements AutoCloseable {
    /** What the network between application and database adds to each round trip. */
    static final Duration NETWORK = Duration.ofNanos(500_000);

    static final Duration GRACE = Duration.ofSeconds(1);
    static final int POOL = 10;

    /** What the network of a small database server carries, to each of the connections that two nodes use at once. */
    static final int MEGABITS = 64;

    /** One request in so many is a comment. An odd number, so that both nodes get them. */
    static final int WRITE_EVERY = 49;

    static final double USER_ASKS_EVERY_SECONDS = 20;

    private final Options options;
    private final Keys keys;
    private final Duration stageLength;
    private final Duration shortLength;
    private final Duration warmUp;
    private final Progress progress;
    private final PostgresServer postgres;
    private final FaultProxy network;
    private final RedisServer redis = RedisServer.start();
    private final FaultProxy redisNetwork = FaultProxy.to(redis.host(), redis.port());
    private final HttpClient client = HttpClient.newHttpClient();
    private final Schema schema;
    private final String name;
    private final CountingDataSource database;

    Site(Options options, Progress progress) throws SQLException {
        this(options, progress, PostgresServer.shared());
    }

    private Site(Options options, Progress progress, PostgresServer postgres) throws SQLException {
        this.options = options;
        this.postgres = postgres;
        this.network = FaultProxy.to(postgres.host(), postgres.port());
        this.keys = options.keys();
        this.stageLength = Duration.ofSeconds(options.quick() ? 3 : 12);
        this.shortLength = Duration.ofSeconds(options.quick() ? 3 : 4);
        this.warmUp = Duration.ofMillis(options.quick() ? 700 : 2_500);
        this.progress = progress;
        this.name = postgres.createDatabase();
        this.schema = new Schema(postgres.dataSource(name));
        PGSimpleDataSource plain = new PGSimpleDataSource();
        plain.setUrl(jdbcUrl());
        this.database = CountingDataSource.of(plain);
        schema.create();
        network.delay(NETWORK);
        redisNetwork.delay(NETWORK);
    }

    String postgresVersion() {
        return postgres.version();
    }

    String redisVersion() {
        return redis.version();
    }

    /** By way of the network. */
    String jdbcUrl() {
        return postgres.jdbcUrl(name, network);
    }

    /** The database by way of the network, counted. */
    DataSource database() {
        return database;
    }

    /** The database as who looks after it sees it: no network, and nothing counted. */
    DataSource direct() {
        return postgres.dataSource(name);
    }

    String redisUri() {
        return "redis://" + redisNetwork.host() + ":" + redisNetwork.port();
    }

    /** A few requests without any load, for the guard and the index check to look at. Says what they find. */
    Inspection.Found inspect() throws SQLException {
        List<Long> starts = IntStream.range(0, Inspection.REQUESTS)
                .mapToObj(n -> Schema.startOf(keys.at(n)))
                .toList();
        try (HikariDataSource pool = pool()) {
            Inspection.Found found = new Inspection(pool, direct(), schema, starts).run();
            progress.say(Words.inspection(found));
            return found;
        }
    }

    /** As first written: a new connection for each request, and no index on the comments' foreign key. */
    Measured naive(int users) throws Exception {
        schema.dropForeignKeyIndex();
        return measureOne("naive", NaiveFeed::new, database, users);
    }

    /** With toolkit-query, a pool, and the index. */
    Measured batched(int users) throws Exception {
        schema.createForeignKeyIndex();
        try (HikariDataSource pool = pool()) {
            return measureOne("with toolkit-query", BatchedFeed::new, pool, users);
        }
    }

    /** Two nodes with toolkit-query, and comments among the requests. */
    Measured queryOnTwoNodes(int users) throws Exception {
        StaleReads stale = new StaleReads(Duration.ZERO, Duration.ZERO);
        try (TwoNodes nodes = TwoNodes.withQuery(database, stale)) {
            return onTwoNodes(nodes, "with toolkit-query", users, stale, quiet());
        }
    }

    /** The same with toolkit-cache; and then once more, while Redis is killed in the second third of the time. */
    Cached cacheOnTwoNodes(int users) throws Exception {
        StaleReads stale = new StaleReads(CachedFeed.MAX_STALENESS, CachedFeed.LOCAL_LIFE);
        String uri = redisUri();
        try (TwoNodes nodes = TwoNodes.withCache(database, uri, stale)) {
            nodes.fillCaches();
            Measured cache = onTwoNodes(nodes, "with toolkit-cache", users, stale, quiet());
            try (RedisOutage outage = new RedisOutage(redis, nodes, stale, stageLength)) {
                Measured killed = onTwoNodes(nodes, "cache, Redis killed", users, stale, course(outage::begin));
                return new Cached(cache, killed, outage.await());
            }
        }
    }

    /**
     * Two nodes with toolkit-cache, and a {@link Flood} besides the users; the same with toolkit-ratelimit; and then once
     * more, while Redis is killed in the second third of the time.
     */
    Flooded floodOnTwoNodes(int users) throws Exception {
        String uri = redisUri();
        StaleReads stale = new StaleReads(CachedFeed.MAX_STALENESS, CachedFeed.LOCAL_LIFE);
        Under open;
        try (TwoNodes nodes = TwoNodes.withCache(database, uri, stale)) {
            nodes.fillCachesOnce();
            open = flooded(nodes, "with toolkit-cache", users, stale, () -> {});
        }
        StaleReads staleToo = new StaleReads(CachedFeed.MAX_STALENESS, CachedFeed.LOCAL_LIFE);
        try (TwoNodes nodes = TwoNodes.withCacheAndLimit(database, uri, staleToo)) {
            nodes.fillCachesOnce();
            Under limited = flooded(nodes, "with toolkit-ratelimit", users, staleToo, () -> {});
            try (RedisOutage outage = new RedisOutage(redis, nodes, staleToo, shortLength)) {
                Under killed = flooded(nodes, "limit, Redis killed", users, staleToo, outage::begin);
                Stage.Away away = outage.await();
                return new Flooded(open, limited, killed, away);
            }
        }
    }

    /** What {@link #floodOnTwoNodes} found. */
    record Flooded(Under open, Under limited, Under killed, Stage.Away away) {}

    /**
     * What became of the users, and of the flood that they were under.
     *
     * @param decidedWithoutRedis requests that a node has admitted or refused by itself
     * @param outages how often a node has stopped asking Redis for the limit, all nodes together
     */
    record Under(Measured users, Flood.Found flood, long decidedWithoutRedis, long outages) {}

    private Under flooded(TwoNodes nodes, String version, int users, StaleReads stale, Runnable atStart) {
        long decided = nodes.decidedWithoutRedis();
        long outages = nodes.limitOutages();
        Flood flood = new Flood(nodes.servers());
        AtomicReference<Flood.Found> found = new AtomicReference<>();
        Measured measured = onTwoNodes(
                nodes,
                version,
                users,
                stale,
                new Course(
                        warmUp.dividedBy(3), // the code is warm, and the caches are full
                        shortLength,
                        () -> {
                            flood.begin();
                            atStart.run();
                        },
                        () -> found.set(flood.end())));
        return new Under(
                measured,
                Objects.requireNonNull(found.get(), "it has ended"),
                nodes.decidedWithoutRedis() - decided,
                nodes.limitOutages() - outages);
    }

    /**
     * Two nodes with toolkit-cache that look each request's token up in the database; and the same with toolkit-auth. In both a
     * busy subject is logged out meanwhile.
     */
    Tokened tokensOnTwoNodes(int users) throws Exception {
        String uri = redisUri();
        StaleReads stale = new StaleReads(CachedFeed.MAX_STALENESS, CachedFeed.LOCAL_LIFE);
        Checked table;
        try (TwoNodes nodes = TwoNodes.withCacheAndTokenTable(database, uri, stale)) {
            table = checked(nodes, "tokens in PostgreSQL", users, stale);
        }
        StaleReads staleToo = new StaleReads(CachedFeed.MAX_STALENESS, CachedFeed.LOCAL_LIFE);
        try (TwoNodes nodes = TwoNodes.withCacheAndTokenCache(database, uri, staleToo)) {
            return new Tokened(table, checked(nodes, "with toolkit-auth", users, staleToo));
        }
    }

    /** What {@link #tokensOnTwoNodes} found. */
    record Tokened(Checked table, Checked cached) {
        /** By how much look-ups a request have fallen. */
        double fewerLookups() {
            return 1 - cached.lookupsPerRequest() / table.lookupsPerRequest();
        }
    }

    /**
     * What became of the users, of their tokens, and of the busy subject. What is counted, here and in the users' queries and
     * the database's time, is from before the devices begin, so that none of it is theirs.
     *
     * @param requests whose token was looked at
     * @param tokenQueries statements about tokens
     * @param queries all statements
     * @param tokenBusy statements about tokens in progress, on average, as {@link Measured#databaseBusy} is of all
     */
    record Checked(
            Measured users, long requests, long tokenQueries, long queries, double tokenBusy, Devices.Found devices) {
        double lookupsPerRequest() {
            return (double) tokenQueries / requests;
        }

        double shareOfQueries() {
            return (double) tokenQueries / queries;
        }

        double shareOfBusy() {
            return tokenBusy / users.databaseBusy();
        }
    }

    /**
     * In a service that has been running for a while a token is looked up when what is known of it is too old: at one request
     * in so many. So as many users' tokens are not known before the load.
     */
    static int tokensUnknownEvery() {
        return (int) (CachedTokens.MAX_AGE.toSeconds() / USER_ASKS_EVERY_SECONDS);
    }

    private record TokenCounts(
            long requests, long answered, long tokenQueries, long queries, double tokenBusy, double busy) {}

    private TokenCounts tokenCounts(TwoNodes nodes, long beganNanos, long answeredBefore) {
        double nanos = System.nanoTime() - beganNanos;
        return new TokenCounts(
                nodes.tokensSeen(),
                answered(nodes.servers()) - answeredBefore,
                nodes.tokenQueries(),
                database.statements(),
                nodes.tokenBusy().toNanos() / nanos,
                database.busy().toNanos() / nanos);
    }

    private Checked checked(TwoNodes nodes, String version, int users, StaleReads stale) throws Exception {
        schema.createTokensOfDevices();
        nodes.fillCachesOnce();
        nodes.fillTokens(knownTokens(users));
        AtomicReference<TokenCounts> counts = new AtomicReference<>();
        AtomicReference<Devices> devices = new AtomicReference<>();
        AtomicReference<Devices.Found> found = new AtomicReference<>();
        Measured measured = onTwoNodes(
                nodes,
                version,
                users,
                stale,
                new Course(
                        warmUp.dividedBy(3), // the code is warm, and the caches are full
                        shortLength,
                        () -> {
                            nodes.countTokensAnew();
                            long began = System.nanoTime();
                            long answered = answered(nodes.servers());
                            Devices busy = new Devices(
                                    nodes.servers(),
                                    nodes.tokensOfFirstNode(),
                                    shortLength.dividedBy(2),
                                    shortLength.dividedBy(10),
                                    () -> counts.set(tokenCounts(nodes, began, answered)));
                            devices.set(busy);
                            busy.begin();
                        },
                        () -> found.set(Objects.requireNonNull(devices.get(), "it has begun")
                                .end())));
        TokenCounts counted = Objects.requireNonNull(counts.get(), "the devices have begun");
        return new Checked(
                new Measured(
                        version,
                        measured.load(),
                        (double) counted.queries() / counted.answered(),
                        counted.busy(),
                        measured.stale()),
                counted.requests(),
                counted.tokenQueries(),
                counted.queries(),
                counted.tokenBusy(),
                Objects.requireNonNull(found.get(), "they have ended"));
    }

    /** Of the users that the load brings. */
    private Set<String> knownTokens(int users) {
        int requests = LoadGenerator.poisson(users / USER_ASKS_EVERY_SECONDS, shortLength, GRACE)
                .requests();
        return IntStream.range(0, requests)
                .filter(n -> numberOf(n, users) % tokensUnknownEvery() != 0)
                .mapToObj(n -> Tokens.of(userOf(n, users)))
                .collect(toSet());
    }

    /**
     * What happens during a load.
     *
     * @param warmUp how long it takes before
     * @param length how long requests are offered
     * @param begin done before the first one; does not block
     * @param end done after the last one
     */
    record Course(Duration warmUp, Duration length, Runnable begin, Runnable end) {}

    /** Offers a load to two nodes whose way to the database carries {@link #MEGABITS}. */
    Measured onTwoNodes(
            TwoNodes nodes,
            String version,
            int users,
            double perSecond,
            Sender sender,
            StaleReads stale,
            Duration length,
            Runnable begin) {
        network.bandwidth(MEGABITS * 125_000L / (2 * FeedServer.REQUEST_THREADS));
        try {
            Course course = new Course(PictureDay.WARM_UP, length, begin, () -> {});
            return measure(version, nodes.servers(), users, perSecond, sender, stale, course);
        } finally {
            network.bandwidth(Long.MAX_VALUE);
        }
    }

    /** Starts the n-th request and does not block; true means answered well. */
    @FunctionalInterface
    interface Sender extends IntFunction<CompletableFuture<Boolean>> {}

    private Course quiet() {
        return course(() -> {});
    }

    private Course course(Runnable begin) {
        return new Course(warmUp, stageLength, begin, () -> {});
    }

    /** What {@link PictureDay} says, in a database on a server of its own, which may be killed. */
    PictureDay.Found pictures(int users) throws Exception {
        try (PostgresServer own = PostgresServer.start();
                Site site = new Site(options, progress, own);
                PictureDay day = new PictureDay(site, own, options.quick(), users)) {
            site.schema.createForeignKeyIndex();
            return day.run();
        }
    }

    /** What {@link #cacheOnTwoNodes} found. */
    record Cached(Measured cache, Measured killed, Stage.Away away) {}

    private Measured measureOne(String version, Function<DataSource, Feed> feed, DataSource dataSource, int users)
            throws Exception {
        StaleReads unchanging = new StaleReads(Duration.ZERO, Duration.ZERO);
        try (FeedServer server = FeedServer.start(feed.apply(dataSource))) {
            return measure(version, List.of(server), users, unchanging, quiet());
        }
    }

    private Measured onTwoNodes(TwoNodes nodes, String version, int users, StaleReads stale, Course course) {
        network.bandwidth(MEGABITS * 125_000L / (2 * FeedServer.REQUEST_THREADS));
        try {
            return measure(version, nodes.servers(), users, stale, course);
        } finally {
            network.bandwidth(Long.MAX_VALUE);
        }
    }

    private Measured measure(String version, List<FeedServer> servers, int users, StaleReads stale, Course course) {
        Sender sender = n -> send(servers, n, users, stale);
        return measure(version, servers, users, users / USER_ASKS_EVERY_SECONDS, sender, stale, course);
    }

    private Measured measure(
            String version,
            List<FeedServer> servers,
            int users,
            double perSecond,
            Sender sender,
            StaleReads stale,
            Course course) {
        warmUp(sender, course.warmUp());
        LoadGenerator generator = LoadGenerator.poisson(perSecond, course.length(), GRACE);
        database.reset();
        long before = answered(servers);
        Load load;
        double busy;
        try (Progress.Work work =
                progress.start(String.format("%,d users, %s", users, version), generator.requests())) {
            course.begin().run();
            load = generator.run(sender, work::step);
            busy = database.busy().toNanos() / 1e9 / load.tookSeconds();
            course.end().run();
        }
        servers.forEach(FeedServer::finish); // what is half made is finished, so that statements and answers agree
        double queries = (double) database.statements() / (answered(servers) - before);
        return new Measured(version, load, queries, busy, stale.found());
    }

    private static long answered(List<FeedServer> servers) {
        return servers.stream().mapToLong(FeedServer::answered).sum();
    }

    /** One request after the other, for compilers and caches. */
    private static void warmUp(Sender sender, Duration length) {
        long end = System.nanoTime() + length.toNanos();
        for (int n = 0; System.nanoTime() < end; n++) {
            sender.apply(n).join();
        }
    }

    /** By any of the users, to the nodes by turns. With one node there are no comments: the first stages only read. */
    CompletableFuture<Boolean> send(List<FeedServer> servers, int n, int users, StaleReads stale) {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        servers.get(n % servers.size()).uri(keys.at(n)))
                .header(FeedServer.CLIENT, userOf(n, users))
                .header(Tokens.HEADER, Tokens.bearer(userOf(n, users)));
        boolean isComment = servers.size() > 1 && isComment(n);
        if (isComment) {
            request.POST(BodyPublishers.noBody());
        }
        long sent = System.nanoTime();
        return client.sendAsync(request.build(), BodyHandlers.ofString(StandardCharsets.ISO_8859_1))
                .thenApply(answer -> {
                    boolean good = answer.statusCode() == 200;
                    if (good && !isComment) {
                        stale.shown(sent, answer.body());
                    }
                    return good;
                });
    }

    static boolean isComment(int n) {
        return n % WRITE_EVERY == 0;
    }

    /** Starts to post the n-th request's picture. */
    CompletableFuture<HttpResponse<String>> post(List<FeedServer> servers, int n, byte[] picture) {
        HttpRequest request = HttpRequest.newBuilder(
                        servers.get(n % servers.size()).pictureUri(keys.at(n)))
                .POST(BodyPublishers.ofByteArray(picture))
                .build();
        return client.sendAsync(request, BodyHandlers.ofString(StandardCharsets.ISO_8859_1));
    }

    private static String userOf(int n, int users) {
        return "user-" + numberOf(n, users);
    }

    private static int numberOf(int n, int users) {
        return new SplittableRandom(n).nextInt(users);
    }

    /** Whether all versions make the same bytes of the first pages that the load will ask for. */
    boolean sameAnswers(int pages) throws SQLException {
        try (HikariDataSource pool = pool();
                RedisLink link = RedisLink.connect(redis.uri());
                CachedFeed cached = new CachedFeed(link, new BatchedFeed(pool), post -> {})) {
            Feed naive = new NaiveFeed(database);
            Feed batched = new BatchedFeed(pool);
            for (int n = 0; n < pages; n++) {
                long start = Schema.startOf(keys.at(n));
                String expected = Json.of(naive.page(start));
                if (!Json.of(batched.page(start)).equals(expected)
                        || !Json.of(cached.page(start)).equals(expected)) {
                    return false;
                }
            }
        }
        return true;
    }

    private HikariDataSource pool() {
        return pool(database, POOL);
    }

    static HikariDataSource pool(DataSource database, int connections) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(database);
        config.setMaximumPoolSize(connections);
        return new HikariDataSource(config);
    }

    @Override
    public void close() {
        network.close();
        redisNetwork.close();
        redis.close();
    }
}
