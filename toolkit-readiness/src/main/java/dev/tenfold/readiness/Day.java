package dev.tenfold.readiness;

import java.time.LocalDate;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * One day of one resource, as it is stored.
 *
 * @param figure the 95th percentile of its hourly values, by nearest rank: of 24 the second highest
 * @param limit as it was last
 * @param hoursSeen how many hours it rests on
 * @param hours hourly values; empty if it was imported
 * @param revision of the row
 */
record Day(double figure, double limit, int hoursSeen, String hours, long revision) {
    /** Of fewer hours, a day's peak may have been missed. */
    static final int WHOLE = 12;

    private static final double PERCENTILE = 0.95;

    static Day imported(double figure, double limit) {
        return new Day(figure, limit, 24, "", 0);
    }

    static Day of(int hour, double value, double limit) {
        return new Day(value, limit, 1, encoded(Map.of(hour, value)), 0);
    }

    /** Of days that are not empty. */
    static Day last(SortedMap<LocalDate, Day> days) {
        return Objects.requireNonNull(days.get(days.lastKey()));
    }

    boolean isImported() {
        return hours.isEmpty();
    }

    boolean isWhole() {
        return hoursSeen >= WHOLE;
    }

    /**
     * With what another instance, or this one before it was restarted, has seen of an hour.
     *
     * @param adds whether instances' values add up; else the highest counts
     */
    Day with(int hour, double value, double newLimit, boolean adds) {
        Map<Integer, Double> all = decoded();
        all.merge(hour, value, adds ? Double::sum : Math::max);
        return new Day(percentile(all), newLimit, all.size(), encoded(all), revision);
    }

    private static double percentile(Map<Integer, Double> hours) {
        double[] sorted =
                hours.values().stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        return sorted[(int) Math.ceil(PERCENTILE * sorted.length) - 1];
    }

    private Map<Integer, Double> decoded() {
        Map<Integer, Double> all = new TreeMap<>();
        Pattern.compile(",")
                .splitAsStream(hours)
                .filter(each -> !each.isEmpty())
                .forEach(each -> {
                    int equals = each.indexOf('=');
                    all.put(
                            Integer.parseInt(each.substring(0, equals)),
                            Double.parseDouble(each.substring(equals + 1)));
                });
        return all;
    }

    private static String encoded(Map<Integer, Double> hours) {
        StringBuilder text = new StringBuilder(200);
        hours.forEach((hour, value) -> {
            if (!text.isEmpty()) text.append(',');
            text.append(hour).append('=').append(value);
        });
        return text.toString();
    }
}
