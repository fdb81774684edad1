package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.alicp.jetcache.anno.CacheType;
import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.RedisClient;
import io.lettuce.core.ScanArgs;
import io.lettuce.core.ScanCursor;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * What a hit in Redis costs, for one key and for a hundred, beside Lettuce's own GET and MGET of the very bytes that ours
 * stored. Ours has room for one local entry, so that next to every read goes to Redis, and pays for storing it locally.
 */
final class CacheRemote {
    private static final int KEYS = 10_000;
    private static final int BLOCK = 50;
    private static final int BLOCKS = 20;
    private static final int MANY = 100;
    private static final int BATCHES = 50;
    private static final double NANOS_PER_MICRO = 1_000;

    private CacheRemote() {}

    static void run(Session session, String uri) throws Exception {
        RedisClient client = RedisClient.create(uri);
        Users users = new Users();
        CacheNode.Place place = new CacheNode.Place(uri, "remote", 1, users::load);
        try (OurNode ours = new OurNode(place);
                JetCacheNode jetcache = new JetCacheNode(
                        new CacheNode.Place(uri, "remote-jetcache", 1, users::load), CacheType.REMOTE);
                StatefulRedisConnection<byte[], byte[]> connection = client.connect(ByteArrayCodec.INSTANCE)) {
            RedisCommands<byte[], byte[]> redis = connection.sync();
            String[] keys = Popularity.names(KEYS);
            long lengths = jetcache.read(keys, 0, keys.length);
            for (int from = 0; from < KEYS; from += MANY) {
                var unused = ours.getAll(Arrays.asList(keys).subList(from, from + MANY));
            }
            if (lengths != ours.read(keys, 0, keys.length)) {
                throw new IllegalStateException("ours and jetcache return other values");
            }
            byte[][] slots = slots(redis, KEYS);
            one(session, ours, jetcache, redis, keys, slots);
            hundred(session, ours, jetcache, redis, keys, slots);
            if (users.loads() != 2 * KEYS) {
                throw new IllegalStateException(
                        users.loads() + " loads of " + KEYS + " keys by two caches: not all reads were hits");
            }
        } finally {
            client.shutdown(0, 2, TimeUnit.SECONDS);
        }
    }

    /** The names under which ours has stored its values. */
    static byte[][] slots(RedisCommands<byte[], byte[]> redis, int expected) {
        Set<String> seen = new LinkedHashSet<>();
        ScanArgs args = ScanArgs.Builder.matches("tenfold:{remote.*}:e:*").limit(1_000);
        ScanCursor cursor = ScanCursor.INITIAL;
        do {
            KeyScanCursor<byte[]> found = redis.scan(cursor, args);
            found.getKeys().forEach(name -> seen.add(new String(name, ISO_8859_1)));
            cursor = found;
        } while (!cursor.isFinished());
        if (seen.size() != expected) {
            throw new IllegalStateException("Redis has " + seen.size() + " slots, not " + expected);
        }
        return seen.stream().map(name -> name.getBytes(ISO_8859_1)).toArray(byte[][]::new);
    }

