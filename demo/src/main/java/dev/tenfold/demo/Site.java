package dev.tenfold.demo;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.PostgresServer;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/** Where the stages take place: the database behind its network, and one run of one version under a load. */
final class Site implements AutoCloseable {
    /** What the network between application and database adds to each round trip. */
    static final Duration NETWORK = Duration.ofNanos(500_000);

    static final Duration GRACE = Duration.ofSeconds(1);
    static final int POOL = 10;
    static final double USER_ASKS_EVERY_SECONDS = 20;

    private final Keys keys;
    private final Duration stageLength;
    private final Duration warmUp;
    private final Progress progress;
    private final PostgresServer postgres = PostgresServer.shared();
    private final FaultProxy network = FaultProxy.to(postgres.host(), postgres.port());
    private final HttpClient client = HttpClient.newHttpClient();
    private final Schema schema;
    private final CountingDataSource database;

    Site(Options options, Progress progress) throws SQLException {
        this.keys = options.keys();
        this.stageLength = Duration.ofSeconds(options.quick() ? 3 : 12);
        this.warmUp = Duration.ofMillis(options.quick() ? 700 : 2_500);
        this.progress = progress;
        String name = postgres.createDatabase();
        this.schema = new Schema(postgres.dataSource(name));
        PGSimpleDataSource plain = new PGSimpleDataSource();
        plain.setUrl(postgres.jdbcUrl(name, network));
        this.database = CountingDataSource.of(plain);
        schema.create();
        network.delay(NETWORK);
    }

    String postgresVersion() {
        return postgres.version();
    }

    /** As first written: a new connection for each request, and no index on the comments' foreign key. */
    Measured naive(int users) throws Exception {
        schema.dropForeignKeyIndex();
        return measure("naive", NaiveFeed::new, database, users);
    }

    /** With toolkit-query, a pool, and the index. */
    Measured batched(int users) throws Exception {
        schema.createForeignKeyIndex();
        try (HikariDataSource pool = pool()) {
            return measure("with toolkit-query", BatchedFeed::new, pool, users);
        }
    }

    private Measured measure(String version, Function<DataSource, Feed> feed, DataSource dataSource, int users)
            throws Exception {
        LoadGenerator generator = LoadGenerator.poisson(users / USER_ASKS_EVERY_SECONDS, stageLength, GRACE);
        try (FeedServer server = FeedServer.start(feed.apply(dataSource))) {
            warmUp(server);
            database.reset();
            long before = server.pages();
            String what = users + " users, " + version;
            Load load;
            double busy;
            try (Progress.Work work = progress.start(what, generator.requests())) {
                load = generator.run(n -> get(server, n), work::step);
                busy = database.busy().toNanos() / 1e9 / load.tookSeconds();
            }
            server.drain(); // pages half made are finished, so that statements and pages agree
            return new Measured(version, load, (double) database.statements() / (server.pages() - before), busy);
        }
    }

    /** One request after the other, for compilers and caches. */
    private void warmUp(FeedServer server) {
        long end = System.nanoTime() + warmUp.toNanos();
        for (int n = 0; System.nanoTime() < end; n++) {
            get(server, n).join();
        }
    }

    private CompletableFuture<Boolean> get(FeedServer server, int n) {
        HttpRequest request = HttpRequest.newBuilder(server.uri(keys.at(n))).build();
        return client.sendAsync(request, BodyHandlers.ofByteArray()).thenApply(answer -> answer.statusCode() == 200);
    }

    /** Whether both versions make the same bytes of the first pages that the load will ask for. */
    boolean sameAnswers(int pages) throws SQLException {
        try (HikariDataSource pool = pool()) {
            Feed naive = new NaiveFeed(database);
            Feed batched = new BatchedFeed(pool);
            for (int n = 0; n < pages; n++) {
                long start = Schema.startOf(keys.at(n));
                if (!Json.of(naive.page(start)).equals(Json.of(batched.page(start)))) {
                    return false;
                }
            }
        }
        return true;
    }

    private HikariDataSource pool() {
        HikariConfig config = new HikariConfig();
        config.setDataSource(database);
        config.setMaximumPoolSize(POOL);
        return new HikariDataSource(config);
    }

    @Override
    public void close() {
        network.close();
    }
}
