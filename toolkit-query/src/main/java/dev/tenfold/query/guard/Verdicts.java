package dev.tenfold.query.guard;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Judges what a scope counted: whether a statement that came often is an N+1, a repeated read, or nothing of the kind.
 *
 * <p>It may miss some: it takes at most a thousand stacks a second, and looks less at a statement that it looked at in vain.
 * And it does not know what the application means, so a loop that has to be one is to be ignored by {@link IgnoreQueries}.
 */
final class Verdicts {
    /*
     * Counters alone cannot tell ten queries of one loop from ten of ten places, and stacks cost a thousand times more than
     * counters. So nothing is looked at before the counts and values of a statement look like a verdict and half the
     * threshold has passed. Then the stacks of the next executions are compared, until one call site has as many looks as
     * lie between there and the threshold. After that the statement is only counted.
     *
     * What makes a query suspicious is that values vary that a column is compared with for equality: a loop over keys. If
     * only ranges, limits and offsets vary it is a page after another, or chunks of a large table.
     */
    private static final Logger LOG = LoggerFactory.getLogger(QueryGuard.class);
    private static final long HOUR = TimeUnit.HOURS.toNanos(1);
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private static final int MOST_WALKS_A_SECOND = 1_000;
    private static final int MOST_LOOKS = 20;
    /** Reads that are further apart are polls. */
    private static final long POLL = TimeUnit.MILLISECONDS.toNanos(10);

    private final CallSites sites;
    private final Findings findings;
    private final LongSupplier nanos;
    private final int manyStatements;
    private final List<String> ignoredStatements;

    private final AtomicInteger walks = new AtomicInteger();
    private volatile long walksFrom;
    private volatile boolean hasFailed;
    private volatile long failedAt;

    Verdicts(GuardOptions options) {
        this.nanos = options.nanoClock();
        this.walksFrom = nanos.getAsLong();
        this.sites = new CallSites(options.libraries(), options.ignoredSites());
        this.findings = new Findings(nanos, options.listener());
        this.manyStatements = options.manyStatements();
        this.ignoredStatements = options.ignoredStatements();
    }

    Findings findings() {
        return findings;
    }

    CallSites sites() {
        return sites;
    }

    /** Called after an execution, on its thread, once the statement came often enough to be looked at. */
    void look(QueryScope scope, Entry entry) {
        safely(() -> {
            boolean goesOn = false;
            try {
                judge(scope, entry);
                goesOn = true;
            } finally {
                if (!goesOn) entry.lookFrom = Integer.MAX_VALUE;
            }
        });
    }

    /** Called when a scope has ended, or goes on for long: adds what came since the verdict. */
    void told(QueryScope scope, Finding news) {
        safely(() -> findings.add(news, !scope.isOfTest()));
    }

    /**
     * Called when a scope has ended: reports it if it took many statements.
     *
     * @param statements its own, without those of scopes inside of it
     * @param most the statement that came most often
     * @return whether they are many
     */
    boolean isMany(QueryScope scope, long statements, Entry most) {
        if (statements < manyStatements || scope.isOfTest()) return false;
        safely(() -> {
            CallSite site = site();
            if (site == null) return;
            String name = scope.name().isEmpty() ? "one use of a connection" : scope.name();
            Finding found = report(
                    FindingKind.MANY_STATEMENTS,
                    most.fingerprint,
                    site,
                    scope.name(),
                    statements,
                    0,
                    statements + " statements in " + name + ", " + most.count + " of them this one",
                    "look at what they are for: most such requests need a handful; raise GuardOptions.manyStatements, or"
                            + " ignore the method, if it has to be so");
            if (found != null) scope.found(found);
        });
        return true;
    }

    /**
     * Adds a finding that is no verdict on a scope's counts, unless it is to be ignored.
     *
     * @param statement null if it is not about one
     * @return the occurrence; null if it is ignored
     */
    @Nullable
    Finding report(
            FindingKind kind,
            @Nullable Fingerprint statement,
            CallSite site,
            String scope,
            long count,
            long lostNanos,
            String detail,
            String remedy) {
        if (site.ignored.contains(kind) || (statement != null && isIgnored(statement))) return null;
        Finding occurrence = new Finding(
                kind,
                statement == null ? "" : statement.id,
                statement == null ? "" : statement.text,
                site.innermost(),
                site.callers(),
                null,
                scope,
                count,
                1,
                Duration.ofNanos(lostNanos),
                detail,
                remedy);
        findings.add(occurrence);
        return occurrence;
    }

