package dev.tenfold.auth;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Marks in this node's memory. They end when what they are about has ended anyway, and are never evicted: a hundred bytes each,
 * as many as were revoked within that time.
 */
final class LocalRevocations implements Revocations {
    private final InstantSource clock;
    private final Cache<String, Mark> marks;

    /** @param atMillis when it was made, if it is an epoch */
    private record Mark(long atMillis, long lifeNanos) {}

    LocalRevocations(InstantSource clock, LongSupplier nanoClock) {
        this.clock = clock;
        marks = Caffeine.newBuilder()
                .executor(Runnable::run)
                .ticker(nanoClock::getAsLong)
                .expireAfter(Expiry.<String, Mark>writing((name, mark) -> Duration.ofNanos(mark.lifeNanos)))
                .build();
    }

    @Override
    public Marks check(List<String> tombstones, List<String> epochs) {
        return checkHere(tombstones, epochs);
    }

    @Override
    public Marks checkHere(List<String> tombstones, List<String> epochs) {
        long epoch = NEVER;
        for (String name : epochs) {
            Mark mark = marks.getIfPresent(name);
            if (mark != null) epoch = Math.max(epoch, mark.atMillis);
        }
        return new Marks(tombstones.stream().anyMatch(name -> marks.getIfPresent(name) != null), epoch);
    }

    @Override
    public boolean revokeToken(String token, Duration life, BooleanSupplier forget) {
        mark(token, life);
        return forget.getAsBoolean();
    }

    @Override
    public boolean voidUpToNow(String name, Duration life, BooleanSupplier forget) {
        mark(name, life);
        return forget.getAsBoolean();
    }

    /** Sets an epoch by another clock in place of this node's. */
    void voidUpTo(String name, long millis, Duration life) {
        marks.put(name, new Mark(millis, nanos(life)));
    }

    /** A tombstone or an epoch, by this node's clock. */
    void mark(String name, Duration life) {
        Mark mark = new Mark(clock.millis(), nanos(life));
        // Two at once: the later one stays.
        Mark unused = marks.asMap().merge(name, mark, (one, other) -> one.atMillis > other.atMillis ? one : other);
    }

    private static long nanos(Duration life) {
        return life.compareTo(Duration.ofDays(36_500)) < 0 ? life.toNanos() : TimeUnit.DAYS.toNanos(36_500);
    }

    @Override
    public int waiting() {
        return 0;
    }

    @Override
    public void close() {}
}
