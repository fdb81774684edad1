package dev.tenfold.query.guard;

/** Judges what a scope counted: whether a statement that came often is an N+1, a repeated read, or nothing of the kind. */
final class Verdicts {
    private final QueryGuard guard;

    Verdicts(QueryGuard guard) {
        this.guard = guard;
    }

    /** Called after an execution, on its thread, once the statement came often enough to be looked at. */
    void look(QueryScope scope, Entry entry) {
        entry.lookFrom = Integer.MAX_VALUE;
    }

    @Override
    public String toString() {
        return "verdicts of " + guard;
    }
}
