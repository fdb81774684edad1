package dev.tenfold.query.guard;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a scope found of one statement: from then on only its executions are counted. Its scope's lock guards it. */
final class Verdict {
    final FindingKind kind;
    private final @Nullable StackTraceElement site;
    private final List<StackTraceElement> callers;
    private final @Nullable Entry source;
    private final String scope;

    private boolean isLogged;
    private long countTold;
    private long nanosTold;

    Verdict(FindingKind kind, CallSite site, @Nullable Entry source, String scope) {
        this.kind = kind;
        this.site = site.innermost();
        this.callers = site.callers();
        this.source = source;
        this.scope = scope;
    }

    /** All of this scope. */
    Finding finding(Entry entry) {
        return finding(entry, single(entry), 1, lost(entry));
    }

    /** What has come since the last time. */
    Finding news(Entry entry) {
        long count = single(entry);
        long lost = lost(entry);
        Finding news = finding(entry, count - countTold, countTold == 0 ? 1 : 0, Math.max(0, lost - nanosTold));
        countTold = count;
        nanosTold = lost;
        return news;
    }

    /** What is to be told and logged now: what has come since the last time; null if that is nothing, and it was logged. */
    @Nullable
    Finding rest(Entry entry) {
        if (isLogged && single(entry) == countTold) return null;
        isLogged = true;
        return news(entry);
    }

    private Finding finding(Entry entry, long count, long scopes, long lost) {
        return new Finding(
                kind,
                entry.fingerprint.id,
                entry.fingerprint.text,
                site,
                callers,
                source == null ? null : source.fingerprint.text,
                scope,
                count,
                scopes,
                Duration.ofNanos(lost),
                detail(entry),
                remedy());
    }

    private static long single(Entry entry) {
        return entry.count - (long) entry.batches;
    }

    /** What one execution less costs at least, times the executions that need not be. */
    private long lost(Entry entry) {
        long needed = kind == FindingKind.REPEATED_READ ? entry.differentSets() : 1;
        return Math.max(0, single(entry) - needed) * entry.fastest;
    }

    private String detail(Entry entry) {
        StringBuilder text = new StringBuilder(160);
        long count = single(entry);
        switch (kind) {
            case N_PLUS_ONE -> text.append(count).append(" queries, one for each row of an earlier one");
            case REPEATED_READ ->
                text.append("the same query with the same values, up to ")
                        .append(entry.mostFrequent())
                        .append(" times; ")
                        .append(count)
                        .append(" queries");
            case WRITE_LOOP -> text.append(count).append(" single writes in a loop");
            default -> text.append(count).append(" queries that differ by their values only");
        }
        text.append(", with ").append(entry.differentSets() == Entry.MOST_SETS ? "at least " : "");
        text.append(entry.differentSets())
                .append(entry.differentSets() == 1 ? " different set of values" : " different sets of values");
        if (!scope.isEmpty()) text.append(", in ").append(scope);
        text.append(", ").append(millis(entry.nanos)).append(" ms in all");
        if (source != null) {
            text.append(source.rows >= 0 ? "; the earlier one gave " : "; the earlier one usually gives ")
                    .append(source.rows())
                    .append(" rows");
        }
        return text.toString();
    }

    private static String millis(long nanos) {
        long hundredths = nanos / 10_000;
        return hundredths / 100 + "." + (hundredths / 10 % 10) + (hundredths % 10);
    }

    private String remedy() {
        return switch (kind) {
            case N_PLUS_ONE ->
                "load all of them by one query: Loader.across(rows, key) for plain JDBC and jOOQ, a fetch join or"
                        + " @BatchSize for Hibernate, or join it to the source";
            case REPEATED_READ ->
                "read it once and pass it on; if several requests need it, cache this: TieredCache, or a Loader"
                        + " within one scope";
            case WRITE_LOOP ->
                "send them together: addBatch and executeBatch, jOOQ's batch, hibernate.jdbc.batch_size, or one"
                        + " statement with an array";
            default ->
                "read all keys by one query: a Loader, or where column = any(?) with all keys; of a tree, a recursive"
                        + " query";
        };
    }
}
