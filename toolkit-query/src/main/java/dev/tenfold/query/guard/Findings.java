package dev.tenfold.query.guard;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one guard found, added up: one finding for each kind, statement and call site. Tells the log and the listener.
 *
 * <p>A thousand are kept; beyond, the one that was not seen for the longest time goes, and is news when it comes again.
 */
final class Findings {
    private static final Logger LOG = LoggerFactory.getLogger(QueryGuard.class);

    static final int MOST = 1_000;
    /** So many warnings a minute, however many different findings there are. */
    private static final int MOST_WARNINGS = 30;

    private static final String LEFT_OUT =
            "\n  further findings are left out of the log for the rest of the minute; QueryGuard.findings() has them";

    private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);
    private static final long HOUR = TimeUnit.HOURS.toNanos(1);

    private final LongSupplier nanos;
    private final @Nullable Consumer<Finding> listener;

    /** Guarded by itself; the one that was seen last is at its end. */
    private final LinkedHashMap<List<Object>, Known> known = new LinkedHashMap<>(16, 0.75f, true);

    private final Map<FindingKind, LongAdder> occurrences = new EnumMap<>(FindingKind.class);
    private int warnings;
    private long warningsFrom;

    Findings(LongSupplier nanos, @Nullable Consumer<Finding> listener) {
        this.nanos = nanos;
        this.listener = listener;
        this.warningsFrom = nanos.getAsLong() - MINUTE;
        for (FindingKind kind : FindingKind.values()) {
            occurrences.put(kind, new LongAdder());
        }
    }

    /**
     * Those are the same that have the same. The scope's name tells those apart that have neither a statement nor a site. It is no
     * record: the JDK keeps a record's class, and so its loader, once two were compared.
     */
    private static List<Object> key(Finding finding) {
        String scope = finding.callers().isEmpty() ? finding.scope() : "";
        return List.of(finding.kind(), finding.fingerprint(), finding.callers(), scope);
    }

    private static final class Known {
        Finding totals;
        long toldAt;
        long loggedAt;
        boolean isLogged;

        Known(Finding first, long now) {
            totals = first;
            toldAt = now;
        }
    }

    /**
     * Adds an occurrence: its count, scopes and lost time to those of the same kind, statement and call site.
     *
     * @return the totals
     */
    Finding add(Finding occurrence) {
        return add(occurrence, true);
    }

    /** The same, and says whether to log it. */
    Finding add(Finding occurrence, boolean mayLog) {
        long now = nanos.getAsLong();
        boolean isTold = true;
        boolean isLogged;
        boolean isLast;
        Finding totals;
        synchronized (known) {
            List<Object> key = key(occurrence);
            Known it = known.get(key);
            if (it == null) {
                it = new Known(occurrence, now);
                known.put(key, it);
                if (known.size() > MOST) removeEldest();
            } else {
                boolean saysMore = it.totals.source() == null && occurrence.source() != null;
                it.totals = sum(it.totals, occurrence);
                if (saysMore) it.isLogged = false;
                isTold = saysMore || now - it.toldAt >= MINUTE;
                if (isTold) it.toldAt = now;
            }
            isLogged = mayLog && isLogged(it, now);
            isLast = isLogged && warnings == MOST_WARNINGS;
            totals = it.totals;
        }
        if (occurrence.scopes() > 0) of(totals.kind()).add(occurrence.scopes());
        if (isLogged) LOG.warn("{}{}", totals.text(), isLast ? LEFT_OUT : "");
        if (isTold) tell(totals);
        return totals;
    }

    private void removeEldest() {
        Iterator<List<Object>> eldest = known.keySet().iterator();
        eldest.next();
        eldest.remove();
    }

    private boolean isLogged(Known it, long now) {
        if (it.isLogged && now - it.loggedAt < HOUR) return false;
        if (now - warningsFrom >= MINUTE) {
            warningsFrom = now;
            warnings = 0;
        }
        // What is left out is logged when it is seen again.
        if (warnings == MOST_WARNINGS) return false;
        warnings++;
        it.isLogged = true;
        it.loggedAt = now;
        return true;
    }

    private static Finding sum(Finding before, Finding more) {
        return new Finding(
                before.kind(),
                before.fingerprint(),
                before.statement(),
                before.site(),
                before.callers(),
                more.source() == null ? before.source() : more.source(),
                more.scope(),
                before.count() + more.count(),
                before.scopes() + more.scopes(),
                before.lost().plus(more.lost()),
                more.detail(),
                more.remedy());
    }

    private void tell(Finding totals) {
        if (listener == null) return;
        try {
            listener.accept(totals);
        } catch (Throwable e) {
            LOG.warn(
                    "a listener of the query guard threw, and the statement went on; make it catch what it can throw",
                    e);
        }
    }

    /** The totals, those that were seen last first. */
    List<Finding> all() {
        List<Finding> all = new ArrayList<>();
        synchronized (known) {
            for (Known it : known.values()) {
                all.add(it.totals);
            }
        }
        Collections.reverse(all);
        return List.copyOf(all);
    }

    void forget() {
        synchronized (known) {
            known.clear();
        }
    }

    /** In how many scopes something of a kind was found. */
    LongAdder of(FindingKind kind) {
        return Objects.requireNonNull(occurrences.get(kind));
    }
}
