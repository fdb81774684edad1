package dev.tenfold.jobs;

import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Jobs that were given up: look at them, mend them, run them again or throw them away.
 *
 * <pre>{@code
 * DeadLetters dead = jobs.deadLetters();
 * for (DeadLetters.Group each : dead.groups(f -> f.queue("mail"), 20)) show(each);      // what goes wrong, and how often
 * Page<DeadLetter> page = dead.list(f -> f.kind("send-receipt").reason(EXHAUSTED), 50);
 * dead.replay(42);                                                                      // after the bug is mended
 * dead.replayAll(f -> f.fingerprint(print));
 * dead.purgeAll(f -> f.until(lastYear));
 * }</pre>
 *
 * <p><b>What it does not.</b> A replay runs all of the handler again: what the failed attempts did outside of the database's
 * transaction is done once more. Nothing purges dead letters by itself; they stay until somebody decides.
 *
 * <p>All methods block for the database on the calling thread, and throw {@link JobException} if it refuses. Thread-safe.
 */
public final class DeadLetters {
    /** What came of a replay. */
    public enum Replay {
        /** It is a job again, due now, under its old id, with all its attempts before it. */
        REPLAYED,
        /** An unfinished job has its unique key. It is dead still; replay it when that one is done, or purge it. */
        DUPLICATE,
        /** There is no such letter: purged, replayed by somebody else, or never there. */
        UNKNOWN
    }

    /**
     * Dead letters whose last errors are alike.
     *
     * @param fingerprint for {@link DeadFilter#fingerprint}; empty for those without an exception
     * @param count how many of the newest {@value BoundedCount#MOST} that fit; not exact if more than that fit
     * @param firstSeen when the first of those died
     * @param lastSeen when the newest died
     * @param newest the newest one's id
     * @param type the class of the newest one's last exception; empty without one
     * @param message of the newest one's last error
     */
    public record Group(
            String fingerprint,
            BoundedCount count,
            Instant firstSeen,
            Instant lastSeen,
            long newest,
            String type,
            String message) {}

    private final DeadLetterTable table;
    private final Kinds kinds;
    private final PayloadCodec codec;
    private final int maxPayload;
    private final Wakeups wakeups;

    DeadLetters(JobQueue jobs) {
        this(jobs.db, jobs.store, jobs.kinds, jobs.codec, jobs.options.maxPayload, jobs.wakeups);
    }

    DeadLetters(Db db, JobStore store, Kinds kinds, PayloadCodec codec, int maxPayload, Wakeups wakeups) {
        this.table = new DeadLetterTable(db, store);
        this.kinds = kinds;
        this.codec = codec;
        this.maxPayload = maxPayload;
        this.wakeups = wakeups;
    }

    // ---- looking ----------------------------------------------------------------------------------------------------

    /**
     * The newest letters that fit. One statement; an index leads through the times, so a filter that few of many letters fit
     * may read many.
     *
     * @param filter which ones: {@code f -> f} for all
     * @param limit 1 to 1,000
     * @return newest first, without payloads and errors
     * @throws IllegalArgumentException if the limit does not fit
     */
    public Page<DeadLetter> list(UnaryOperator<DeadFilter> filter, int limit) {
        return list(filter, limit, null);
    }

    /**
     * A page of the letters that fit. Letters with equal times are told apart by their ids, so none is left out or shown
     * twice.
     *
     * @param filter the same as for the page before
     * @param limit 1 to 1,000
     * @param after {@link Page#next} of the page before; null for the first page
     * @return newest first, without payloads and errors
     * @throws IllegalArgumentException if the limit does not fit, or {@code after} is not from a page
     */
    public Page<DeadLetter> list(UnaryOperator<DeadFilter> filter, int limit, @Nullable String after) {
        DeadFilter wanted = filter.apply(DeadFilter.ALL);
        Page.checkLimit(limit);
        Page.Place place = after == null ? null : Page.Place.parse(after);
        return JobException.unless("list the dead letters", () -> {
            List<DeadLetterTable.Row> rows = table.list(wanted, place, limit + 1);
            boolean isLast = rows.size() <= limit;
            List<DeadLetter> letters = new ArrayList<>();
            for (DeadLetterTable.Row each : isLast ? rows : rows.subList(0, limit)) {
                letters.add(letter(each, Optional.empty(), List.of()));
            }
            DeadLetterTable.@Nullable Row last = isLast ? null : rows.get(limit - 1);
            return new Page<>(
                    List.copyOf(letters),
                    last == null ? Optional.empty() : Optional.of(new Page.Place(last.diedAt, last.id).toString()));
        });
    }

