package dev.tenfold.cache;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a loader may say of the value that it is about to return. Of use only until it returns, on its own thread.
 *
 * <pre>{@code
 * users.get(42L, (id, load) -> {
 *     User user = repo.find(id);
 *     load.tag("company:" + user.companyId()).ttl(ofMinutes(1));
 *     return user;
 * });
 * }</pre>
 */
public final class LoadOptions {
    @Nullable
    Duration ttl;

    boolean store = true;
    private @Nullable List<String> tags;

    LoadOptions() {}

    /**
     * How long this value is fresh, in both tiers, if that is less than the cache's own settings.
     *
     * @param newTtl more than zero
     * @return this
     */
    public LoadOptions ttl(Duration newTtl) {
        ttl = CacheBuilder.positive("ttl", newTtl);
        return this;
    }

    /**
     * Tags the value, for {@link TieredCache#invalidateTag}.
     *
     * @param names not empty, 65,535 bytes each at most
     * @return this
     */
    public LoadOptions tag(String... names) {
        for (String name : names) {
            CacheBuilder.checkTag(name);
        }
        if (tags == null) {
            tags = new ArrayList<>();
        }
        tags.addAll(List.of(names));
        if (tags.size() > Envelope.MOST_TAGS) {
            throw new IllegalArgumentException("a value has more than 65,535 tags");
        }
        return this;
    }

    /**
     * Returns this value to those who wait for it, and keeps it nowhere.
     *
     * @return this
     */
    public LoadOptions doNotStore() {
        store = false;
        return this;
    }

    String @Nullable [] tags() {
        return tags == null ? null : tags.toArray(new String[0]);
    }
}
