package dev.tenfold.jobs;

import java.sql.SQLException;

/** Something that a worker does beside its jobs from time to time, on its upkeep thread. */
interface Chore {
    /**
     * Does what is due, with I/O, within seconds.
     *
     * @return after how many microseconds it wants to run again
     */
    long run() throws SQLException;
}