    /**
     * One letter, with payload and errors. Two statements.
     *
     * @param id a job's
     * @return empty if there is no such letter
     */
    public Optional<DeadLetter> find(long id) {
        return JobException.unless("look for dead letter " + id, () -> {
            DeadLetterTable.Row row = table.find(id);
            return row == null
                    ? Optional.empty()
                    : Optional.of(letter(
                            row,
                            Optional.ofNullable(row.payload).map(bytes -> PayloadText.of(bytes, codec)),
                            table.errors(id)));
        });
    }

    /**
     * What goes wrong: the newest {@value BoundedCount#MOST} letters that fit, by their last errors' fingerprints. Two
     * statements.
     *
     * @param filter which ones
     * @param limit how many groups at most, 1 to 1,000
     * @return the group that grew last first
     * @throws IllegalArgumentException if the limit does not fit
     */
    public List<Group> groups(UnaryOperator<DeadFilter> filter, int limit) {
        DeadFilter wanted = filter.apply(DeadFilter.ALL);
        Page.checkLimit(limit);
        return JobException.unless("group the dead letters", () -> {
            List<DeadLetterTable.Group> groups = table.groups(wanted, limit);
            boolean isExact =
                    groups.stream().mapToLong(DeadLetterTable.Group::count).sum() <= BoundedCount.MOST;
            Map<Long, String> types = table.lastTypes(
                    groups.stream().map(DeadLetterTable.Group::newest).toList());
            return groups.stream()
                    .map(group -> new Group(
                            group.fingerprint(),
                            new BoundedCount((int) Math.min(group.count(), BoundedCount.MOST), isExact),
                            Times.instant(group.first()),
                            Times.instant(group.last()),
                            group.newest(),
                            types.getOrDefault(group.newest(), ""),
                            group.message()))
                    .toList();
        });
    }

    private DeadLetter letter(DeadLetterTable.Row row, Optional<String> payload, List<JobError> errors)
            throws SQLException {
        return new DeadLetter(
                row.id,
                kinds.kindName(row.kind),
                kinds.queueName(row.queue),
                row.priority,
                row.reason,
                Times.instant(row.createdAt),
                Times.instant(row.diedAt),
                row.attempts,
                row.failures,
                row.maxAttempts,
                row.fingerprint,
                row.message,
                Headers.decode(row.headers),
                row.payloadVersion,
                payload,
                errors);
    }

    // ---- running again ----------------------------------------------------------------------------------------------

    /**
     * Makes a letter a job again, due now. It keeps its id, payload, headers, errors and fencing token; its attempts are
     * counted from 0. One transaction; of several calls at once, one replays.
     *
     * @param id a job's
     * @return what came of it
     */
    public Replay replay(long id) {
        return Objects.requireNonNull(replay(List.of(id)).get(id), "an answer for each id");
    }

    /**
     * The same for a selection, in pieces of 1,000, each a transaction. If it fails between two pieces, those before are
     * replayed; call it again.
     *
     * @param ids of jobs
     * @return what came of each, in the order given
     */
    public Map<Long, Replay> replay(Collection<Long> ids) {
        return JobException.unless("replay dead letters", () -> {
            Map<Long, Replay> outcomes = new LinkedHashMap<>();
            for (List<Long> piece : pieces(ids)) {
                outcomes.putAll(replayPiece(piece));
            }
            return outcomes;
        });
    }

    /**
     * The same for all that fit and are dead when the call begins, oldest first, in pieces of 1,000, each a transaction. Those
     * that die again meanwhile are not replayed again.
     *
     * @param filter which ones; {@link #groups} and {@link #list} with the same filter show them before
     * @return how many were replayed; those that {@linkplain Replay#DUPLICATE stay dead} are not counted
     */
    public long replayAll(UnaryOperator<DeadFilter> filter) {
        return all(
                "replay dead letters",
                filter,
                ids -> replayPiece(ids).values().stream()
                        .filter(outcome -> outcome == Replay.REPLAYED)
                        .count());
    }

    private Map<Long, Replay> replayPiece(Collection<Long> ids) throws SQLException {
        DeadLetterTable.Replayed replayed = table.replay(ids);
        replayed.lanes().forEach(wakeups::wake);
        return replayed.outcomes();
    }