    /** Where this thread is; null if too many stacks were looked at within this second. */
    @Nullable
    CallSite site() {
        return mayWalk() ? sites.here() : null;
    }

    boolean isIgnored(Fingerprint statement) {
        if (statement.ignored) return true;
        for (String pattern : ignoredStatements) {
            if (CallSites.matches(pattern, statement.text)) return true;
        }
        return false;
    }

    /**
     * Runs what judges, on a thread of the application, whose statement has to go on whatever happens here. This is the one
     * place where our own mistakes are caught.
     */
    void safely(Runnable judging) {
        try {
            judging.run();
        } catch (Throwable e) {
            failed(e);
        }
    }

    /** Says that something of ours went wrong, which must not reach the application. */
    void failed(Throwable e) {
        long now = System.nanoTime();
        if (hasFailed && now - failedAt < HOUR) return;
        hasFailed = true;
        failedAt = now;
        LOG.error(
                "the query guard failed to judge a statement; the statement itself went on. Please report this with its"
                        + " stack; until it is fixed, QueryGuard can be left out. Said once an hour",
                e);
    }

    private void judge(QueryScope scope, Entry entry) {
        if (!isWorthALook(scope, entry)) return;
        if (suspected(scope, entry) == null) {
            lookLater(entry);
            return;
        }
        if (!scope.isOfTest() && !mayWalk()) {
            entry.lookFrom = entry.count + entry.threshold;
            return;
        }
        CallSite site = sites.here();
        FindingKind kind = tally(scope, entry, site);
        if (kind == null) return;
        Entry source = kind == FindingKind.LOOP ? source(scope, entry) : null;
        if (source != null) kind = FindingKind.N_PLUS_ONE;
        if (kind == FindingKind.LOOP && !entry.isByKeys()) {
            // Ranges that come from nowhere are a search.
            lookLater(entry);
            return;
        }
        if (site.ignored.contains(kind)) return;
        Finding first;
        synchronized (scope) {
            if (!mayBeJudged(entry)) return;
            entry.verdict = new Verdict(kind, site, source, scope.name());
            first = entry.verdict.news(entry);
        }
        // It is logged when the scope ends, with all that came.
        if (first != null) findings.add(first, false);
    }

    private boolean isWorthALook(QueryScope scope, Entry entry) {
        if (entry.looks != null) return true;
        entry.looks = new Looks(nanos.getAsLong(), entry.count);
        if (entry.fingerprint.kind == StatementKind.OTHER || isIgnored(entry.fingerprint)) {
            entry.lookFrom = Integer.MAX_VALUE;
            return false;
        }
        if (scope.isOfTest() || entry.isLookedAtFromTheFirst() || entry.count >= entry.threshold) return true;
        if (!entry.fingerprint.knownSites.isTurn()) {
            entry.lookFrom = entry.threshold * 4;
            return false;
        }
        return true;
    }

    private static @Nullable FindingKind suspected(QueryScope scope, Entry entry) {
        synchronized (scope) {
            return suspect(entry, Math.min(entry.count, entry.threshold));
        }
    }

    private static void lookLater(Entry entry) {
        entry.lookFrom =
                entry.count < entry.threshold * 8 ? entry.count + Math.max(1, entry.threshold / 4) : entry.count * 2;
    }

    /** Counts a look; what the statement is found to be, if one site had enough of them. */
    private @Nullable FindingKind tally(QueryScope scope, Entry entry, CallSite site) {
        KnownSites known = entry.fingerprint.knownSites;
        synchronized (scope) {
            Looks looks = entry.looks;
            if (looks == null || !mayBeJudged(entry)) return null;
            boolean isKnown = known.contains(site.id);
            if (entry.verdict != null && entry.differentSets() < entry.threshold) return null;
            boolean isOne = looks.add(site.id) >= entry.looksNeeded() || isKnown;
            FindingKind kind = entry.count < entry.threshold || !isOne ? null : suspect(entry, entry.threshold);
            if (kind == FindingKind.REPEATED_READ && (entry.verdict != null || isToBeRepeated(scope, entry, looks))) {
                lookLater(entry);
                return null;
            }
            if (kind == FindingKind.LOOP && isApart(scope, entry)) {
                lookLater(entry);
                return null;
            }
            if (kind == null && isKnown && entry.count < entry.threshold) {
                // One more look will do.
                entry.lookFrom = entry.threshold;
                return null;
            }
            if (kind == null) {
                if (looks.count() % MOST_LOOKS == 0) entry.lookFrom = entry.count * 4;
                return null;
            }
            known.add(site.id);
            entry.lookFrom = Integer.MAX_VALUE;
            return kind;
        }
    }

