package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisScript;
import dev.tenfold.redis.RedisScript.Reply;
import io.lettuce.core.RedisException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Sessions on Redis.
 *
 * <pre>
 *   tenfold:{route}:session:name   hash: subject, times, attributes (see session-create.lua); expires with the session
 *   tenfold:{route}:sessions       sorted set of the names by when they expire; expires with the last of them
 * </pre>
 *
 * <p>A limit is exact only if one script sees all sessions of a subject, and a session that was ended must be gone for who asks
 * by its id alone. There were two ways to have both in a cluster. The set alone could be the authority, in a slot of its own:
 * then each lookup asks two nodes, and can fall between two writes. So the id says which subject it belongs to, and the hash
 * tag is per subject: session and set are in one slot, each script changes both, and a lookup is one script on one node. The
 * price is that all sessions of a subject are on one node, and an id that is 22 characters longer; a mask hides the subject in
 * it (see {@link SessionIds}).
 *
 * <p>Scripts that end sessions name these from what the set has: same hash tag, same slot, as Redis and Valkey allow. Neither
 * ids nor subjects are in the name of a key.
 */
class RedisSessions implements SessionStore {
    static final RedisScript<List<Object>> CREATE = listScript("session-create.lua");
    static final RedisScript<List<Object>> FIND = listScript("session-find.lua");
    static final RedisScript<Long> ROTATE = integerScript("session-rotate.lua");
    static final RedisScript<Long> SET = integerScript("session-set.lua");
    static final RedisScript<Long> END = integerScript("session-end.lua");
    static final RedisScript<List<Object>> END_ALL = listScript("session-end-all.lua");
    static final RedisScript<List<Object>> LIST = listScript("session-list.lua");

    private static final byte[] MOST_ATTRIBUTES = ascii(Sessions.MOST_ATTRIBUTES);
    private static final byte[] LARGEST_ATTRIBUTES = ascii(Sessions.LARGEST_ATTRIBUTES);
    private static final byte[] MOST_LISTED = ascii(Sessions.MOST_LISTED);

    /** Sessions that are read at once to be listed: 1.6 MB at the most. */
    private static final int READ_AT_ONCE = 100;

    private final RedisLink link;
    private final SessionsOptions options;
    private final byte[] idle;
    private final byte[] absolute;
    private final byte[] touch;

    RedisSessions(RedisLink link, SessionsOptions options) {
        this.link = link;
        this.options = options;
        idle = ascii(options.idleMicros());
        absolute = ascii(options.absoluteMicros());
        touch = ascii(options.touchMicros());
    }

    private static RedisScript<List<Object>> listScript(String name) {
        return RedisScript.load(RedisSessions.class, name, Reply.LIST);
    }

    private static RedisScript<Long> integerScript(String name) {
        return RedisScript.load(RedisSessions.class, name, Reply.INTEGER);
    }

    /** Overridden by tests that have a clock. */
    <T> CompletableFuture<T> eval(RedisScript<T> script, byte[][] keys, byte[]... args) {
        return link.eval(script, keys, args);
    }

    private <T> T run(RedisScript<T> script, byte[][] keys, byte[]... args) {
        return link.await(eval(script, keys, args));
    }

    // ---- one session's life -----------------------------------------------------------------------------------------

    @Override
    public Opened create(SessionIds.Place place, String subject, Map<String, String> attributes) {
        List<byte[]> args = new ArrayList<>(6 + 2 * attributes.size());
        args.add(ascii(place.name()));
        args.add(idle);
        args.add(absolute);
        args.add(ascii(options.perSubject));
        args.add(ascii(options.whenFull.name()));
        args.add(subject.getBytes(UTF_8));
        attributes.forEach((name, value) -> {
            args.add(field(name));
            args.add(value.getBytes(UTF_8));
        });
        List<Object> reply;
        try {
            reply = run(CREATE, sessionAndIndex(place), args.toArray(new byte[0][]));
        } catch (RedisException e) {
            // If it was created all the same, nobody has its id: it must not take a place. It gets there after the
            // other, as
            // commands on a connection keep their order; if it does not, the session lasts for the idle time.
            var unused = eval(END, sessionAndIndex(place), ascii(place.name()));
            throw e;
        }
        if (number(reply.get(0)) == 0) return new Opened(null, Math.toIntExact(number(reply.get(1))));
        Session session = new Session(
                subject,
                place.name(),
                Sessions.instant(number(reply.get(1))),
                Sessions.instant(number(reply.get(1))),
                Sessions.instant(number(reply.get(2))),
                attributes);
        return new Opened(session, Math.toIntExact(number(reply.get(3))));
    }

