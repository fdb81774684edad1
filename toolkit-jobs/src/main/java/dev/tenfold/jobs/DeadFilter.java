package dev.tenfold.jobs;

import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which dead letters are meant: those that fit all that is said; without anything, all. Immutable: each method returns a
 * changed filter.
 *
 * <p>A kind or queue that nobody has ever heard of has no letters; that is no error.
 */
public final class DeadFilter {
    static final DeadFilter ALL = new DeadFilter(null, null, null, null, null, null);

    final @Nullable String kind;
    final @Nullable String queue;
    final @Nullable DeadReason reason;
    final @Nullable String fingerprint;
    final @Nullable Instant since;
    final @Nullable Instant until;

    private DeadFilter(
            @Nullable String kind,
            @Nullable String queue,
            @Nullable DeadReason reason,
            @Nullable String fingerprint,
            @Nullable Instant since,
            @Nullable Instant until) {
        this.kind = kind;
        this.queue = queue;
        this.reason = reason;
        this.fingerprint = fingerprint;
        this.since = since;
        this.until = until;
    }

    /**
     * Of one kind.
     *
     * @param name as it was when the job was enqueued; default any
     * @return a changed filter
     */
    public DeadFilter kind(String name) {
        return new DeadFilter(Objects.requireNonNull(name, "name"), queue, reason, fingerprint, since, until);
    }

    /**
     * Of one queue.
     *
     * @param name the queue's; default any
     * @return a changed filter
     */
    public DeadFilter queue(String name) {
        return new DeadFilter(kind, Objects.requireNonNull(name, "name"), reason, fingerprint, since, until);
    }

    /**
     * Given up for one reason.
     *
     * @param why default any
     * @return a changed filter
     */
    public DeadFilter reason(DeadReason why) {
        return new DeadFilter(kind, queue, Objects.requireNonNull(why, "why"), fingerprint, since, until);
    }

    /**
     * With one last error.
     *
     * @param print a {@link JobError#fingerprint}; empty for letters without an exception; default any
     * @return a changed filter
     */
    public DeadFilter fingerprint(String print) {
        return new DeadFilter(kind, queue, reason, Objects.requireNonNull(print, "print"), since, until);
    }

    /**
     * Given up then or later.
     *
     * @param time default the beginning
     * @return a changed filter
     */
    public DeadFilter since(Instant time) {
        return new DeadFilter(kind, queue, reason, fingerprint, Objects.requireNonNull(time, "time"), until);
    }

    /**
     * Given up before that.
     *
     * @param time default the end
     * @return a changed filter
     */
    public DeadFilter until(Instant time) {
        return new DeadFilter(kind, queue, reason, fingerprint, since, Objects.requireNonNull(time, "time"));
    }
}
