package dev.tenfold.benchmarks;

import com.zaxxer.hikari.HikariDataSource;
import java.util.List;

/**
 * One way to keep a queue.
 *
 * @param name {@code ours}, or the peer's
 * @param settings what it runs with, printed
 * @param connections how many its pool has
 * @param urlSuffix what its connections ask of the driver
 * @param drained how many jobs it is given in a drain, unless that would take too long
 * @param fromFirstCall whether a drain counts from the first call of a handler: of those that only look every few seconds
 */
record JobContender(
        String name,
        String settings,
        int connections,
        String urlSuffix,
        int drained,
        boolean fromFirstCall,
        Opener opener) {

    /** Makes its tables, if there are none, and what enqueues and works. */
    interface Opener {
        JobPeer open(HikariDataSource pool) throws Exception;
    }

    /** The contenders; of those that come twice, under one name, the faster counts. */
    static List<JobContender> all() {
        return List.of(
                JobOurs.contender(false),
                JobLimit.contender(false),
                JobDbScheduler.contender(20, 4.0, 20.0),
                JobDbScheduler.contender(100, 2.0, 6.0),
                JobRunrPeer.contender(32),
                JobRunrPeer.contender(64),
                JobQuartz.contender());
    }
}
