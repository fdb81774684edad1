package dev.tenfold.benchmarks;

import java.math.BigDecimal;
import java.math.MathContext;
import org.jspecify.annotations.Nullable;

/**
 * One result.
 *
 * @param theirs null where only ours has the figure
 * @param ratio how many times better ours is; null where that makes no sense
 */
record Row(
        String name,
        String peer,
        String unit,
        double ours,
        @Nullable Double theirs,
        @Nullable Double ratio,
        Better better) {

    /** Two counts or sizes, which have no rounds to take the ratio from. */
    static Row of(String name, String peer, String unit, double ours, double theirs, Better better) {
        return new Row(name, peer, unit, ours, theirs, better.ratio(ours, theirs), better);
    }

    /** Two counts or sizes of which a ratio would say little, as one may be nought. */
    static Row counts(String name, String peer, String unit, double ours, double theirs, Better better) {
        return new Row(name, peer, unit, ours, theirs, null, better);
    }

    /** A figure that only ours has. */
    static Row alone(String name, String peer, String unit, double ours, Better better) {
        return new Row(name, peer, unit, ours, null, null, better);
    }

    /** One line of JSON. What is null is left out. */
    String json() {
        StringBuilder json = new StringBuilder(160)
                .append("{\"name\":")
                .append(quoted(name))
                .append(",\"peer\":")
                .append(quoted(peer))
                .append(",\"unit\":")
                .append(quoted(unit))
                .append(",\"ours\":")
                .append(number(ours));
        if (theirs != null) {
            json.append(",\"theirs\":").append(number(theirs));
        }
        if (ratio != null) {
            json.append(",\"ratio\":").append(number(ratio));
        }
        return json.append(",\"better\":")
                .append(quoted(better.toString()))
                .append('}')
                .toString();
    }

    /** Four significant digits, never in scientific notation. */
    static String number(double value) {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException("a result is " + value + ", which is no measurement");
        }
        BigDecimal rounded = new BigDecimal(value).round(new MathContext(4));
        return rounded.signum() == 0 ? "0" : rounded.stripTrailingZeros().toPlainString();
    }

    /** Names hold nothing but letters, digits and punctuation, so two escapes are enough. */
    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
