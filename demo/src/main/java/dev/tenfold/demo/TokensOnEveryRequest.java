package dev.tenfold.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The same 10,000 users, and each request brings a token: looking tokens up becomes most of what the database does. toolkit-auth
 * takes it away, and a subject who logs out on one node is out on the other, too.
 *
 * <p>A look-up is cheap, so nothing breaks here. It is the share that counts, which is the same on machines of any size.
 */
final class TokensOnEveryRequest implements Stage {
    private static final String TITLE = "10,000 users with tokens";
    private static final double P99_OBJECTIVE_MILLIS = 1_000;
    private static final double FEWER_LOOKUPS = 0.9;

    @Override
    public Result run(Site site) throws Exception {
        return judge(site.tokensOnTwoNodes(10_000));
    }

    static Result judge(Site.Tokened found) {
        Site.Checked table = found.table();
        Site.Checked cached = found.cached();
        String failure = failure(found);
        String sentence = failure.isEmpty()
                ? String.format(
                        Locale.ROOT,
                        "Looking tokens up is %.0f %% of all queries and %.0f %% of the time in them. With toolkit-auth there are"
                                + " %.1f %% fewer look-ups, and they are %.0f %% of the queries that remain and %.0f %% of the time. %s",
                        100 * table.shareOfQueries(),
                        100 * table.shareOfBusy(),
                        100 * found.fewerLookups(),
                        100 * cached.shareOfQueries(),
                        100 * cached.shareOfBusy(),
                        latency(table.users(), cached.users()))
                : "FAILED: " + failure;
        return new Result(
                TITLE,
                List.of(table.users(), cached.users()),
                P99_OBJECTIVE_MILLIS,
                failure.isEmpty(),
                sentence,
                List.of(lookups(table, cached), logOut(table, cached)),
                null);
    }

    /** No claim: a look-up is so cheap that on an idle database neither version is faster for sure. */
    private static String latency(Measured table, Measured cached) {
        String served = table.keepsUp(P99_OBJECTIVE_MILLIS)
                ? "Nothing breaks with either"
                : "With tokens in PostgreSQL " + Words.shortfall(table, P99_OBJECTIVE_MILLIS);
        return String.format(
                Locale.ROOT,
                "%s: 99 %% of the requests take up to %.0f ms with tokens in PostgreSQL and %.0f ms with toolkit-auth.",
                served,
                table.load().millisAt(99),
                cached.load().millisAt(99));
    }

    /** What did not happen as it should; empty if all did. */
    private static String failure(Site.Tokened found) {
        List<String> failures = new ArrayList<>();
        Measured cached = found.cached().users();
        if (!cached.keepsUp(P99_OBJECTIVE_MILLIS)) {
            failures.add(
                    "toolkit-auth should carry 10,000 users. " + Words.shortfallByName(cached, P99_OBJECTIVE_MILLIS));
        }
        if (found.fewerLookups() < FEWER_LOOKUPS) {
            failures.add(String.format(
                    Locale.ROOT,
                    "toolkit-auth should look up at least %.0f %% fewer tokens, but looked up %.1f %% fewer.",
                    100 * FEWER_LOOKUPS,
                    100 * found.fewerLookups()));
        }
        for (Site.Checked each : List.of(found.table(), found.cached())) {
            logOut(failures, each);
            if (each.users().stale().beyond() > 0) {
                failures.add(String.format(
                        Locale.ROOT,
                        "%s: %,d posts were shown that were older than promised.",
                        each.users().version(),
                        each.users().stale().beyond()));
            }
        }
        return String.join(" ", failures);
    }

    private static void logOut(List<String> failures, Site.Checked checked) {
        String version = checked.users().version();
        Devices.Found devices = checked.devices();
        if (!devices.isTried()) {
            failures.add(
                    version + ": the busy subject should have been accepted on both nodes before the log-out, and have"
                            + " tried both after it.");
        }
        if (devices.acceptedAfter().get(0) > 0) {
            failures.add(String.format(
                    Locale.ROOT,
                    "%s: after the log-out the node that made it accepted %,d requests more.",
                    version,
                    devices.acceptedAfter().get(0)));
        }
        if (devices.acceptedLate() > 0) {
            failures.add(String.format(
                    Locale.ROOT,
                    "%s: %,d requests were accepted that were sent more than %d s after the log-out.",
                    version,
                    devices.acceptedLate(),
                    CachedTokens.MAX_STALENESS.toSeconds()));
        }
    }

    private static String lookups(Site.Checked table, Site.Checked cached) {
        return String.format(
                Locale.ROOT,
                "Look-ups: %,d for %,d requests, with %.3f of them in progress on average; with toolkit-auth %,d for %,d, and"
                        + " %.3f. Both nodes have seen each token before, except those of one user in %d: so it is in a service"
                        + " that has been running for a while, as a user asks every %.0f s and a token is looked up anew after %d"
                        + " minutes. That share is given, and sets what remains.",
                table.tokenQueries(),
                table.requests(),
                table.tokenBusy(),
                cached.tokenQueries(),
                cached.requests(),
                cached.tokenBusy(),
                Site.tokensUnknownEvery(),
                Site.USER_ASKS_EVERY_SECONDS,
                CachedTokens.MAX_AGE.toMinutes());
    }

    private static String logOut(Site.Checked table, Site.Checked cached) {
        Devices.Found devices = cached.devices();
        String text = String.format(
                Locale.ROOT,
                "Log-out: a subject with %d devices, accepted %,d times on the first node and %,d times on the second, is logged"
                        + " out on the first, which takes %.1f ms. The last answer that accepted a token came %.1f ms after it"
                        + " began (%.1f ms with tokens in PostgreSQL). Of requests sent after it returned, the first node"
                        + " accepted %d of %,d and the second %d of %,d; of those sent more than %d s later, both accepted %d.",
                Devices.NUMBER,
                devices.acceptedBefore().get(0),
                devices.acceptedBefore().get(1),
                devices.callMillis(),
                devices.lastAcceptedMillis(),
                table.devices().lastAcceptedMillis(),
                devices.acceptedAfter().get(0),
                devices.sentAfter().get(0),
                devices.acceptedAfter().get(1),
                devices.sentAfter().get(1),
                CachedTokens.MAX_STALENESS.toSeconds(),
                devices.acceptedLate());
        long odd = table.devices().odd() + devices.odd();
        return odd == 0 ? text : text + String.format(Locale.ROOT, " %,d had no answer, or another one.", odd);
    }
}