    /**
     * Gives a letter another payload, as when the old one has a wrong value; replay it then. Its unique key stays as it was
     * enqueued.
     *
     * @param id a job's
     * @param payload of a class whose kind, or a former name of it, is the letter's
     * @return false if there is no such letter
     * @throws IllegalArgumentException if it is of another kind, cannot be written by the codec, or is too large; nothing has
     *     changed
     */
    public boolean edit(long id, Object payload) {
        Objects.requireNonNull(payload, "payload");
        Kind<?> kind = kinds.of(payload.getClass());
        byte[] bytes = encoded(kind, payload);
        return JobException.unless("edit dead letter " + id, () -> {
            DeadLetterTable.Row row = table.find(id);
            if (row == null) {
                return false;
            }
            String name = kinds.kindName(row.kind);
            if (kind.names().noneMatch(name::equals)) {
                throw new IllegalArgumentException("dead letter " + id + " is a " + name + ", and "
                        + payload.getClass().getName() + " is a " + kind.name
                        + ": give it a payload of its own kind, or enqueue a new job and purge the letter");
            }
            return table.edit(id, bytes, kind.version);
        });
    }

    private byte[] encoded(Kind<?> kind, Object payload) {
        byte[] bytes;
        try {
            bytes = codec.encode(payload);
        } catch (Exception e) {
            throw new IllegalArgumentException(
                    "a " + kind.name + " cannot be written: "
                            + payload.getClass().getName() + ": " + e.getMessage(),
                    e);
        }
        if (bytes.length > maxPayload) {
            throw new IllegalArgumentException("a " + kind.name + " of " + bytes.length + " bytes is more than the "
                    + maxPayload + " that a payload may have; store the data elsewhere and enqueue its key");
        }
        return bytes;
    }

    // ---- throwing away ----------------------------------------------------------------------------------------------

    /**
     * Deletes a letter for good, with its errors. A batch or chain that waits for it waits no longer: it counts as lost.
     *
     * @param id a job's
     * @return false if there was none
     */
    public boolean purge(long id) {
        return purge(List.of(id)) == 1;
    }

    /**
     * The same for a selection, in pieces of 1,000, each a transaction.
     *
     * @param ids of jobs
     * @return how many there were
     */
    public long purge(Collection<Long> ids) {
        return JobException.unless("purge dead letters", () -> {
            long purged = 0;
            for (List<Long> piece : pieces(ids)) {
                purged += purgePiece(piece);
            }
            return purged;
        });
    }

    /**
     * The same for all that fit and are dead when the call begins, in pieces of 1,000, each a transaction.
     *
     * @param filter which ones
     * @return how many there were
     */
    public long purgeAll(UnaryOperator<DeadFilter> filter) {
        return all("purge dead letters", filter, this::purgePiece);
    }

    private long purgePiece(Collection<Long> ids) throws SQLException {
        DeadLetterTable.Purged purged = table.purge(ids);
        if (purged.hadBatch()) {
            wakeups.wake(null);
        }
        return purged.letters();
    }

    // ---- pieces -----------------------------------------------------------------------------------------------------

    private interface Piece {
        long handle(List<Long> ids) throws SQLException;
    }

    private long all(String what, UnaryOperator<DeadFilter> filter, Piece piece) {
        DeadFilter wanted = filter.apply(DeadFilter.ALL);
        return JobException.unless(what, () -> {
            long until = table.now();
            long handled = 0;
            Page.Place after = new Page.Place(Long.MIN_VALUE, 0);
            while (true) {
                List<Page.Place> places = table.places(wanted, until, after);
                if (!places.isEmpty()) {
                    handled += piece.handle(places.stream().map(Page.Place::id).toList());
                    after = places.get(places.size() - 1);
                }
                if (places.size() < DeadLetterTable.PIECE) {
                    return handled;
                }
            }
        });
    }

    private static List<List<Long>> pieces(Collection<Long> ids) {
        Set<Long> each = new LinkedHashSet<>(ids);
        List<Long> all = List.copyOf(each);
        List<List<Long>> pieces = new ArrayList<>();
        for (int from = 0; from < all.size(); from += DeadLetterTable.PIECE) {
            pieces.add(all.subList(from, Math.min(all.size(), from + DeadLetterTable.PIECE)));
        }
        return pieces;
    }
}
