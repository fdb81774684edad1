package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.time.Duration;
import java.time.InstantSource;
import java.util.Objects;

/**
 * How long {@link Sessions} last, how many there may be, and how they are named on Redis. Immutable: each method returns
 * changed options. All nodes need the same.
 *
 * <pre>{@code
 * Sessions sessions = Sessions.redis(link, o -> o.idle(ofMinutes(30)).perSubject(3, WhenFull.END_OLDEST).secret(secret));
 * }</pre>
 *
 * <p>Without changes, a session ends 30 minutes after it was last used and 12 hours after the log-in, as NIST SP 800-63B
 * (revision 3, section 4.2.3) asks for at its second level of assurance.
 */
public final class SessionsOptions {
    /** The most that {@link #perSubject} allows: {@value}. */
    public static final int MOST_PER_SUBJECT = 1_000;

    private static final Duration SHORTEST = Duration.ofMillis(100);
    private static final Duration LONGEST = Duration.ofDays(400);
    private static final int SHORTEST_SECRET = 16;

    static final SessionsOptions DEFAULT = new SessionsOptions(
            Duration.ofMinutes(30),
            Duration.ofHours(12),
            0,
            WhenFull.REFUSE,
            "tenfold:",
            "tenfold-auth-sessions".getBytes(US_ASCII),
            InstantSource.system());

    final Duration idle;
    final Duration absolute;

    /** Zero for any number. */
    final int perSubject;

    final WhenFull whenFull;
    final String prefix;
    final byte[] secret;
    final InstantSource clock;

    private SessionsOptions(
            Duration idle,
            Duration absolute,
            int perSubject,
            WhenFull whenFull,
            String prefix,
            byte[] secret,
            InstantSource clock) {
        this.idle = idle;
        this.absolute = absolute;
        this.perSubject = perSubject;
        this.whenFull = whenFull;
        this.prefix = prefix;
        this.secret = secret;
        this.clock = clock;
    }

    /**
     * How long a session lives after it was last seen. A lookup extends it only if a tenth of this has gone by since the
     * last time, so a session may end up to a tenth early.
     *
     * @param time 100 milliseconds to 400 days, not longer than {@link #absolute}; default 30 minutes
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public SessionsOptions idle(Duration time) {
        requireLifetime("idle", time);
        return new SessionsOptions(time, absolute, perSubject, whenFull, prefix, secret, clock);
    }

    /**
     * How long a session lives after the log-in, however much it is used.
     *
     * @param time 100 milliseconds to 400 days, not shorter than {@link #idle}; default 12 hours. If you make it shorter,
     *     a session that is there learns of it when it is next touched
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public SessionsOptions absolute(Duration time) {
        requireLifetime("absolute", time);
        return new SessionsOptions(idle, time, perSubject, whenFull, prefix, secret, clock);
    }

    private static void requireLifetime(String name, Duration time) {
        if (time.compareTo(SHORTEST) < 0 || time.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(name + " " + time + " must be from 100 milliseconds to 400 days");
        }
    }

    /**
     * How many sessions a subject may have at the same time. Exact, however many log-ins come at once; by default there is
     * no limit.
     *
     * @param sessions 1 to {@value #MOST_PER_SUBJECT}
     * @param then what a log-in does when there are so many
     * @return changed options
     * @throws IllegalArgumentException for another number
     */
    public SessionsOptions perSubject(int sessions, WhenFull then) {
        if (sessions < 1 || sessions > MOST_PER_SUBJECT) {
            throw new IllegalArgumentException(
                    "perSubject " + sessions + " must be from 1 to 1,000; leave it out for no limit");
        }
        Objects.requireNonNull(then, "then");
        return new SessionsOptions(idle, absolute, sessions, then, prefix, secret, clock);
    }

    /**
     * What the names of all keys on Redis begin with.
     *
     * @param newPrefix up to 64 printable ASCII characters without braces; default {@code tenfold:}
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public SessionsOptions prefix(String newPrefix) {
        if (newPrefix.length() > 64 || newPrefix.chars().anyMatch(c -> c <= ' ' || c > '~' || c == '{' || c == '}')) {
            throw new IllegalArgumentException("prefix \"" + newPrefix
                    + "\" must be up to 64 printable ASCII characters, without blanks and braces");
        }
        return new SessionsOptions(idle, absolute, perSubject, whenFull, newPrefix, secret, clock);
    }

    /**
     * The secret of the digests that stand for ids and subjects. Sessions are as hard to steal without one, since an id is
     * 256 random bits. But without one of your own, who has an id, even one that has ended, or can read the names of keys,
     * can find out by trying whose it is; and who floods you with made-up ids can choose which node of a cluster they go to.
     * Another secret ends all sessions.
     *
     * @param newSecret at least 16 bytes; copied
     * @return changed options
     * @throws IllegalArgumentException if it is shorter
     */
    public SessionsOptions secret(byte[] newSecret) {
        if (newSecret.length < SHORTEST_SECRET) {
            throw new IllegalArgumentException(
                    "the secret has " + newSecret.length + " bytes; give at least 16, from a random generator");
        }
        return new SessionsOptions(idle, absolute, perSubject, whenFull, prefix, newSecret.clone(), clock);
    }

    /**
     * The clock of embedded sessions. On Redis, its own clock counts.
     *
     * @param newClock default {@link InstantSource#system()}
     * @return changed options
     */
    public SessionsOptions clock(InstantSource newClock) {
        Objects.requireNonNull(newClock, "newClock");
        return new SessionsOptions(idle, absolute, perSubject, whenFull, prefix, secret, newClock);
    }

    /** What only all of them together tell. */
    SessionsOptions validated() {
        if (idle.compareTo(absolute) > 0) {
            throw new IllegalArgumentException(
                    "idle " + idle + " must not exceed absolute " + absolute + "; raise absolute(…) or lower idle(…)");
        }
        return this;
    }

    long idleMicros() {
        return idle.toNanos() / 1_000;
    }

    long absoluteMicros() {
        return absolute.toNanos() / 1_000;
    }

    /** Since it was last seen; from then on a lookup is also a touch. */
    long touchMicros() {
        return idleMicros() / 10;
    }

    /** For messages; the secret does not show. */
    @Override
    public String toString() {
        return "idle " + idle + ", absolute " + absolute + ", perSubject "
                + (perSubject == 0 ? "unlimited" : perSubject + " " + whenFull) + ", prefix " + prefix;
    }
}
