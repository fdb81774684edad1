package dev.tenfold.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.PostgresServer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;

/** How many N+1 queries each detector finds in the corpus, and how many it imagines. */
final class DetectRun {
    private static final int POOL = 8;

    private DetectRun() {}

    /** What a detector said of each trace. */
    record Verdicts(List<DetectTrace> traces, List<Boolean> reported) {
        long hits() {
            return count(true, true);
        }

        /** Of what it reported, how much is true. */
        double precision() {
            long all = hits() + count(false, true);
            return all == 0 ? 1 : (double) hits() / all;
        }

        /** Of what is true, how much it reported. */
        double recall() {
            return (double) hits() / (hits() + count(true, false));
        }

        /** Names of the traces with that label and that verdict. */
        List<String> names(boolean nPlusOne, boolean said) {
            List<String> names = new ArrayList<>();
            for (int i = 0; i < traces.size(); i++) {
                if (traces.get(i).nPlusOne() == nPlusOne && reported.get(i) == said) {
                    names.add(traces.get(i).name());
                }
            }
            return names;
        }

        private long count(boolean nPlusOne, boolean said) {
            return names(nPlusOne, said).size();
        }
    }

    static List<DetectPeer> detectors() {
        return List.of(new DetectOurs(), new DetectDiagnostics(), new DetectQuickPerf());
    }

    static void run(Session session) throws Exception {
        List<DetectTrace> traces = DetectCorpus.traces();
        List<DetectPeer> detectors = detectors();
        long positives = traces.stream().filter(DetectTrace::nPlusOne).count();
        session.say("");
        session.say("query.detect: " + traces.size() + " labelled traces, " + positives + " of them N+1");
        session.settings(detectors.stream()
                .map(each -> new Contender(each.name(), each.settings(), page -> page))
                .toList());
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        DetectWorld.create(server.dataSource(database));
        Map<String, Verdicts> verdicts = new LinkedHashMap<>();
        try (HikariDataSource pool = pool(server.jdbcUrl(database))) {
            for (DetectPeer detector : detectors) {
                verdicts.put(detector.name(), verdicts(detector, pool, traces));
            }
        }
        verdicts.forEach((name, each) -> tell(session, name, each));
        emit(session, verdicts);
    }

    static Verdicts verdicts(DetectPeer detector, DataSource dataSource, List<DetectTrace> traces) throws Exception {
        List<Boolean> reported = new ArrayList<>();
        try (DetectWorld world = new DetectWorld(detector.watch(dataSource))) {
            for (DetectTrace trace : traces) {
                try {
                    reported.add(detector.reports(trace, world));
                } catch (Exception e) {
                    throw new IllegalStateException("trace \"" + trace.name() + "\" fails under " + detector.name(), e);
                }
            }
        }
        return new Verdicts(traces, reported);
    }

    private static void tell(Session session, String name, Verdicts verdicts) {
        for (String trace : verdicts.names(true, false)) {
            session.say("  " + name + " misses   " + trace);
        }
        for (String trace : verdicts.names(false, true)) {
            session.say("  " + name + " imagines " + trace);
        }
    }

    private static void emit(Session session, Map<String, Verdicts> verdicts) {
        Verdicts ours = verdicts.get("ours");
        if (ours == null) {
            throw new IllegalStateException("ours did not run");
        }
        verdicts.forEach((name, theirs) -> {
            if (!name.equals("ours")) {
                session.emit(row("query.detect.precision." + name, name, ours.precision(), theirs.precision()));
                session.emit(row("query.detect.recall." + name, name, ours.recall(), theirs.recall()));
            }
        });
    }

    private static Row row(String name, String peer, double ours, double theirs) {
        Double ratio = theirs > 0 ? Better.HIGHER.ratio(ours, theirs) : null;
        return new Row(name, peer, "share", ours, theirs, ratio, Better.HIGHER);
    }

    private static HikariDataSource pool(String url) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setMaximumPoolSize(POOL);
        return new HikariDataSource(config);
    }
}
