package dev.tenfold.query.guard;

import javax.sql.DataSource;

/** Finds missing, doubled and unused indexes. */
public final class IndexCheck {
    private final DataSource dataSource;

    private IndexCheck(DataSource dataSource) {
        this.dataSource = dataSource;
    }

    /**
     * Makes a check.
     *
     * @param dataSource gives one connection at a time
     * @return a check
     */
    public static IndexCheck of(DataSource dataSource) {
        return new IndexCheck(dataSource);
    }

    @Override
    public String toString() {
        return "index check of " + dataSource;
    }
}
