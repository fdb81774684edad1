package dev.tenfold.benchmarks;

import static dev.tenfold.benchmarks.Bookkeeping.KEYS;
import static dev.tenfold.benchmarks.Feed.checksum;

import java.util.ArrayList;
import java.util.List;

/** What a key costs when the batch function costs next to nothing. */
final class QueryPerKey {
    private QueryPerKey() {}

    static List<Contender> contenders() {
        Bookkeeping work = new Bookkeeping();
        List<Contender> contenders = new ArrayList<>();
        contenders.add(new Contender(
                "ours", "Loader.of with keyOf, across(page), a plain loop", page -> checksum(work.peers())));
        if (Ours.hasVirtualThreads()) {
            contenders.add(new Contender(
                    "ours-quiescence",
                    "LoadScope.each(page), a blocking load per post; includes starting its virtual thread",
                    page -> checksum(work.scope())));
            contenders.add(new Contender(
                    "ours-two-levels",
                    "the same with a second blocking load, which tells what one costs without its thread's start",
                    page -> checksum(work.scopeOfTwoLevels())));
            contenders.add(new Contender(
                    "park", "bare virtual threads, each parked and woken once: the floor of a blocking load", page -> {
                        Parking.run(KEYS, 1);
                        return checksum(work.hashMap());
                    }));
            contenders.add(new Contender("park-two-levels", "the same, parked and woken twice", page -> {
                Parking.run(KEYS, 2);
                return checksum(work.hashMap());
            }));
        }
        contenders.add(new Contender(
                "any", "rows into a HashMap, a look-up per post: the floor", page -> checksum(work.hashMap())));
        contenders.add(new Contender("java-dataloader", DataLoaderPeer.SETTINGS, page -> checksum(work.dataLoader())));
        return contenders;
    }

    static void run(Session session) throws Exception {
        List<Contender> contenders = contenders();
        session.say("");
        session.say("query.perkey: " + KEYS + " keys, a batch function in memory, time per key");
        session.settings(contenders);
        Effort effort = Effort.inMemory(session.quick());
        Samples samples = Rounds.run("query.perkey", contenders, 1, effort, session.progress());
        session.say(samples.rounds("ours") + " rounds");

        session.emit(samples.row("query.perkey.any", "ours", "any", "ns/key", KEYS));
        session.emit(samples.row("query.perkey.java-dataloader", "ours", "java-dataloader", "ns/key", KEYS));
        double added = samples.paired("ours", "any", (ours, floor) -> ours - floor) / KEYS;
        session.emit(Row.alone("query.perkey.added", "any", "ns/key", added, Better.LOWER));
        if (samples.has("ours-quiescence")) {
            String name = "query.perkey.quiescence.java-dataloader";
            session.emit(samples.row(name, "ours-quiescence", "java-dataloader", "ns/key", KEYS));
            double load = samples.paired("ours-two-levels", "ours-quiescence", (two, one) -> two - one) / KEYS;
            double floor = samples.paired("park-two-levels", "park", (two, one) -> two - one) / KEYS;
            session.emit(Row.of("query.perkey.blocking", "park", "ns/load", load, floor, Better.LOWER));
        }
    }
}
