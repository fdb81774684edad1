package dev.tenfold.demo;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * 10,000 users, two nodes, and some of the users write: the database's network breaks; toolkit-cache mends it, shows nothing
 * older than it promised, and goes on when Redis dies.
 *
 * <p>A page takes some 25 kB of rows. At 64 Mbit/s that is a bit more than 300 pages a second, where 500 are asked for, on
 * machines of any size.
 */
final class TenThousandUsers implements Stage {
    private static final String TITLE = "10,000 users";
    private static final double P99_OBJECTIVE_MILLIS = 1_000;
    private static final double FEWER_QUERIES = 2;

    @Override
    public Result run(Site site) throws Exception {
        Measured query = site.queryOnTwoNodes(10_000);
        Site.Cached cached = site.cacheOnTwoNodes(10_000);
        return judge(query, cached.cache(), cached.killed(), cached.away());
    }

    static Result judge(Measured query, Measured cache, Measured killed, Away away) {
        String failure = failure(query, cache, killed);
        String sentence = failure.isEmpty()
                ? String.format(
                        Locale.ROOT,
                        "The database's network breaks toolkit-query alone: %s. With toolkit-cache the same load is served,"
                                + " 99 %% of it within %.0f ms, by %.0f %% fewer queries.",
                        Words.shortfall(query, P99_OBJECTIVE_MILLIS),
                        cache.load().millisAt(99),
                        100 - 100 * cache.queriesPerRequest() / query.queriesPerRequest())
                : "FAILED: " + failure;
        return new Result(
                TITLE,
                List.of(query, cache, killed),
                P99_OBJECTIVE_MILLIS,
                failure.isEmpty(),
                sentence,
                List.of(staleness(cache), outage(killed, away)),
                away);
    }

    /** What did not happen as it should; empty if all did. */
    private static String failure(Measured query, Measured cache, Measured killed) {
        List<String> failures = new ArrayList<>();
        if (query.keepsUp(P99_OBJECTIVE_MILLIS)) {
            failures.add("10,000 users should break toolkit-query alone, but it kept up.");
        }
        if (!cache.keepsUp(P99_OBJECTIVE_MILLIS)) {
            failures.add(
                    "toolkit-cache should carry 10,000 users. " + Words.shortfallByName(cache, P99_OBJECTIVE_MILLIS));
        }
        if (!killed.keepsUp(P99_OBJECTIVE_MILLIS)) {
            failures.add(
                    "The death of Redis should break nothing. " + Words.shortfallByName(killed, P99_OBJECTIVE_MILLIS));
        }
        double fewer = query.queriesPerRequest() / cache.queriesPerRequest();
        if (fewer < FEWER_QUERIES) {
            failures.add(String.format(
                    Locale.ROOT,
                    "toolkit-cache should take at least %.0f times fewer queries a request, but took %.1f times fewer.",
                    FEWER_QUERIES,
                    fewer));
        }
        for (Measured each : List.of(query, cache, killed)) {
            if (each.stale().beyond() > 0) {
                failures.add(String.format(
                        Locale.ROOT,
                        "%s: %,d posts were shown that were older than promised.",
                        each.version(),
                        each.stale().beyond()));
            }
        }
        return String.join(" ", failures);
    }

    private static String staleness(Measured cache) {
        StaleReads.Found found = cache.stale();
        return String.format(
                Locale.ROOT,
                "Stale reads: of %,d posts shown, %,d were older than the %d s promised; %,d were behind a comment committed"
                        + " before the request began.",
                found.posts(),
                found.beyond(),
                seconds(CachedFeed.MAX_STALENESS),
                found.behind());
    }

    private static String outage(Measured killed, Away away) {
        StaleReads.Found found = killed.stale();
        return String.format(
                Locale.ROOT,
                "Redis killed after %.1f s, and started empty after %.1f s: %,d of %,d requests served, 99 %% of them within"
                        + " %,.0f ms; both nodes in step %.1f s later. From then on they load all anew, little by little,"
                        + " and show what they had for %d s more. All in all %,d posts of %,d were behind a comment made on the other"
                        + " node, which the"
                        + " cache permits itself for up to %d s while Redis is away; %,d were older.",
                away.fromSecond(),
                away.toSecond(),
                killed.load().served(),
                killed.load().requests(),
                killed.load().millisAt(99),
                away.inStepSeconds(),
                seconds(CachedFeed.MAX_STALENESS),
                found.behindWhileAway(),
                found.posts(),
                seconds(CachedFeed.LOCAL_LIFE),
                found.beyond());
    }

    private static long seconds(Duration duration) {
        return duration.toSeconds();
    }
}