    private static void one(
            Session session,
            OurNode ours,
            JetCacheNode jetcache,
            RedisCommands<byte[], byte[]> redis,
            String[] keys,
            byte[][] slots)
            throws Exception {
        List<Contender> contenders = List.of(
                new Contender("ours", "as above, with room for one local entry", block -> {
                    long hits = 0;
                    for (int i = block * BLOCK; i < (block + 1) * BLOCK; i++) {
                        hits += ours.get(keys[i]).isEmpty() ? 0 : 1;
                    }
                    return hits;
                }),
                new Contender("lettuce", "sync GET of the same bytes, one connection, ByteArrayCodec", block -> {
                    long hits = 0;
                    for (int i = block * BLOCK; i < (block + 1) * BLOCK; i++) {
                        hits += redis.get(slots[i]).length == 0 ? 0 : 1;
                    }
                    return hits;
                }),
                new Contender("jetcache", "as above, remote level alone", block -> {
                    long hits = 0;
                    for (int i = block * BLOCK; i < (block + 1) * BLOCK; i++) {
                        hits += jetcache.get(keys[i]).isEmpty() ? 0 : 1;
                    }
                    return hits;
                }));
        session.say("");
        session.say("cache.remote.hit: " + BLOCK * BLOCKS + " keys in turn, one thread, time per key");
        session.settings(contenders);
        Samples samples = Rounds.run("cache.remote.hit", contenders, BLOCKS, effort(session), session.progress());
        session.say(samples.rounds("ours") + " rounds");
        for (String peer : List.of("lettuce", "jetcache")) {
            session.emit(samples.row("cache.remote.hit." + peer, "ours", peer, "us/op", BLOCK * NANOS_PER_MICRO));
        }
    }

    private static void hundred(
            Session session,
            OurNode ours,
            JetCacheNode jetcache,
            RedisCommands<byte[], byte[]> redis,
            String[] keys,
            byte[][] slots)
            throws Exception {
        List<List<String>> batches = new ArrayList<>();
        List<Set<String>> sets = new ArrayList<>();
        List<byte[][]> names = new ArrayList<>();
        for (int i = 0; i < BATCHES; i++) {
            batches.add(List.copyOf(Arrays.asList(keys).subList(i * MANY, (i + 1) * MANY)));
            sets.add(new LinkedHashSet<>(batches.get(i)));
            names.add(Arrays.copyOfRange(slots, i * MANY, (i + 1) * MANY));
        }
        List<Contender> contenders = List.of(
                new Contender(
                        "ours",
                        "getAll, as above",
                        batch -> ours.getAll(batches.get(batch)).size()),
                new Contender(
                        "lettuce",
                        "sync MGET of the same bytes",
                        batch -> redis.mget(names.get(batch)).stream()
                                .filter(each -> each.hasValue())
                                .count()),
                new Contender(
                        "jetcache",
                        "getAll, remote level alone",
                        batch -> jetcache.getAll(sets.get(batch)).size()));
        session.say("");
        session.say(
                "cache.getall100: " + BATCHES + " batches of " + MANY + " keys in turn, one thread, time per batch");
        session.settings(contenders);
        double trips = roundTrips(ours, batches, redis);
        Samples samples = Rounds.run("cache.getall100", contenders, BATCHES, effort(session), session.progress());
        session.say(samples.rounds("ours") + " rounds");
        for (String peer : List.of("lettuce", "jetcache")) {
            session.emit(samples.row("cache.getall100." + peer, "ours", peer, "us/request", NANOS_PER_MICRO));
        }
        session.emit(Row.counts("cache.getall100.commands", "lettuce", "commands/request", trips, 1, Better.LOWER));
    }

    /** Commands that read keys, as the server has counted them, for each getAll. */
    static double roundTrips(OurNode ours, List<List<String>> batches, RedisCommands<byte[], byte[]> redis) {
        redis.configResetstat();
        for (List<String> batch : batches) {
            var unused = ours.getAll(batch);
        }
        String stats = redis.info("commandstats");
        // The heartbeat's script, the only one that runs now, reads three keys a beat.
        long others = 3 * calls(stats, "evalsha");
        return (double) (calls(stats, "get") + calls(stats, "mget") - others) / batches.size();
    }

    private static long calls(String stats, String command) {
        return stats.lines()
                .filter(line -> line.startsWith("cmdstat_" + command + ":calls="))
                .mapToLong(line -> Long.parseLong(line, line.indexOf('=') + 1, line.indexOf(','), 10))
                .sum();
    }

    private static Effort effort(Session session) {
        Effort usual = Effort.onServer(session.quick());
        return new Effort(
                usual.warmUp(), usual.measured().dividedBy(2), usual.slice().dividedBy(2));
    }
}
