package dev.tenfold.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The same 10,000 users, and besides them a {@link Flood}: it takes the request threads that the cache has freed.
 * toolkit-ratelimit refuses it, and goes on when Redis dies.
 *
 * <p>A page of the archive takes some 85 kB of rows, which pass a request thread's share of the database's network in a tenth
 * of a second. So on a machine of any size the flood's connections alone make everybody wait for a second.
 */
final class ClientsInALoop implements Stage {
    private static final String TITLE = "10,000 users and a scraper";
    private static final double P99_OBJECTIVE_MILLIS = 1_000;
    private static final double REFUSED = 0.9;
    private static final double TIMES_SLOWER = 5;

    @Override
    public Result run(Site site) throws Exception {
        return judge(site.floodOnTwoNodes(10_000));
    }

    static Result judge(Site.Flooded found) {
        Measured open = found.open().users();
        Measured limited = found.limited().users();
        String failure = failure(found);
        String sentence = failure.isEmpty()
                ? String.format(
                        Locale.ROOT,
                        "A client in a loop and a scraper take the cached site away from its users: %s. With"
                                + " toolkit-ratelimit %.1f %% of what the two ask for is refused, and of the users nobody:"
                                + " 99 %% of their requests are served within %.0f ms.",
                        Words.shortfall(open, P99_OBJECTIVE_MILLIS),
                        100 * found.limited().flood().refusedShare(),
                        limited.load().millisAt(99))
                : "FAILED: " + failure;
        return new Result(
                TITLE,
                List.of(open, limited, found.killed().users()),
                P99_OBJECTIVE_MILLIS,
                failure.isEmpty(),
                sentence,
                List.of(bound(found.limited()), outage(found)),
                found.away());
    }

    /** What did not happen as it should; empty if all did. */
    private static String failure(Site.Flooded found) {
        List<String> failures = new ArrayList<>();
        Measured open = found.open().users();
        Measured limited = found.limited().users();
        Measured killed = found.killed().users();
        if (open.keepsUp(P99_OBJECTIVE_MILLIS)) {
            failures.add("The flood should break a site without a limit, but it kept up.");
        }
        if (!limited.keepsUp(P99_OBJECTIVE_MILLIS)) {
            failures.add("toolkit-ratelimit should keep the flood from the users. "
                    + Words.shortfallByName(limited, P99_OBJECTIVE_MILLIS));
        }
        if (!killed.keepsUp(P99_OBJECTIVE_MILLIS)) {
            failures.add(
                    "The death of Redis should break nothing. " + Words.shortfallByName(killed, P99_OBJECTIVE_MILLIS));
        }
        double slower = open.load().millisAt(99) / limited.load().millisAt(99);
        if (slower < TIMES_SLOWER) {
            failures.add(String.format(
                    Locale.ROOT,
                    "Without a limit the users' p99 should be at least %.0f times as long, but was %.1f times as long.",
                    TIMES_SLOWER,
                    slower));
        }
        flood(failures, found.limited(), bursts(found.limited()));
        flood(failures, found.killed(), burstsWhenKilled(found.killed()));
        if (found.killed().decidedWithoutRedis() == 0) {
            failures.add("Redis was killed, but no request was admitted or refused without it.");
        }
        for (Measured each : List.of(open, limited, killed)) {
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

    private static void flood(List<String> failures, Site.Under under, long bursts) {
        String version = under.users().version();
        Flood.Found flood = under.flood();
        if (flood.refusedShare() <= REFUSED) {
            failures.add(String.format(
                    Locale.ROOT,
                    "%s: more than %.0f %% of the flood should be refused, but %.1f %% was.",
                    version,
                    100 * REFUSED,
                    100 * flood.refusedShare()));
        }
        long most = most(flood, bursts);
        if (flood.mostAdmitted() > most) {
            failures.add(String.format(
                    Locale.ROOT,
                    "%s: one client was admitted %,d times in %.1f s, where at most %,d are allowed.",
                    version,
                    flood.mostAdmitted(),
                    flood.seconds(),
                    most));
        }
    }

    /**
     * Redis does not learn what a node admits by itself, so each time that a node has not heard of it in time, as on a machine
     * that has too much to do, may be worth a burst. Mostly there is none.
     */
    private static long bursts(Site.Under under) {
        return under.outages();
    }

    /** A Redis that comes back empty gives one burst more. Both nodes notice its death, which is one outage and not two. */
    private static long burstsWhenKilled(Site.Under under) {
        return Math.max(1, under.outages() - 1);
    }

    /** What one client may be admitted, and so many bursts more. */
    private static long most(Flood.Found flood, long bursts) {
        return ClientLimit.most(flood.seconds()) + bursts * ClientLimit.LIMIT.burst();
    }

    private static String bound(Site.Under limited) {
        Flood.Found flood = limited.flood();
        return String.format(
                        Locale.ROOT,
                        "The limit is %d requests at once and %d more a second for each client, on both nodes together. In %.1f s the"
                                + " flood sent %,d requests; %,d were admitted, %d to one client at most, where the limit allows %d.",
                        ClientLimit.LIMIT.burst(),
                        ClientLimit.LIMIT.permits(),
                        flood.seconds(),
                        flood.requests(),
                        flood.admitted(),
                        flood.mostAdmitted(),
                        most(flood, bursts(limited)))
                + odd(limited);
    }

    /** What mostly does not happen, and explains the numbers when it does. */
    private static String odd(Site.Under limited) {
        String odd = "";
        if (limited.outages() > 0) {
            odd += String.format(
                    Locale.ROOT,
                    " That is a burst more for each of %d times that a node waited for Redis in vain, and decided by itself.",
                    limited.outages());
        }
        if (limited.flood().lost() > 0) {
            odd += String.format(
                    Locale.ROOT, " %,d had no answer.", limited.flood().lost());
        }
        return odd;
    }

    private static String outage(Site.Flooded found) {
        Load users = found.killed().users().load();
        Flood.Found flood = found.killed().flood();
        return String.format(
                Locale.ROOT,
                "Redis killed after %.1f s, and started empty after %.1f s: each node goes on with its half of the limit, and"
                        + " made %,d decisions by itself. In %.1f s one client was admitted %d times at most, where the limit"
                        + " allows %d, as a Redis without memory gives a burst once more; %,d of %,d users' requests were served,"
                        + " 99 %% of them within %,.0f ms.",
                found.away().fromSecond(),
                found.away().toSecond(),
                found.killed().decidedWithoutRedis(),
                flood.seconds(),
                flood.mostAdmitted(),
                most(flood, burstsWhenKilled(found.killed())),
                users.served(),
                users.requests(),
                users.millisAt(99));
    }
}
