package dev.tenfold.jobs;

/** Which class is which kind, and the numbers that the database has for their names. Thread-safe. */
final class Kinds {
    Kinds(JobStore store, JobQueueOptions options) {}

    /** The kind of a class: as registered, else by default, which registers it. Refuses a name that another class has. */
    <T> Kind<T> of(Class<T> type) {
        throw new UnsupportedOperationException();
    }

    /** The number of a kind's name in the database; asks it once. */
    int id(Kind<?> kind) {
        throw new UnsupportedOperationException();
    }

    /** The same of its former names. */
    int[] aliasIds(Kind<?> kind) {
        throw new UnsupportedOperationException();
    }

    /** The name of a number that a claim returned. */
    String name(int id) {
        throw new UnsupportedOperationException();
    }

    /** The number of a queue's name; asks the database once. */
    int queueId(String queue) {
        throw new UnsupportedOperationException();
    }

    String queueName(int id) {
        throw new UnsupportedOperationException();
    }
}
