package dev.tenfold.benchmarks;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** What watching adds to a statement, and to a borrowed connection: time and garbage, over a driver that does nothing. */
final class GuardCost {
    private GuardCost() {}

    /** A way, and the work over it. */
    private record Watched(GuardWays.Way way, GuardWork work) {}

    /** What a comparison repeats. */
    private interface Task {
        long run(GuardWork work) throws SQLException;
    }

    static void run(Session session) throws Exception {
        List<Watched> all = new ArrayList<>();
        for (GuardWays.Way way : GuardWays.all()) {
            all.add(new Watched(way, new GuardWork(way.dataSource())));
        }
        session.say("");
        session.say("query.guard: what watching adds to prepare, bind, execute, read a row, close; eight texts in turn,"
                + " a new key each, one connection that stays open. query.guard.borrow: to getConnection and close");
        session.settings(contenders(all, GuardWork::statements));
        compare(session, "query.guard", all, GuardWork::statements, GuardWork.STATEMENTS);
        bytes(session, all);
        for (Watched each : all) {
            each.work().close();
        }
        compare(session, "query.guard.borrow", all, GuardWork::borrows, GuardWork.BORROWS);
    }

    private static List<Contender> contenders(List<Watched> all, Task task) {
        return all.stream()
                .map(each -> new Contender(each.way().name(), each.way().settings(), page -> task.run(each.work())))
                .toList();
    }

    private static void compare(Session session, String name, List<Watched> all, Task task, int perRequest)
            throws Exception {
        Effort effort = session.quick()
                ? new Effort(ofSeconds(1), ofSeconds(8), ofMillis(2))
                : new Effort(ofSeconds(3), ofSeconds(40), ofMillis(2));
        Samples samples = Rounds.run(name, contenders(all, task), 1, effort, session.progress());
        session.say(name + ": " + samples.rounds("ours") + " rounds, the driver alone takes "
                + Row.number(samples.median(GuardWays.BARE) / perRequest) + " ns");
        double ours = added(samples, "ours", perRequest);
        for (Watched peer : all.subList(2, all.size())) {
            GuardWays.Way way = peer.way();
            double theirs = added(samples, way.name(), perRequest);
            // Too little to be told from nothing makes no ratio.
            Double ratio = ours > 0 && theirs > 0 ? Better.LOWER.ratio(ours, theirs) : null;
            session.emit(new Row(name + "." + way.name(), way.peer(), "ns/op", ours, theirs, ratio, Better.LOWER));
        }
    }

    private static double added(Samples samples, String way, int perRequest) {
        return samples.paired(way, GuardWays.BARE, (watched, bare) -> watched - bare) / perRequest;
    }

    private static void bytes(Session session, List<Watched> all) throws SQLException {
        double bare = bytes(all.get(0).work());
        double ours = bytes(all.get(1).work()) - bare;
        for (Watched peer : all.subList(2, all.size())) {
            double theirs = bytes(peer.work()) - bare;
            String name = "query.guard.bytes." + peer.way().name();
            session.emit(Row.counts(name, peer.way().peer(), "B/op", ours, theirs, Better.LOWER));
        }
    }

    /** What a statement allocates; the comparison before has warmed it up. */
    private static double bytes(GuardWork work) throws SQLException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        int requests = 5_000;
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < requests; i++) {
            work.statements();
        }
        return (double) (threads.getCurrentThreadAllocatedBytes() - before) / requests / GuardWork.STATEMENTS;
    }
}
