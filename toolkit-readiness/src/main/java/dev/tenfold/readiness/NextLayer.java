package dev.tenfold.readiness;

import java.time.LocalDate;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A layer that is worth building, and why.
 *
 * @param layer which
 * @param outlook of the resource that it relieves: when it has to be there
 * @param evidence what was seen, with figures
 * @param gain what it will bring, as far as can be told
 */
public record NextLayer(Layer layer, Outlook outlook, String evidence, String gain) {

    /** In the order in which they are tried: the cheap ones first. */
    public enum Layer {
        /** A statement becomes slower as its table grows. */
        INDEX,
        /** Reads repeat the same statement with the same values. */
        CACHE,
        /** Reads are most of the time, and do not repeat. */
        REPLICA,
        /** Writes come in bursts, or connections are held while something else is done. */
        QUEUE,
        /** Connections are waited for while the database has time. */
        POOL,
        /** None of the others would help enough. */
        BIGGER_PRIMARY
    }

    /**
     * One line, as {@code replica: 2027-03…05, 80 %: reads 78 % of time, repeat 6 %; takes up to 73 % off the primary}.
     *
     * @return a line without a line break
     */
    public String text() {
        String name = layer.name().toLowerCase(Locale.ROOT).replace('_', ' ');
        return name + ": " + when() + ": " + evidence + "; " + gain;
    }

    private String when() {
        return switch (outlook.verdict()) {
            case FULL -> "now";
            case DATED -> months(outlook.earliest(), outlook.latest()) + ", 80 %";
            case NOT_IN_SIGHT -> "no date in sight";
            case GROWING, NOT_ENOUGH_DATA -> "no date yet";
        };
    }

    private static String months(@Nullable LocalDate earliest, @Nullable LocalDate latest) {
        String from = earliest == null ? "" : month(earliest);
        if (latest == null) return from + " or later";
        String to = month(latest);
        if (from.equals(to)) return to;
        boolean isSameYear = earliest != null && earliest.getYear() == latest.getYear();
        return from + "…" + (isSameYear ? to.substring(to.length() - 2) : to);
    }

    private static String month(LocalDate day) {
        return String.format(Locale.ROOT, "%d-%02d", day.getYear(), day.getMonthValue());
    }
}
