package dev.tenfold.jobs;

import com.cronutils.model.Cron;
import com.cronutils.model.definition.CronDefinition;
import com.cronutils.model.definition.CronDefinitionBuilder;
import com.cronutils.model.field.CronFieldName;
import com.cronutils.model.field.expression.Always;
import com.cronutils.model.field.expression.And;
import com.cronutils.model.field.expression.Between;
import com.cronutils.model.field.expression.Every;
import com.cronutils.model.field.expression.FieldExpression;
import com.cronutils.model.field.expression.On;
import com.cronutils.model.field.value.FieldValue;
import com.cronutils.parser.CronParser;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * When a cron fires. cron-utils reads the text; the calendar is walked here, because what happens when clocks are changed is
 * a promise of ours:
 *
 * <ul>
 *   <li>Fixed times, where hour, minute and second are numbers, lists or ranges of them: each once a day. A time that the
 *       clocks skip is made up for at the first instant after the gap; one that they show twice fires the first time.
 *   <li>Intervals, where one of these has a {@code *} or a step: as real time passes. All instants whose local time matches,
 *       so those that the clocks show twice fire twice, and skipped ones do not.
 * </ul>
 *
 * <p>If day of month and day of week are both restricted, either will do; where one of them begins with {@code *}, both have
 * to match (as in Vixie's cron). Immutable.
 */
final class CronExpression {
    private static final String HELP =
            "; give minute, hour, day of month, month, day of week, such as \"0 2 * * *\" (each"
                    + " day at 02:00) or \"*/15 8-17 * * MON-FRI\", a sixth field in front of them for seconds, or @hourly, @daily,"
                    + " @weekly, @monthly, @yearly";

    private static final int LONGEST = 200;
    private static final Pattern BLANKS = Pattern.compile("\\s+");

    // cron-utils is more lenient: it takes /5 for */5, and +2 for 2.
    private static final Pattern FIELD = Pattern.compile("(\\*|\\w+(-\\w+)?)(/\\d+)?(,(\\*|\\w+(-\\w+)?)(/\\d+)?)*");

    private static final Map<String, String> NICKNAMES = Map.of(
            "@hourly", "0 0 * * * *",
            "@daily", "0 0 0 * * *",
            "@midnight", "0 0 0 * * *",
            "@weekly", "0 0 0 * * 0",
            "@monthly", "0 0 0 1 * *",
            "@yearly", "0 0 0 1 1 *",
            "@annually", "0 0 0 1 1 *");

    /** The fields of Unix, Sunday being 0 and 7, behind one for seconds. */
    private static final CronDefinition SIX_FIELDS = CronDefinitionBuilder.defineCron()
            .withSeconds()
            .withStrictRange()
            .and()
            .withMinutes()
            .withStrictRange()
            .and()
            .withHours()
            .withStrictRange()
            .and()
            .withDayOfMonth()
            .withStrictRange()
            .and()
            .withMonth()
            .withStrictRange()
            .and()
            .withDayOfWeek()
            .withValidRange(0, 7)
            .withMondayDoWValue(1)
            .withIntMapping(7, 0)
            .withStrictRange()
            .and()
            .instance();

    /** 29 February on a given day of the week comes after 40 years at the latest (1900 and 2100 are no leap years). */
    private static final int YEARS = 41;

    /** Changes of the clocks that are looked past: a century of two a year. */
    private static final int SEGMENTS = 200;

    final String text;

    // One bit for each value that matches.
    private final long seconds;
    private final long minutes;
    private final long hours;
    private final long days;
    private final long months;
    private final long weekdays;

    private final boolean bothDays;
    private final boolean interval;

    private CronExpression(String text, List<String> fields, Map<CronFieldName, Long> bits) {
        this.text = text;
        seconds = bits.getOrDefault(CronFieldName.SECOND, 0L);
        minutes = bits.getOrDefault(CronFieldName.MINUTE, 0L);
        hours = bits.getOrDefault(CronFieldName.HOUR, 0L);
        days = bits.getOrDefault(CronFieldName.DAY_OF_MONTH, 0L);
        months = bits.getOrDefault(CronFieldName.MONTH, 0L);
        weekdays = bits.getOrDefault(CronFieldName.DAY_OF_WEEK, 0L);
        bothDays = fields.get(3).startsWith("*") || fields.get(5).startsWith("*");
        interval = fields.subList(0, 3).stream().anyMatch(field -> field.contains("*") || field.contains("/"));
    }

    /** Reads an expression; an IllegalArgumentException says what is wrong with it, also if it never fires. */
    static CronExpression parse(String expression) {
        if (expression.length() > LONGEST) {
            throw new IllegalArgumentException("a cron of " + expression.length()
                    + " characters is too long for a column of " + LONGEST + "; make two of it");
        }
        String text = expression.strip();
        List<String> fields = fields(text);
        for (String field : fields) {
            if (!FIELD.matcher(field).matches()) {
                throw wrong(text, "\"" + field + "\" is no field", null);
            }
        }
        CronExpression parsed = new CronExpression(text, fields, bits(text, fields));
        if (parsed.nextLocal(LocalDate.EPOCH.atStartOfDay()) == null) {
            throw wrong(text, "there is no such day: it would never fire", null);
        }
        return parsed;
    }

    private static List<String> fields(String text) {
        String nickname = NICKNAMES.get(text);
        List<String> fields = List.of(BLANKS.split(nickname == null ? text : nickname, -1));
        if (text.isEmpty() || (text.startsWith("@") && nickname == null)) {
            throw wrong(text, text.isEmpty() ? "it is empty" : "there is no such nickname", null);
        }
        return switch (fields.size()) {
            case 5 -> List.of("0", fields.get(0), fields.get(1), fields.get(2), fields.get(3), fields.get(4));
            case 6 -> fields;
            default -> throw wrong(text, "it has " + fields.size() + " fields, not 5 or 6", null);
        };
    }

    private static Map<CronFieldName, Long> bits(String text, List<String> fields) {
        try {
            Cron cron = new CronParser(SIX_FIELDS).parse(String.join(" ", fields));
            return Map.of(
                    CronFieldName.SECOND, bits(cron, CronFieldName.SECOND, 0, 59),
                    CronFieldName.MINUTE, bits(cron, CronFieldName.MINUTE, 0, 59),
                    CronFieldName.HOUR, bits(cron, CronFieldName.HOUR, 0, 23),
                    CronFieldName.DAY_OF_MONTH, bits(cron, CronFieldName.DAY_OF_MONTH, 1, 31),
                    CronFieldName.MONTH, bits(cron, CronFieldName.MONTH, 1, 12),
                    CronFieldName.DAY_OF_WEEK, sundayIsZero(bits(cron, CronFieldName.DAY_OF_WEEK, 0, 6)));
        } catch (IllegalArgumentException e) {
            Throwable reason = e.getCause() != null ? e.getCause() : e;
            throw wrong(text, String.valueOf(reason.getMessage()), e);
        }
    }

    private static long bits(Cron cron, CronFieldName field, int min, int max) {
        return bits(cron.retrieve(field).getExpression(), 1, min, max);
    }

    private static long bits(FieldExpression expression, int step, int min, int max) {
        if (expression instanceof And list) {
            return list.getExpressions().stream()
                    .mapToLong(each -> bits(each, 1, min, max))
                    .reduce(0, (one, other) -> one | other);
        }
        if (expression instanceof Every every) {
            return bits(every.getExpression(), every.getPeriod().getValue(), min, max);
        }
        if (expression instanceof Always) {
            return range(min, max, step);
        }
        if (expression instanceof Between between) {
            return range(number(between.getFrom()), number(between.getTo()), step);
        }
        if (expression instanceof On on) {
            int value = number(on.getTime());
            return step == 1 ? 1L << value : range(value, max, step); // 5/15 begins at 5
        }
        throw new IllegalArgumentException("\"" + expression.asString() + "\" is not supported");
    }

    private static int number(FieldValue<?> value) {
        if (value.getValue() instanceof Integer number) {
            return number;
        }
        throw new IllegalArgumentException("\"" + value + "\" is not supported");
    }

    private static long range(int from, int to, int step) {
        long bits = 0;
        for (int each = from; each <= to; each += step) {
            bits |= 1L << each;
        }
        return bits;
    }

    private static long sundayIsZero(long weekdays) {
        return (weekdays | (weekdays >> 7)) & 0x7F;
    }

    private static IllegalArgumentException wrong(String text, String reason, @Nullable Throwable cause) {
        return new IllegalArgumentException("cron \"" + text + "\" is not understood: " + reason + HELP, cause);
    }

    /**
     * The first fire after a time.
     *
     * @throws IllegalArgumentException if the zone's clocks skip it for the next century
     */
    Instant next(Instant after, ZoneId zone) {
        Instant next = interval ? nextInterval(after, zone.getRules()) : nextFixed(after, zone.getRules());
        if (next == null) {
            throw wrong(text, "the clocks of " + zone + " skip it each time: it would never fire", null);
        }
        return next;
    }

    /** The last fire of a span, both ends of which belong to it; there has to be one. */
    Instant latest(Instant from, Instant until, ZoneId zone) {
        long some = from.getEpochSecond() - 1; // there are fires after it
        long none = until.getEpochSecond(); // there are none after it
        while (none - some > 1) {
            long middle = some + (none - some) / 2;
            if (next(Instant.ofEpochSecond(middle), zone).isAfter(until)) {
                none = middle;
            } else {
                some = middle;
            }
        }
        return Instant.ofEpochSecond(none);
    }

    private @Nullable Instant nextFixed(Instant after, ZoneRules rules) {
        LocalDateTime local = LocalDateTime.ofInstant(after, rules.getOffset(after));
        ZoneOffsetTransition change = rules.getTransition(local);
        boolean again = change != null && change.isOverlap() && !after.isBefore(change.getInstant());
        LocalDateTime found = nextLocal(again ? change.getDateTimeBefore() : secondAfter(local));
        if (found == null) {
            return null;
        }
        List<ZoneOffset> offsets = rules.getValidOffsets(found);
        return offsets.isEmpty() // in a gap
                ? rules.getTransition(found).getInstant()
                : found.toInstant(offsets.get(0));
    }

    private @Nullable Instant nextInterval(Instant after, ZoneRules rules) {
        Instant from = after.truncatedTo(ChronoUnit.SECONDS).plusSeconds(1);
        for (int segment = 0; segment < SEGMENTS; segment++) {
            ZoneOffset offset = rules.getOffset(from);
            LocalDateTime found = nextLocal(LocalDateTime.ofInstant(from, offset));
            if (found == null) {
                return null;
            }
            ZoneOffsetTransition change = rules.nextTransition(from);
            Instant next = found.toInstant(offset);
            if (change == null || next.isBefore(change.getInstant())) {
                return next;
            }
            from = change.getInstant();
        }
        return null;
    }

    private static LocalDateTime secondAfter(LocalDateTime local) {
        return local.truncatedTo(ChronoUnit.SECONDS).plusSeconds(1);
    }

    /** The first local time, not before one in whole seconds, that matches; null if there is none. */
    private @Nullable LocalDateTime nextLocal(LocalDateTime from) {
        LocalDate date = from.toLocalDate();
        LocalDate end = date.plusYears(YEARS);
        LocalTime earliest = from.toLocalTime();
        while (date.isBefore(end)) {
            if (!has(months, date.getMonthValue())) {
                date = date.withDayOfMonth(1).plusMonths(1);
            } else {
                LocalTime time = isOn(date) ? nextTime(earliest) : null;
                if (time != null) {
                    return date.atTime(time);
                }
                date = date.plusDays(1);
            }
            earliest = LocalTime.MIDNIGHT;
        }
        return null;
    }

    private boolean isOn(LocalDate date) {
        boolean day = has(days, date.getDayOfMonth());
        boolean weekday = has(weekdays, date.getDayOfWeek().getValue() % 7);
        return bothDays ? day && weekday : day || weekday;
    }

    private @Nullable LocalTime nextTime(LocalTime from) {
        int hour = next(hours, from.getHour());
        if (hour == from.getHour()) {
            int minute = next(minutes, from.getMinute());
            if (minute == from.getMinute()) {
                int second = next(seconds, from.getSecond());
                if (second >= 0) {
                    return LocalTime.of(hour, minute, second);
                }
                minute = next(minutes, minute + 1);
            }
            if (minute >= 0) {
                return LocalTime.of(hour, minute, next(seconds, 0));
            }
            hour = next(hours, hour + 1);
        }
        return hour < 0 ? null : LocalTime.of(hour, next(minutes, 0), next(seconds, 0));
    }

    private static boolean has(long bits, int value) {
        return (bits & (1L << value)) != 0;
    }

    /** The first value from one on; negative if there is none. Values are below 62. */
    private static int next(long bits, int from) {
        long rest = bits & (-1L << from);
        return rest == 0 ? -1 : Long.numberOfTrailingZeros(rest);
    }

    @Override
    public String toString() {
        return text;
    }
}
