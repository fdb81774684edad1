package dev.tenfold.auth;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Sessions in this process's memory, with the rules of the scripts on Redis.
 *
 * <p>The sessions of a subject are in one of {@value #SHARDS} shards, each with a lock that is held for a microsecond or so;
 * never while anything else is waited for. There is no thread: each call takes a few of the expired sessions of its shard
 * out, more than it can add, so what is kept does not grow beyond what was alive at the same time.
 */
final class EmbeddedSessions implements SessionStore {
    private static final int SHARDS = 64;
    private static final int EXPIRED_AT_ONCE = 64;

    private final SessionsOptions options;
    private final Shard[] shards = new Shard[SHARDS];

    EmbeddedSessions(SessionsOptions options) {
        this.options = options;
        for (int i = 0; i < SHARDS; i++) shards[i] = new Shard();
    }

    private static final class Shard {
        final ReentrantLock lock = new ReentrantLock();
        final Map<String, Map<String, Entry>> byRoute = new HashMap<>();
        final TreeSet<Entry> byExpiry = new TreeSet<>(Entry.ORDER);
        long turns;

        @Nullable
        Entry get(SessionIds.Place place) {
            Map<String, Entry> all = byRoute.get(place.route());
            return all == null ? null : all.get(place.name());
        }

        void add(Entry entry, long expiry) {
            entry.expiry = expiry;
            entry.turn = ++turns;
            byRoute.computeIfAbsent(entry.place.route(), any -> new HashMap<>()).put(entry.place.name(), entry);
            byExpiry.add(entry);
        }

        void remove(Entry entry) {
            byExpiry.remove(entry);
            Map<String, Entry> all = byRoute.get(entry.place.route());
            if (all == null) return;
            all.remove(entry.place.name());
            if (all.isEmpty()) byRoute.remove(entry.place.route());
        }

        void removeExpired(long now) {
            for (int i = 0; i < EXPIRED_AT_ONCE && !byExpiry.isEmpty(); i++) {
                Entry first = byExpiry.first();
                if (first.expiry > now) return;
                remove(first);
            }
        }

        List<Entry> live(String route, long now) {
            List<Entry> live = new ArrayList<>();
            for (Entry entry : byRoute.getOrDefault(route, Map.of()).values()) {
                if (entry.expiry > now) live.add(entry);
            }
            live.sort(Entry.ORDER);
            return live;
        }
    }

    /** Times in microseconds since 1970. The expiry changes only while it is not in the tree. */
    private static final class Entry {
        static final Comparator<Entry> ORDER =
                Comparator.<Entry>comparingLong(entry -> entry.expiry).thenComparingLong(entry -> entry.turn);

        final SessionIds.Place place;
        final String subject;
        final long created;
        long seen;
        long expiry;

        /** Tells apart what expires at the same time. */
        long turn;

        Map<String, String> attributes;

        Entry(SessionIds.Place place, String subject, long created, long seen, Map<String, String> attributes) {
            this.place = place;
            this.subject = subject;
            this.created = created;
            this.seen = seen;
            this.attributes = attributes;
        }

        Session session() {
            return new Session(
                    subject,
                    place.name(),
                    Sessions.instant(created),
                    Sessions.instant(seen),
                    Sessions.instant(expiry),
                    attributes);
        }
    }

    private interface Action<T> {
        T on(Shard shard, long now);
    }

    private <T> T locked(String route, Action<T> action) {
        Shard shard = shards[Math.floorMod(route.hashCode(), SHARDS)];
        shard.lock.lock();
        try {
            // Read under the lock: whoever comes later sees no earlier time, unless the clock itself goes back.
            long now = ChronoUnit.MICROS.between(Instant.EPOCH, options.clock.instant());
            shard.removeExpired(now);
            return action.on(shard, now);
        } finally {
            shard.lock.unlock();
        }
    }

    private static @Nullable Entry live(Shard shard, SessionIds.Place place, long now) {
        Entry entry = shard.get(place);
        return entry == null || entry.expiry <= now ? null : entry;
    }

    private long expiry(long created, long now) {
        return Math.min(now + options.idleMicros(), created + options.absoluteMicros());
    }

    @Override
    public Opened create(SessionIds.Place place, String subject, Map<String, String> attributes) {
        Map<String, String> copy = Map.copyOf(attributes);
        return locked(place.route(), (shard, now) -> {
            List<Entry> ended = List.of();
            if (options.perSubject > 0) {
                List<Entry> live = shard.live(place.route(), now);
                int over = live.size() - options.perSubject + 1;
                if (over > 0 && options.whenFull == WhenFull.REFUSE) return new Opened(null, live.size());
                if (over > 0) ended = live.subList(0, over);
            }
            ended.forEach(shard::remove);
            Entry entry = new Entry(place, subject, now, now, copy);
            shard.add(entry, expiry(now, now));
            return new Opened(entry.session(), ended.size());
        });
    }

    @Override
    public @Nullable Session find(SessionIds.Place place, LongAdder touches) {
        Optional<Session> found = locked(place.route(), (shard, now) -> {
            Entry entry = live(shard, place, now);
            if (entry == null) return Optional.empty();
            if (now - entry.seen >= options.touchMicros()) {
                shard.remove(entry);
                entry.seen = now;
                shard.add(entry, expiry(entry.created, now));
                touches.increment();
            }
            return Optional.of(entry.session());
        });
        return found.orElse(null);
    }

    @Override
    public boolean rotate(SessionIds.Place from, SessionIds.Place to) {
        return locked(from.route(), (shard, now) -> {
            Entry old = live(shard, from, now);
            if (old == null) return false;
            shard.remove(old);
            shard.add(new Entry(to, old.subject, old.created, now, old.attributes), expiry(old.created, now));
            return true;
        });
    }

    @Override
    public Written set(SessionIds.Place place, String name, @Nullable String value) {
        return locked(place.route(), (shard, now) -> {
            Entry entry = live(shard, place, now);
            if (entry == null) return Written.NO_SESSION;
            Map<String, String> changed = new HashMap<>(entry.attributes);
            if (value == null) {
                changed.remove(name);
            } else {
                changed.put(name, value);
                if (changed.size() > Sessions.MOST_ATTRIBUTES) return Written.TOO_MANY;
                if (Sessions.bytes(changed) > Sessions.LARGEST_ATTRIBUTES) return Written.TOO_LARGE;
            }
            entry.attributes = Map.copyOf(changed);
            return Written.DONE;
        });
    }

    @Override
    public boolean end(SessionIds.Place place) {
        return locked(place.route(), (shard, now) -> {
            Entry entry = live(shard, place, now);
            if (entry == null) return false;
            shard.remove(entry);
            return true;
        });
    }

    @Override
    public int endAll(String route, @Nullable String except) {
        return locked(route, (shard, now) -> {
            List<Entry> all = shard.live(route, now);
            all.removeIf(entry -> entry.place.name().equals(except));
            all.forEach(shard::remove);
            return all.size();
        });
    }

    @Override
    public List<Session> list(String route) {
        return locked(route, (shard, now) -> {
            List<Entry> live = shard.live(route, now);
            List<Session> listed = new ArrayList<>();
            for (int i = live.size() - 1; i >= 0 && listed.size() < Sessions.MOST_LISTED; i--) {
                listed.add(live.get(i).session());
            }
            return List.copyOf(listed);
        });
    }

    /** How many are kept, the expired ones included that nobody has come across. */
    int kept() {
        int kept = 0;
        for (Shard shard : shards) {
            shard.lock.lock();
            try {
                kept += shard.byExpiry.size();
            } finally {
                shard.lock.unlock();
            }
        }
        return kept;
    }
}
