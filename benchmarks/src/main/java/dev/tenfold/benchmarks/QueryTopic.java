package dev.tenfold.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.benchmarks.Feed.Page;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.PostgresServer;
import java.time.Duration;
import java.util.List;

/**
 * Batched loading: the bookkeeping of a key without a database, then 500 children by key out of a million rows, at once
 * and through a network of 0.5 ms, and how many statements two levels take. Then the query guard: what watching costs, and
 * how often its findings, and the index check's, are wrong. Last, pages by key far down a list, and how good a computed size of a
 * pool is.
 */
final class QueryTopic implements Topic {
    private static final int AUTHORS = 1_000_000;

    /** One page over and over: its rows are in every cache, so that the loaders' own share is as large as it gets. */
    private static final int PAGES = 1;

    private static final int POSTS = 500;
    private static final int POOL = 4;
    private static final Duration ROUND_TRIP = Duration.ofNanos(500_000);

    @Override
    public String name() {
        return "query";
    }

    @Override
    public void run(Session session) throws Exception {
        if (!Ours.hasVirtualThreads()) {
            session.say("ours-quiescence is left out: it needs virtual threads, JDK 21 or later");
        }
        QueryPerKey.run(session);
        GuardCost.run(session);

        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        session.say("");
        session.say("PostgreSQL " + server.version() + ": making " + AUTHORS + " authors, " + PAGES + " pages of "
                + POSTS + " posts");
        List<Page> pages = Feed.create(server.dataSource(database), AUTHORS, PAGES, POSTS);
        session.say("one HikariCP pool of " + POOL + " for all, a connection borrowed per request or statement;"
                + " pgjdbc's defaults (server-prepared from the fifth use on)");
        try (HikariDataSource pool = pool(server.jdbcUrl(database))) {
            QueryChildren.run(session, pool, pages, "");
            QueryLevels.run(session, pool, pages.get(0));
        }
        try (FaultProxy network = FaultProxy.to(server.host(), server.port())) {
            network.delay(ROUND_TRIP);
            try (HikariDataSource pool = pool(server.jdbcUrl(database, network))) {
                QueryChildren.run(session, pool, pages, "rtt05.");
            }
        }
        DetectRun.run(session);
        FkIndex.run(session);
        QueryKeyset.run(session);
        QueryPoolSize.run(session);
    }

    private static HikariDataSource pool(String url) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setMaximumPoolSize(POOL);
        return new HikariDataSource(config);
    }
}
