package dev.tenfold.benchmarks;

/**
 * One way in which people talk to a database, and whether it is an N+1 by the rule of {@link DetectCorpus}.
 *
 * @param name what it does; the library first
 * @param nPlusOne the label, by the rule, given before any detector ran
 * @param scenario does it
 */
record DetectTrace(String name, boolean nPlusOne, Scenario scenario) {

    /** What one test, or one request, does. */
    interface Scenario {
        void run(DetectWorld world) throws Exception;
    }

    static DetectTrace nPlusOne(String name, Scenario scenario) {
        return new DetectTrace(name, true, scenario);
    }

    static DetectTrace fine(String name, Scenario scenario) {
        return new DetectTrace(name, false, scenario);
    }
}