    @Override
    public @Nullable Session find(SessionIds.Place place, LongAdder touches) {
        List<Object> reply = run(FIND, sessionAndIndex(place), ascii(place.name()), idle, absolute, touch);
        if (reply.isEmpty()) return null;
        touches.add(number(reply.get(0)));
        List<?> flat = (List<?>) reply.get(1);
        Map<String, String> fields = new HashMap<>();
        for (int i = 0; i + 1 < flat.size(); i += 2) fields.put(text(flat.get(i)), text(flat.get(i + 1)));
        return session(place.name(), fields);
    }

    @Override
    public boolean rotate(SessionIds.Place from, SessionIds.Place to) {
        byte[][] keys = {session(from.route(), from.name()), index(from.route()), session(to.route(), to.name())};
        return run(ROTATE, keys, ascii(from.name()), ascii(to.name()), idle, absolute) == 1;
    }

    @Override
    public Written set(SessionIds.Place place, String name, @Nullable String value) {
        byte[][] keys = {session(place.route(), place.name())};
        long written = value == null
                ? run(SET, keys, field(name), MOST_ATTRIBUTES, LARGEST_ATTRIBUTES)
                : run(SET, keys, field(name), MOST_ATTRIBUTES, LARGEST_ATTRIBUTES, value.getBytes(UTF_8));
        if (written == 1) return Written.DONE;
        if (written == 0) return Written.NO_SESSION;
        return written == -1 ? Written.TOO_MANY : Written.TOO_LARGE;
    }

    @Override
    public boolean end(SessionIds.Place place) {
        return run(END, sessionAndIndex(place), ascii(place.name())) == 1;
    }

    // ---- all sessions of a subject ----------------------------------------------------------------------------------

    @Override
    public int endAll(String route, @Nullable String except) {
        long ended = 0;
        List<Object> reply;
        do {
            byte[][] keys = {index(route)};
            reply = run(END_ALL, keys, session(route, ""), ascii(except == null ? "" : except));
            ended += number(reply.get(0));
        } while (number(reply.get(1)) == 1);
        return Math.toIntExact(ended);
    }

    @Override
    public List<Session> list(String route) {
        List<Object> reply = run(LIST, new byte[][] {index(route)}, MOST_LISTED);
        long now = number(reply.get(0));
        List<String> names =
                ((List<?>) reply.get(1)).stream().map(RedisSessions::text).toList();
        List<Session> listed = new ArrayList<>(names.size());
        for (int from = 0; from < names.size(); from += READ_AT_ONCE) {
            read(route, names.subList(from, Math.min(names.size(), from + READ_AT_ONCE)), now, listed);
        }
        return List.copyOf(listed);
    }

    private void read(String route, List<String> names, long now, List<Session> into) {
        List<CompletableFuture<Map<byte[], byte[]>>> reads = new ArrayList<>(names.size());
        link.await(link.call(redis -> {
            for (String name : names) {
                reads.add(redis.hgetall(session(route, name)).toCompletableFuture());
            }
            return CompletableFuture.allOf(reads.toArray(new CompletableFuture<?>[0]));
        }));
        for (int i = 0; i < names.size(); i++) {
            Map<String, String> fields = new HashMap<>();
            reads.get(i).join().forEach((name, value) -> fields.put(text(name), text(value)));
            // It may have ended meanwhile.
            if (fields.isEmpty() || Long.parseLong(fields.getOrDefault("e", "0")) <= now) continue;
            into.add(session(names.get(i), fields));
        }
    }

    // ---- bytes ------------------------------------------------------------------------------------------------------

    private byte[][] sessionAndIndex(SessionIds.Place place) {
        return new byte[][] {session(place.route(), place.name()), index(place.route())};
    }

    private byte[] session(String route, String name) {
        return ascii(options.prefix + "{" + route + "}:session:" + name);
    }

    private byte[] index(String route) {
        return ascii(options.prefix + "{" + route + "}:sessions");
    }

    private static Session session(String name, Map<String, String> fields) {
        Map<String, String> attributes = new HashMap<>();
        fields.forEach((field, value) -> {
            if (field.startsWith(".")) attributes.put(field.substring(1), value);
        });
        return new Session(
                Objects.requireNonNull(fields.get("s"), "the subject of a session on Redis"),
                name,
                time(fields, "c"),
                time(fields, "l"),
                time(fields, "e"),
                Map.copyOf(attributes));
    }

    private static Instant time(Map<String, String> fields, String name) {
        return Sessions.instant(Long.parseLong(Objects.requireNonNull(fields.get(name), name)));
    }

    private static byte[] field(String attribute) {
        return ("." + attribute).getBytes(UTF_8);
    }

    private static long number(Object reply) {
        return (Long) reply;
    }

    private static String text(Object reply) {
        return new String((byte[]) reply, UTF_8);
    }

    private static byte[] ascii(long number) {
        return ascii(Long.toString(number));
    }

    private static byte[] ascii(String text) {
        return text.getBytes(US_ASCII);
    }
}
