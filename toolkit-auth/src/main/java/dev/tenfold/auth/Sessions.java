package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisUnavailableException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Login sessions: who is logged in, from a random id in a cookie.
 *
 * <pre>{@code
 * Sessions sessions = Sessions.embedded();      // or Sessions.redis(link): nothing else changes
 * Login login = sessions.create("42", Map.of("ip", ip));
 * if (login instanceof Login.Created created) setCookie(created.id());
 *
 * Optional<Session> session = sessions.find(cookie);
 * }</pre>
 *
 * <p>What it does not promise. When Redis fails over, what its old primary had not replicated is undone: a session that was
 * ended a moment before may be back, until it expires. If Redis evicts keys, sessions are lost, and limits count too many for
 * as long as these would have lasted: let it run with {@code noeviction}. A clock that is put forward ends sessions early.
 * Who can read Redis can read subjects and attributes; but not ids, so cannot log in with what is there.
 *
 * <p>What it does:
 *
 * <ul>
 *   <li>An id is 256 bits from {@link java.security.SecureRandom}. Only a digest of it is stored, and it is in no log and no
 *       exception.
 *   <li>A session that was ended, or whose id was {@linkplain #rotate replaced}, is gone at once for all nodes, and nothing
 *       that was under way brings it back.
 *   <li>{@link SessionsOptions#perSubject A limit} holds exactly, however many log-ins come at once, on however many nodes.
 *   <li>It never says that there is no session because Redis does not answer: that is a {@link RedisUnavailableException},
 *       within the link's command timeout, from each method that asks Redis. Answer with status 503 rather than log the user
 *       out.
 *   <li>What has expired leaves nothing behind, without keyspace events.
 * </ul>
 *
 * <p>Cost in round trips: one script for each method; {@link #list} takes one more for each hundred sessions,
 * {@link #endAll} one for each thousand. What cannot be an id, and arguments out of bounds, are refused without any. A lookup
 * writes only if a tenth of the idle time has gone by. On Redis 6.2 a session without attributes takes 260 bytes, as
 * {@code MEMORY USAGE} counts: 195 and, in the subject's index, 65. Embedded there is no I/O and no thread.
 *
 * <p>Ids that look right cost a round trip each. Count failures by address with a rate limiter if you face floods.
 *
 * <p>Safe for use by many threads; virtual ones are not pinned during I/O. If a thread is interrupted while it waits for
 * Redis, {@link io.lettuce.core.RedisCommandInterruptedException} is thrown, and the command may run all the same.
 */
public final class Sessions {
    /** The most attributes that a session has: {@value}. */
    public static final int MOST_ATTRIBUTES = 64;

    /** The longest name of an attribute: {@value} bytes in UTF-8. */
    public static final int LONGEST_NAME = 100;

    /** The longest value of an attribute: {@value} bytes in UTF-8. */
    public static final int LONGEST_VALUE = 4_096;

    /** What all attributes of a session may have, names and values: {@value} bytes in UTF-8. */
    public static final int LARGEST_ATTRIBUTES = 16_384;

    /** The longest subject: {@value} characters. */
    public static final int LONGEST_SUBJECT = 255;

    /** The most sessions that {@link #list} returns: {@value}. */
    public static final int MOST_LISTED = 1_000;

    private final SessionsOptions options;
    private final SessionStore store;
    private final SessionIds ids;
    private final LongAdder created = new LongAdder();
    private final LongAdder found = new LongAdder();
    private final LongAdder missed = new LongAdder();
    private final LongAdder touches = new LongAdder();
    private final LongAdder rotated = new LongAdder();
    private final LongAdder ended = new LongAdder();
    private final LongAdder refused = new LongAdder();

    /** On any store, for tests. */
    Sessions(SessionsOptions options, SessionStore store) {
        this.options = options;
        this.store = store;
        ids = new SessionIds(options.secret);
    }

    /**
     * Sessions in this process's memory, with the default options.
     *
     * @return sessions; see {@link #embedded(UnaryOperator)}
     */
    public static Sessions embedded() {
        return embedded(UnaryOperator.identity());
    }

    /**
     * Sessions in this process's memory. They end with it, and no other node knows them.
     *
     * @param options changes the defaults
     * @return sessions
     * @throws IllegalArgumentException if the options contradict each other
     */
    public static Sessions embedded(UnaryOperator<SessionsOptions> options) {
        SessionsOptions chosen = options.apply(SessionsOptions.DEFAULT).validated();
        return new Sessions(chosen, new EmbeddedSessions(chosen));
    }

    /**
     * Sessions on Redis, with the default options.
     *
     * @param link a server's, Sentinel's or a cluster's
     * @return sessions; see {@link #redis(RedisLink, UnaryOperator)}
     */
    public static Sessions redis(RedisLink link) {
        return redis(link, UnaryOperator.identity());
    }

    /**
     * Sessions on Redis, for all nodes with the same options. Redis need not be there yet. There is nothing to close but the
     * link.
     *
     * @param link a server's, Sentinel's or a cluster's
     * @param options changes the defaults
     * @return sessions
     * @throws IllegalArgumentException if the options contradict each other
     */
    public static Sessions redis(RedisLink link, UnaryOperator<SessionsOptions> options) {
        SessionsOptions chosen = options.apply(SessionsOptions.DEFAULT).validated();
        return new Sessions(chosen, new RedisSessions(Objects.requireNonNull(link, "link"), chosen));
    }

    // ---- one session's life -----------------------------------------------------------------------------------------

    /**
     * Logs a subject in, without attributes.
     *
     * @param subject who; 1 to {@value #LONGEST_SUBJECT} characters
     * @return see {@link #create(String, Map)}
     */
    public Login create(String subject) {
        return create(subject, Map.of());
    }

    /**
     * Logs a subject in: begins a session, if it may have one more. Always gives a new id, so call it after the password was
     * checked, and {@linkplain #end end} a session from before the log-in.
     *
     * @param subject who; 1 to {@value #LONGEST_SUBJECT} characters. It is stored as it is
     * @param attributes at most {@value #MOST_ATTRIBUTES}, with names of 1 to {@value #LONGEST_NAME} bytes, values of up to
     *     {@value #LONGEST_VALUE}, {@value #LARGEST_ATTRIBUTES} in total; any characters. Copied
     * @return the new session and its id, or that there are too many
     * @throws IllegalArgumentException if the subject or the attributes are out of these bounds, before any I/O
     * @throws RedisUnavailableException if Redis did not answer. If the session was made all the same, it is ended as soon as
     *     Redis can be told; if it cannot, it takes one of the subject's places for the idle time
     */
    public Login create(String subject, Map<String, String> attributes) {
        requireSubject(subject);
        Map<String, String> copy = Map.copyOf(attributes);
        requireAttributes(copy);
        String id = ids.make(ids.route(subject));
        SessionStore.Opened opened = store.create(Objects.requireNonNull(ids.place(id)), subject, copy);
        Session session = opened.session();
        if (session == null) {
            refused.increment();
            return new Login.TooMany(opened.others());
        }
        created.increment();
        ended.add(opened.others());
        return new Login.Created(id, session);
    }

    /**
     * Finds a session by its id. If it was last seen a tenth of the idle time ago or longer, it is from now on good for the
     * whole idle time, but never beyond the absolute one.
     *
     * @param id as the cookie has it; any text
     * @return the session; empty if there is none, for certain
     * @throws RedisUnavailableException if Redis did not answer: whether there is a session is not known
     */
    public Optional<Session> find(String id) {
        SessionIds.Place place = ids.place(id);
        Session session = place == null ? null : store.find(place, touches);
        (session == null ? missed : found).increment();
        return Optional.ofNullable(session);
    }

    /**
     * Gives a session another id; the old one is dead at once. Call it when what the session may do changes, so that an id
     * which somebody else knew or planted before is of no use (session fixation). Counts as a touch.
     *
     * @param id as the cookie has it; any text
     * @return the new id, for the cookie; empty if there is no session, or another call has just replaced the id
     * @throws RedisUnavailableException if Redis did not answer. The old id may be dead, and the new one is known to nobody:
     *     the user may have to log in again
     */
    public Optional<String> rotate(String id) {
        SessionIds.Place from = ids.place(id);
        if (from == null) return Optional.empty();
        String fresh = ids.make(from.route());
        if (!store.rotate(from, Objects.requireNonNull(ids.place(fresh)))) return Optional.empty();
        rotated.increment();
        return Optional.of(fresh);
    }

    /**
     * Sets one attribute, and leaves the others as they are: of two requests that set different ones, none is lost. Not a
     * touch.
     *
     * @param id as the cookie has it; any text
     * @param name 1 to {@value #LONGEST_NAME} bytes
     * @param value up to {@value #LONGEST_VALUE} bytes
     * @return false if there is no session
     * @throws IllegalArgumentException if the name or the value is out of these bounds, before any I/O
     * @throws IllegalStateException if the session would have more than {@value #MOST_ATTRIBUTES} attributes, or more than
     *     {@value #LARGEST_ATTRIBUTES} bytes of them; it is as it was
     * @throws RedisUnavailableException if Redis did not answer; the attribute may be set. It can be set again
     */
    public boolean set(String id, String name, String value) {
        requireAttribute(name, Objects.requireNonNull(value, "value"));
        return write(id, name, value);
    }

    /**
     * Removes one attribute, if it is there. Not a touch.
     *
     * @param id as the cookie has it; any text
     * @param name 1 to {@value #LONGEST_NAME} bytes
     * @return false if there is no session
     * @throws IllegalArgumentException if the name is out of these bounds, before any I/O
     * @throws RedisUnavailableException if Redis did not answer; the attribute may be removed. That can be done again
     */
    public boolean remove(String id, String name) {
        requireAttribute(name, "");
        return write(id, name, null);
    }

    private boolean write(String id, String name, @Nullable String value) {
        SessionIds.Place place = ids.place(id);
        if (place == null) return false;
        SessionStore.Written written = store.set(place, name, value);
        if (written == SessionStore.Written.TOO_MANY) {
            throw new IllegalStateException("attribute \"" + name + "\" would be more than the " + MOST_ATTRIBUTES
                    + " that a session may have; remove one, or keep a key to your own table");
        }
        if (written == SessionStore.Written.TOO_LARGE) {
            throw new IllegalStateException(
                    "with attribute \"" + name + "\" the session's attributes would have more than "
                            + LARGEST_ATTRIBUTES + " bytes; remove one, or keep a key to your own table");
        }
        return written == SessionStore.Written.DONE;
    }

    /**
     * Ends a session: logs it out. Nothing that is under way brings it back.
     *
     * @param id as the cookie has it; any text
     * @return false if there was none
     * @throws RedisUnavailableException if Redis did not answer; the session may have ended or not. That can be done again
     */
    public boolean end(String id) {
        SessionIds.Place place = ids.place(id);
        return place != null && counted(store.end(place));
    }

    // ---- all sessions of a subject ----------------------------------------------------------------------------------

    /**
     * Lists a subject's sessions, for a page on which it can end some. Not a touch.
     *
     * @param subject who; 1 to {@value #LONGEST_SUBJECT} characters
     * @return the one that expires last first; {@value #MOST_LISTED} at most. What begins, ends or changes meanwhile may be
     *     there or not
     * @throws IllegalArgumentException if the subject is out of bounds, before any I/O
     * @throws RedisUnavailableException if Redis did not answer
     */
    public List<Session> list(String subject) {
        requireSubject(subject);
        return store.list(ids.route(subject));
    }

    /**
     * Ends one of a subject's sessions, by its public name.
     *
     * @param subject whose it is, as this process knows it: nobody can end what belongs to others
     * @param handle {@link Session#handle}; any text
     * @return false if the subject has no such session
     * @throws IllegalArgumentException if the subject is out of bounds, before any I/O
     * @throws RedisUnavailableException if Redis did not answer; the session may have ended or not. That can be done again
     */
    public boolean endByHandle(String subject, String handle) {
        requireSubject(subject);
        return SessionIds.isName(handle) && counted(store.end(new SessionIds.Place(ids.route(subject), handle)));
    }

    /**
     * Ends all sessions of a subject, for a changed password. One step for up to a thousand. What is being created
     * meanwhile may live on: change the password first.
     *
     * @param subject who; 1 to {@value #LONGEST_SUBJECT} characters
     * @return how many it ended
     * @throws IllegalArgumentException if the subject is out of bounds, before any I/O
     * @throws RedisUnavailableException if Redis did not answer; some may have ended. That can be done again
     */
    public int endAll(String subject) {
        requireSubject(subject);
        int count = store.endAll(ids.route(subject), null);
        ended.add(count);
        return count;
    }

    /**
     * Ends all sessions of a subject but one. Otherwise like {@link #endAll}.
     *
     * @param subject who; 1 to {@value #LONGEST_SUBJECT} characters
     * @param id of the session that stays, as the cookie has it; if that is not one of the subject's, all end
     * @return how many it ended
     * @throws IllegalArgumentException if the subject is out of bounds, or the id cannot be one, before any I/O
     * @throws RedisUnavailableException if Redis did not answer; some may have ended. That can be done again
     */
    public int endAllBut(String subject, String id) {
        requireSubject(subject);
        SessionIds.Place stays = ids.place(id);
        if (stays == null) {
            throw new IllegalArgumentException("the id of the session that stays has " + id.length()
                    + " characters and cannot be one; give the id from the cookie, or use endAll");
        }
        int count = store.endAll(ids.route(subject), stays.name());
        ended.add(count);
        return count;
    }

    private boolean counted(boolean hasEnded) {
        if (hasEnded) ended.increment();
        return hasEnded;
    }

    /**
     * What was done so far, in this process.
     *
     * @return a snapshot
     */
    public SessionsStats stats() {
        return new SessionsStats(
                created.sum(), found.sum(), missed.sum(), touches.sum(), rotated.sum(), ended.sum(), refused.sum());
    }

    /** Where they are, and the options; no secret. */
    @Override
    public String toString() {
        return (store instanceof EmbeddedSessions ? "embedded" : "on Redis") + " sessions, " + options;
    }

    // ---- bounds; messages show lengths and names, never a subject or a value ----------------------------------------

    private static void requireSubject(String subject) {
        if (subject.isEmpty() || subject.length() > LONGEST_SUBJECT) {
            throw new IllegalArgumentException("a subject has " + subject.length() + " characters; give 1 to "
                    + LONGEST_SUBJECT + ", such as the user's key in your table");
        }
        if (!isUnicode(subject)) {
            throw new IllegalArgumentException(
                    "a subject has half of a character (an unpaired surrogate) in it; give text");
        }
    }

    private static void requireAttributes(Map<String, String> attributes) {
        if (attributes.size() > MOST_ATTRIBUTES) {
            throw new IllegalArgumentException(
                    attributes.size() + " attributes are too many for a session; give at most " + MOST_ATTRIBUTES);
        }
        attributes.forEach(Sessions::requireAttribute);
        int bytes = bytes(attributes);
        if (bytes > LARGEST_ATTRIBUTES) {
            throw new IllegalArgumentException("the attributes have " + bytes
                    + " bytes, which is too much for a session; give at most " + LARGEST_ATTRIBUTES);
        }
    }

    private static void requireAttribute(String name, String value) {
        // The characters first: they are no more than the bytes, and cost nothing to count.
        if (name.isEmpty() || name.length() > LONGEST_NAME || bytes(name) > LONGEST_NAME) {
            throw new IllegalArgumentException("an attribute's name has " + name.length()
                    + " characters; give one of 1 to " + LONGEST_NAME + " bytes in UTF-8");
        }
        if (value.length() > LONGEST_VALUE || bytes(value) > LONGEST_VALUE) {
            throw new IllegalArgumentException("attribute \"" + name + "\" has " + value.length()
                    + " characters; give at most " + LONGEST_VALUE + " bytes in UTF-8, or a key to your own table");
        }
        if (!isUnicode(name) || !isUnicode(value)) {
            throw new IllegalArgumentException(
                    "an attribute has half of a character (an unpaired surrogate) in its name or value; give text");
        }
    }

    private static boolean isUnicode(String text) {
        return UTF_8.newEncoder().canEncode(text);
    }

    static int bytes(Map<String, String> attributes) {
        int bytes = 0;
        for (Map.Entry<String, String> each : attributes.entrySet()) {
            bytes += bytes(each.getKey()) + bytes(each.getValue());
        }
        return bytes;
    }

    private static int bytes(String text) {
        return text.getBytes(UTF_8).length;
    }

    static Instant instant(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
    }
}
