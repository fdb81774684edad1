package dev.tenfold.query.replica;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** When a position that one connection was told holds for another. */
class LineageTest {
    private static Wal.Replayed at(int timeline, long lsn) {
        return new Wal.Replayed(new Token(7, timeline, lsn), true, "server", false, "app");
    }

    private final Lineage lineage = new Lineage(at(1, 100));

    @Test
    void a_position_moves_up_for_all_members() {
        assertThat(lineage.join(at(1, 110))).isTrue();
        lineage.replayed(lineage.members(), at(1, 120));
        lineage.replayed(lineage.members(), at(1, 115)); // an answer that came late
        assertThat(lineage.upTo()).isEqualTo(new Token(7, 1, 120));
    }

    @Test
    void who_is_behind_may_be_a_life_after_a_crash_and_does_not_join() {
        assertThat(lineage.join(at(1, 90))).isFalse();
        assertThat(lineage.upTo()).isEqualTo(new Token(7, 1, 100));
    }

    @Test
    void an_answer_of_before_someone_joined_does_not_count() {
        int before = lineage.members();
        assertThat(lineage.join(at(1, 100))).isTrue();
        lineage.replayed(before, at(1, 500));
        assertThat(lineage.upTo()).isEqualTo(new Token(7, 1, 100));
    }

    @Test
    void another_server_or_another_timeline_does_not_join() {
        assertThat(lineage.join(new Wal.Replayed(new Token(7, 1, 200), true, "other", false, "app")))
                .isFalse();
        assertThat(lineage.join(at(2, 200))).isFalse();
    }

    @Test
    void a_member_goes_on_to_a_later_timeline_and_not_back() {
        lineage.replayed(lineage.members(), at(2, 150));
        lineage.replayed(lineage.members(), at(1, 140));
        assertThat(lineage.upTo()).isEqualTo(new Token(7, 2, 150));
    }

    @Test
    void a_position_of_no_known_timeline_says_nothing() {
        lineage.replayed(lineage.members(), at(0, 900));
        assertThat(lineage.upTo()).isEqualTo(new Token(7, 1, 100));
        assertThat(new Lineage(at(0, 900)).upTo()).isNull();
    }
}
