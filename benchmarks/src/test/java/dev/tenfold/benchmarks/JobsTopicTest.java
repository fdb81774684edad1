package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.PostgresServer;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** That the comparisons measure what they say, not how fast. */
@Timeout(180)
class JobsTopicTest {
    private static final List<JobSite> SITES = new ArrayList<>();

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final Session session = new Session(true, new PrintStream(out, true, UTF_8), null, null);

    @BeforeAll
    static void open() throws Exception {
        for (JobContender contender : List.of(
                JobOurs.contender(false),
                JobLimit.contender(false),
                JobDbScheduler.contender(4, 4.0, 20.0),
                JobRunrPeer.contender(4),
                JobQuartz.contender())) {
            SITES.add(JobSite.open(contender, PostgresServer.shared()));
        }
    }

    @AfterAll
    static void close() throws Exception {
        for (JobSite site : SITES) {
            site.close();
        }
    }

    @Test
    void a_payload_is_86_characters_of_json_with_its_id() {
        assertThat(JobPayload.of(42).json()).hasSize(86);
        assertThat(JobPayload.id(JobPayload.of(42).json()))
                .isEqualTo(JobPayload.of(42).id());
    }

    @Test
    void all_contenders_run_each_job_once_and_leave_none() throws Exception {
        for (JobSite site : SITES) {
            assertThat(JobDrain.once(site, 300)).as(site.name()).isPositive();
            assertThat(site.isEmpty(site.peer().unfinished())).as(site.name()).isTrue();
        }
    }

    @Test
    void all_contenders_enqueue() throws Exception {
        ExecutorService executor = Executors.newFixedThreadPool(2);
        try {
            for (JobSite site : SITES) {
                assertThat(JobInsert.slice(site, executor, 2, 1, Duration.ofMillis(50)))
                        .as(site.name())
                        .isPositive();
                assertThat(site.isEmpty(site.peer().unfinished()))
                        .as(site.name())
                        .isFalse();
            }
        } finally {
            executor.shutdownNow();
        }
    }

    @Test
    void a_pickup_is_timed_for_each_job() throws Exception {
        Histogram waits = new Histogram(Duration.ofSeconds(30).toNanos(), 3);
        JobPickup.turn(SITES.get(0), 3, waits);
        JobPickup.turn(SITES.get(1), 3, waits);
        assertThat(waits.getTotalCount()).isEqualTo(6);
    }

    @Test
    void a_peer_that_fails_is_left_out_and_has_a_row_without_a_figure() throws Exception {
        JobSite ours = SITES.get(0);
        JobSite limit = SITES.get(1);
        JobSite broken = SITES.get(2);
        List<JobSite> played = new ArrayList<>();
        List<JobSite> sites = List.of(ours, limit, broken);
        Samples samples = new JobRounds(session, "x", sites).play(2, 1, site -> {
            played.add(site);
            if (site == broken) throw new IllegalStateException("on purpose");
            return site == ours ? 10 : 20;
        });
        JobRounds.emit(session, "x", samples, sites);
        assertThat(played).hasSize(7).containsOnlyOnce(broken);
        assertThat(out.toString(UTF_8)).contains("db-scheduler fails and is left out", "on purpose");
        assertThat(session.rows()).hasSize(2);
        assertThat(session.rows().get(0).ratio()).isEqualTo(2);
        assertThat(session.rows().get(1).theirs()).isNull();
    }
}
