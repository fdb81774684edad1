package dev.tenfold.cache;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.CodeBlocks;
import dev.tenfold.testkit.RedisServer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The README's Java blocks on the cache are regions of this class, and they run. */
class ReadmeTest {
    record User(long id, String name) {}

    private static final class Repository {
        final Map<Long, User> rows = new ConcurrentHashMap<>(Map.of(42L, new User(42, "Ada"), 43L, new User(43, "Bo")));
        final AtomicInteger queries = new AtomicInteger();

        User find(Long id) {
            queries.incrementAndGet();
            return Objects.requireNonNull(rows.get(id));
        }

        Map<Long, User> findAll(List<Long> ids) {
            queries.incrementAndGet();
            Map<Long, User> found = new LinkedHashMap<>();
            ids.forEach(id -> found.put(id, Objects.requireNonNull(rows.get(id))));
            return found;
        }

        void rename(long id, String name) {
            rows.put(id, new User(id, name));
        }
    }

    @Test
    void cache() {
        Repository repo = new Repository();
        try (RedisLink redis =
                RedisLink.connect(RedisServer.shared().uri(), options -> options.commandTimeout(ofSeconds(10)))) {
            assertThat(redis.awaitUp(ofSeconds(20))).isTrue();
            // region: cache
            TieredCache<Long, User> users = TieredCache.<Long, User>builder("users")
                    .local(l -> l.maximumSize(10_000).expireAfterWrite(ofSeconds(30)))
                    .remote(redis, Codec.json(User.class)) // leave this line out, and one node's memory is the cache
                    .staleOnError(ofHours(1))
                    .build();

            User ada = users.get(42L, repo::find); // loaded once, on all nodes together
            Map<Long, User> page = users.getAll(List.of(42L, 43L), repo::findAll); // 1 read of Redis, 1 query
            users.mutate(42L, () -> repo.rename(42, "Ada L.")); // nothing from before it is served again
            // endregion
            assertThat(ada.name()).isEqualTo("Ada");
            assertThat(page).containsOnlyKeys(42L, 43L);
            assertThat(repo.queries).hasValue(2);
            assertThat(users.get(42L, repo::find).name()).isEqualTo("Ada L.");
            Stamp unused = users.clear();
            users.close();
        }
    }

    @Test
    void the_blocks_of_this_module_are_regions_of_this_class() {
        assertThat(CodeBlocks.of(Path.of("../README.md")))
                .filteredOn(block -> block.module().equals("toolkit-cache"))
                .hasSize(1)
                .allSatisfy(block -> assertThat(block.code())
                        .as("%s, %s", block.page(), block.regions())
                        .isEqualTo(CodeBlocks.regions(getClass(), block.regions())));
    }
}
