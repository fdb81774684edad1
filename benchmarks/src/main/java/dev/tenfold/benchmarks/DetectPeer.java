package dev.tenfold.benchmarks;

import javax.sql.DataSource;

/** A detector of N+1 queries, set up as its documentation says for tests. */
interface DetectPeer {
    String name();

    String settings();

    /** What an application uses instead of its data source. */
    DataSource watch(DataSource dataSource);

    /** Runs a trace as one test; returns whether an N+1, or what it calls one, was reported. */
    boolean reports(DetectTrace trace, DetectWorld world) throws Exception;
}