    private static boolean mayBeJudged(Entry entry) {
        return entry.verdict == null || entry.verdict.kind == FindingKind.REPEATED_READ;
    }

    /**
     * Whether one query could not do, as the executions belong to different units: each in a transaction of its own that writes
     * too, or each after another setting of the session, such as a schema for each tenant.
     */
    private static boolean isApart(QueryScope scope, Entry entry) {
        int between = entry.single() - 1;
        if (scope.switches() >= between) return true;
        long writes = 0;
        long settings = 0;
        for (Entry other : scope.entries()) {
            switch (other.fingerprint.kind) {
                case INSERT, UPDATE, DELETE -> writes += other.count;
                case OTHER -> settings += other.fingerprint.text.startsWith("set ") ? other.count : 0;
                case SELECT -> {}
            }
        }
        return settings >= between || (scope.commits() >= between && writes >= between);
    }

    /** What the counts and values look like; null if they look well. {@link FindingKind#LOOP} may be an N+1 too. */
    private static @Nullable FindingKind suspect(Entry entry, int atLeast) {
        Fingerprint statement = entry.fingerprint;
        boolean isRead = statement.kind == StatementKind.SELECT;
        if (entry.single() < atLeast || entry.hasTooManyValues()) return null;
        if (entry.differentSets() >= atLeast) {
            if (entry.isByKeys()) {
                if (!isRead) return FindingKind.WRITE_LOOP;
                // Without a table it is called for what it does: a lock, a sequence, a setting.
                return statement.text.contains(" from ") ? FindingKind.LOOP : null;
            }
            if (isRead && !statement.batched && entry.isByRanges()) return FindingKind.LOOP;
        }
        if (isRead && entry.mostFrequent() >= atLeast && isCacheable(statement.text)) return FindingKind.REPEATED_READ;
        return null;
    }

    /** Whether it reads tables, and not a sequence, the time, or rows to be locked. */
    private static boolean isCacheable(String statement) {
        return statement.contains(" from ")
                && !statement.contains("nextval")
                && !statement.contains(" for update")
                && !statement.contains(" for no key update")
                && !statement.contains(" for share");
    }

    /** Whether the same values are read again for a reason: a poll, or after a write to the same table each time. */
    private boolean isToBeRepeated(QueryScope scope, Entry entry, Looks looks) {
        int executions = entry.count - looks.countBefore;
        long apart = executions == 0 ? 0 : (nanos.getAsLong() - looks.from) / executions;
        if (apart - entry.nanos / entry.count > POLL) return true;
        long writes = 0;
        for (Entry other : scope.entries()) {
            if (mayChange(other.fingerprint, entry.fingerprint.text)) writes += other.count;
        }
        return writes >= entry.mostFrequent() - 1;
    }

    private static boolean mayChange(Fingerprint write, String read) {
        return switch (write.kind) {
            case SELECT -> false;
            case INSERT -> read.contains(wordAfter("into ", write.text));
            case UPDATE -> read.contains(wordAfter("update ", write.text));
            case DELETE -> read.contains(wordAfter("from ", write.text));
            case OTHER -> true;
        };
    }

    private static String wordAfter(String word, String text) {
        int start = text.indexOf(word);
        if (start < 0) return " ";
        start += word.length();
        int end = start;
        while (end < text.length() && " (;".indexOf(text.charAt(end)) < 0) {
            end++;
        }
        return text.substring(start, end);
    }

    /** The last earlier query, of this scope or one around it, that gave enough rows for these executions. */
    private static @Nullable Entry source(QueryScope scope, Entry entry) {
        int rows = Math.min(entry.threshold, entry.differentSets());
        int before = entry.order;
        for (QueryScope each = scope; each != null; each = each.parent()) {
            Entry last = null;
            for (Entry other : each.entries()) {
                if (other.order < before && other.fingerprint.kind == StatementKind.SELECT && other.rows() >= rows) {
                    last = other;
                }
            }
            if (last != null) return last;
            before = Integer.MAX_VALUE;
        }
        return null;
    }

    private boolean mayWalk() {
        long now = nanos.getAsLong();
        if (now - walksFrom >= SECOND) {
            walksFrom = now;
            walks.set(0);
        }
        return walks.incrementAndGet() <= MOST_WALKS_A_SECOND;
    }
}
