package dev.tenfold.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.Test;

class GuardWorkTest {
    @Test
    void all_ways_read_the_same_through_the_driver_that_does_nothing() throws SQLException {
        List<GuardWays.Way> ways = GuardWays.all();
        assertThat(ways).hasSize(6);
        for (GuardWays.Way way : ways) {
            GuardWork work = new GuardWork(way.dataSource());
            assertThat(work.statements()).as(way.name()).isEqualTo(255 * 256 / 2);
            work.close();
            assertThat(work.borrows()).as(way.name()).isEqualTo(GuardWork.BORROWS);
        }
    }
}
