package dev.tenfold.query.guard;

/** From when on a {@link QueryGuard} reports what. Immutable: each method returns changed options. */
public final class GuardOptions {
    static final GuardOptions DEFAULTS = new GuardOptions(10);

    private final int threshold;

    private GuardOptions(int threshold) {
        this.threshold = threshold;
    }

    /**
     * From how many executions in one scope on a statement is judged. Default 10; assertions in tests take 3.
     *
     * @param executions at least 2, at most 16
     * @return changed options
     * @throws IllegalArgumentException if it is outside of these
     */
    public GuardOptions threshold(int executions) {
        if (executions < 2 || executions > 16) {
            throw new IllegalArgumentException("threshold " + executions + " must be from 2 to 16");
        }
        return new GuardOptions(executions);
    }

    int threshold() {
        return threshold;
    }
}
