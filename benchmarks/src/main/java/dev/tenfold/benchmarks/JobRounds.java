package dev.tenfold.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * Gives each of the sites its turn, round by round, in an order drawn anew each round. A peer that fails is told of, and left
 * out from then on; ours ends the comparison.
 *
 * <p>Of sites with the same name, which are one peer with different settings, the one that is fastest in the first round
 * plays on alone. That round warms up all, and does not count.
 */
final class JobRounds {
    private static final Random ORDER = new Random(42);

    private final Session session;
    private final String title;
    private final Map<String, List<JobSite>> playing = new LinkedHashMap<>();

    /** One turn. */
    interface Turn {
        /** How many nanoseconds a job took. */
        double nanosPerJob(JobSite site) throws Exception;
    }

    JobRounds(Session session, String title, List<JobSite> sites) {
        this.session = session;
        this.title = title;
        for (JobSite site : sites) {
            playing.computeIfAbsent(site.name(), name -> new ArrayList<>()).add(site);
        }
    }

    /**
     * Plays one round to warm up, and some that count.
     *
     * @param seconds how long it takes, about, for the progress
     */
    Samples play(int rounds, long seconds, Turn turn) throws Exception {
        Samples samples = new Samples();
        long total = TimeUnit.SECONDS.toNanos(seconds);
        try (Progress.Bar bar = session.progress().start(title, total)) {
            warmUp(turn);
            bar.advance(total / (rounds + 1));
            for (int round = 0; round < rounds; round++) {
                List<String> order = new ArrayList<>(playing.keySet());
                Collections.shuffle(order, ORDER);
                for (String name : order) {
                    JobSite site = playing.getOrDefault(name, List.of()).get(0);
                    double nanos = guarded(site, turn);
                    if (Double.isFinite(nanos)) {
                        samples.add(name, nanos);
                    } else {
                        playing.remove(name);
                    }
                }
                bar.advance(total / (rounds + 1));
            }
        }
        return samples;
    }

    private void warmUp(Turn turn) throws Exception {
        for (String name : List.copyOf(playing.keySet())) {
            JobSite best = null;
            double least = Double.POSITIVE_INFINITY;
            List<JobSite> variants = playing.getOrDefault(name, List.of());
            for (JobSite site : variants) {
                double nanos = guarded(site, turn);
                if (variants.size() > 1 && Double.isFinite(nanos)) {
                    session.say(title + ": " + Row.number(TimeUnit.SECONDS.toNanos(1) / nanos)
                            + " jobs/s in the first round with "
                            + site.contender().settings());
                }
                if (nanos < least) {
                    best = site;
                    least = nanos;
                }
            }
            if (best == null) {
                playing.remove(name);
            } else {
                playing.put(name, List.of(best));
            }
        }
    }

    /** Infinitely long if it fails. */
    private double guarded(JobSite site, Turn turn) throws Exception {
        try {
            return turn.nanosPerJob(site);
        } catch (Exception | LinkageError e) {
            if (site.name().equals(JobsTopic.OURS)) throw e;
            session.say(title + ": " + site.name() + " fails and is left out: " + e);
            return Double.POSITIVE_INFINITY;
        }
    }

    /** Rates of ours beside each peer's. A peer that failed has a row without a figure. */
    static void emit(Session session, String prefix, Samples samples, List<JobSite> sites) {
        double ours = rate(samples, JobsTopic.OURS);
        List<String> peers = sites.stream().map(JobSite::name).distinct().toList();
        for (String peer : peers) {
            if (peer.equals(JobsTopic.OURS)) continue;
            String name = prefix + "." + peer;
            if (samples.has(peer)) {
                double ratio = samples.paired(JobsTopic.OURS, peer, Better.LOWER::ratio);
                session.emit(new Row(name, peer, "jobs/s", ours, rate(samples, peer), ratio, Better.HIGHER));
            } else {
                session.emit(Row.alone(name, peer, "jobs/s", ours, Better.HIGHER));
            }
        }
    }

    static double rate(Samples samples, String name) {
        return TimeUnit.SECONDS.toNanos(1) / samples.median(name);
    }
}
