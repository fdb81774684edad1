package dev.tenfold.readiness;

import java.util.Locale;

/**
 * A statement that becomes slower as its table grows.
 *
 * @param statement its text, literals taken out
 * @param table the largest one that it names
 * @param days on which both were seen
 * @param rowsBefore rows on the first of them
 * @param rowsNow rows on the last
 * @param slope power of the rows with which its time grows: 1 is in proportion
 * @param low the slope that nine of ten pairs of days exceed
 * @param share of the time in all statements, of late
 */
record GrowingStatement(
        String statement,
        String table,
        int days,
        double rowsBefore,
        double rowsNow,
        double slope,
        double low,
        double share) {

    String evidence() {
        return String.format(
                Locale.ROOT,
                "a statement's time grows as its table's rows to the power of %.1f (nine of ten pairs of days: above %.1f)"
                        + " while %s grew from %s to %s rows in %d days: %s",
                slope,
                low,
                table,
                Report.number(rowsBefore),
                Report.number(rowsNow),
                days,
                statement.length() <= 100 ? statement : statement.substring(0, 99) + "…");
    }
}
