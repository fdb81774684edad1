package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ShardTest {
    private final Shard shard = new Shard(0, new Era(Shard.Epoch.NONE, Long.MAX_VALUE / 2));
    private final LocalTier<Long, String> local = new LocalTier<>(LocalOptions.defaults());

    private Node<String> node(Capture capture, String... tags) {
        return new Node<>(
                "value", 1_000, 1_000, 1_000, capture.era(), Node.Tagged.of(capture.shard(), tags, capture.asOf()));
    }

    @Test
    void a_load_from_before_another_journal_belongs_to_an_era_that_is_over() {
        shard.underLock(() -> shard.restart(new Shard.Epoch(1, 1), 500, 0, 0));
        Capture before = local.capture(1L, shard);

        shard.underLock(() -> shard.restart(new Shard.Epoch(2, 2), 3, 0, 0));

        assertThat(before.era().isOver()).isTrue();
        assertThat(local.store(1L, node(before), before)).isFalse();
        assertThat(local.capture(1L, shard).asOf()).isEqualTo(3);
    }

    @Test
    void what_is_loaded_after_an_acknowledged_invalidation_is_from_after_it() {
        Shard.Epoch epoch = new Shard.Epoch(1, 1);
        shard.underLock(() -> shard.restart(epoch, 5, 0, 0));
        Capture before = local.capture(1L, shard);

        shard.underLock(() -> {
            shard.known(epoch, 6);
            shard.known(new Shard.Epoch(9, 9), 100);
            shard.invalidateTag("tag", 6, 0);
        });
        Capture after = local.capture(1L, shard);

        assertThat(shard.applied()).as("its message has yet to come").isEqualTo(5);
        assertThat(after.asOf()).isEqualTo(6);
        assertThat(node(before, "tag").isFresh(0)).isFalse();
        assertThat(node(after, "tag").isFresh(0)).isTrue();
    }

    @Test
    void after_another_journal_entries_are_shown_for_a_while_unless_they_have_tags() {
        Capture before = local.capture(1L, shard);
        Node<String> node = node(before);
        Node<String> tagged = node(before, "tag");

        shard.underLock(() -> shard.restartWithGrace(new Shard.Epoch(1, 1), 3, 0, 10, 100));

        assertThat(shard.applied()).as("the journal is read from its beginning").isZero();
        assertThat(node.isInGrace(99)).isTrue();
        assertThat(node.isInGrace(100)).isFalse();
        assertThat(tagged.isInGrace(99)).isFalse();
        assertThat(node.isFresh(99) || node.isHit(99) || node.isFallback(99)).isFalse();
        assertThat(local.store(1L, node, before)).isFalse();
    }

    @Test
    void what_ends_an_era_ends_the_grace_of_the_one_before() {
        for (Runnable end : List.<Runnable>of(
                () -> shard.clear(4, 20),
                () -> shard.endEra(20),
                () -> shard.restart(new Shard.Epoch(1, 1), 2_000, 0, 20),
                () -> shard.restartWithGrace(new Shard.Epoch(3, 3), 0, 0, 20, 100),
                () -> shard.close(20))) {
            Node<String> node = node(local.capture(1L, shard));
            shard.underLock(() -> shard.restartWithGrace(new Shard.Epoch(2, 2), 3, 0, 10, 100));
            assertThat(node.isInGrace(50)).isTrue();

            shard.underLock(end);

            assertThat(node.isInGrace(50)).isFalse();
        }
    }

    @Test
    void nothing_is_stored_once_it_is_closed() {
        shard.underLock(() -> shard.close(0));
        shard.underLock(() -> shard.clear(7, 0));
        Capture capture = local.capture(1L, shard);

        assertThat(local.store(1L, node(capture), capture)).isFalse();
    }
}
