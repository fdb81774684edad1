package dev.tenfold.demo;

import dev.tenfold.readiness.Outlook;
import dev.tenfold.readiness.Trend;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.font.FontRenderContext;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.io.IOException;
import java.time.DayOfWeek;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/** The picture of a forecast: daily figures, the line through them, and when it meets the limit. */
final class OutlookChart {
    private static final int HEIGHT = 386;
    private static final int LEFT = 58;
    private static final int RIGHT = 14;
    private static final int TOP = 44;
    private static final int BOTTOM = 44;
    private static final double HIGHEST = 100;
    private static final double STEP = 20;

    static final Color WEEKDAY = new Color(0x1B, 0x6E, 0x8C);
    static final Color WEEKEND = new Color(0x9F, 0xC3, 0xD1);
    static final Color LATER = new Color(0xC0, 0x4F, 0x32);
    private static final Color LATER_WEEKEND = new Color(0xE6, 0xB9, 0xAC);
    static final Color BAND = new Color(0xDD, 0xE3, 0xE9);
    static final Color SHADE = new Color(0xF3, 0xE9, 0xD3);
    static final Color AMBER = new Color(0x8F, 0x5E, 0x05);
    private static final BasicStroke DASHED_LINE =
            new BasicStroke(2.5f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10, new float[] {9, 5}, 0);
    private static final FontRenderContext MEASURE = new FontRenderContext(null, true, true);
    private static final DateTimeFormatter DAY = DateTimeFormatter.ofPattern("d MMM yyyy", Locale.ENGLISH);
    private static final DateTimeFormatter MONTH = DateTimeFormatter.ofPattern("MMM", Locale.ENGLISH);

    /**
     * What the picture shows.
     *
     * @param figures per cent by day: what the forecast knew
     * @param followed what came afterwards; may be empty
     * @param limit per cent
     * @param outlook the forecast
     * @param remarks words at a day's figure
     * @param full when the limit was reached indeed; null where that is not to be shown
     * @param to where the time axis ends
     */
    record View(
            SortedMap<LocalDate, Double> figures,
            SortedMap<LocalDate, Double> followed,
            double limit,
            Outlook outlook,
            Map<LocalDate, String> remarks,
            @Nullable LocalDate full,
            LocalDate to) {
        /** The first day without a figure that the forecast knew. */
        LocalDate today() {
            return figures.lastKey().plusDays(1);
        }
    }

    private final View view;
    private final LocalDate from;
    private final double perDay;
    private final Graphics2D graphics;

    private OutlookChart(View view, Graphics2D graphics) {
        this.view = view;
        this.graphics = graphics;
        this.from = view.figures().firstKey();
        this.perDay = (double) (Charts.FULL - LEFT - RIGHT) / ChronoUnit.DAYS.between(from, view.to());
    }

    static String svg(View view, String label) throws IOException {
        return Charts.svg(Charts.FULL, HEIGHT, label, graphics -> new OutlookChart(view, graphics).paint());
    }

    static String date(LocalDate day) {
        return DAY.format(day);
    }

    /** In words, as {@code between 3 Nov 2026 and 2 Feb 2027 (80 %)}. */
    static String interval(Outlook outlook) {
        LocalDate earliest = outlook.earliest();
        LocalDate latest = outlook.latest();
        if (earliest == null) return "no date";
        return latest == null
                ? "not before " + date(earliest) + " (90 %)"
                : "between " + date(earliest) + " and " + date(latest) + " (80 %)";
    }

    /** From what lies behind to what lies before. */
    private void paint() {
        Trend trend = view.outlook().trend();
        interval();
        if (trend != null) band(trend);
        axes();
        dots(view.figures(), WEEKDAY, WEEKEND);
        dots(view.followed(), LATER, LATER_WEEKEND);
        limit();
        if (trend != null) line(trend);
        view.remarks().forEach(this::remark);
        today();
        expected();
        full();
    }

    private void interval() {
        LocalDate earliest = view.outlook().earliest();
        if (earliest == null) return;
        graphics.setColor(SHADE);
        graphics.fill(new Rectangle2D.Double(x(earliest), TOP, x(end()) - x(earliest), HEIGHT - TOP - BOTTOM));
    }

    /** Where the line may be, from today on. */
    private void band(Trend trend) {
        Path2D.Double band = new Path2D.Double();
        band.moveTo(x(view.today()), y(trend.low(view.today())));
        for (LocalDate day = view.today(); !day.isAfter(end()); day = day.plusDays(1)) {
            band.lineTo(x(day), y(trend.low(day)));
        }
        for (LocalDate day = end(); !day.isBefore(view.today()); day = day.minusDays(1)) {
            band.lineTo(x(day), y(trend.high(day)));
        }
        band.closePath();
        graphics.setColor(BAND);
        graphics.fill(band);
    }

    private void axes() {
        graphics.setFont(Charts.font(Font.PLAIN, 13));
        graphics.setStroke(Charts.THIN);
        for (double value = 0; value <= HIGHEST; value += STEP) {
            graphics.setColor(Charts.GRID);
            graphics.draw(new Line2D.Double(LEFT, y(value), Charts.FULL - RIGHT, y(value)));
            graphics.setColor(Charts.INK);
            String label = String.format(Locale.ROOT, "%.0f %%", value);
            graphics.drawString(label, (float) (LEFT - 3 - width(label)), (float) y(value) + 5);
        }
        LocalDate month = from.getDayOfMonth() == 1 ? from : from.plusMonths(1).withDayOfMonth(1);
        for (; month.isBefore(view.to()); month = month.plusMonths(1)) {
            boolean isFirst = month.getMonthValue() == 1 || x(month) < LEFT + 20 * perDay;
            graphics.setColor(Charts.GREY);
            graphics.draw(new Line2D.Double(x(month), y(0), x(month), y(0) + (isFirst ? 7 : 4)));
            graphics.setColor(Charts.INK);
            String label = MONTH.format(month);
            if (x(month) + width(label) > Charts.FULL) return;
            graphics.drawString(label, (float) x(month) + 3, (float) y(0) + 18);
            if (isFirst)
                graphics.drawString(Integer.toString(month.getYear()), (float) x(month) + 3, (float) y(0) + 35);
        }
    }

    private void dots(SortedMap<LocalDate, Double> figures, Color weekday, Color weekend) {
        figures.forEach((day, value) -> {
            graphics.setColor(day.getDayOfWeek().compareTo(DayOfWeek.FRIDAY) > 0 ? weekend : weekday);
            graphics.fill(new Ellipse2D.Double(x(day) - 2, y(value) - 2, 4, 4));
        });
    }

    private void limit() {
        graphics.setColor(Charts.INK);
        graphics.setStroke(Charts.DASHED);
        graphics.draw(new Line2D.Double(LEFT, y(view.limit()), Charts.FULL - RIGHT, y(view.limit())));
        graphics.setFont(Charts.font(Font.BOLD, 13));
        graphics.drawString("limit", LEFT + 6, (float) y(view.limit()) - 6);
    }

    /** Whole where there are figures, and dashed where there are none. */
    private void line(Trend trend) {
        graphics.setColor(Charts.INK);
        graphics.setStroke(Charts.LINE);
        graphics.draw(path(trend, trend.firstDay(), view.today()));
        graphics.setStroke(DASHED_LINE);
        graphics.draw(path(trend, view.today(), end()));
    }

    private Path2D path(Trend trend, LocalDate first, LocalDate last) {
        Path2D.Double path = new Path2D.Double();
        path.moveTo(x(first), y(trend.line(first)));
        for (LocalDate day = first; !day.isAfter(last) && trend.line(day) <= HIGHEST; day = day.plusDays(1)) {
            path.lineTo(x(day), y(trend.line(day)));
        }
        return path;
    }

    /** Above what stands out, and below what stays behind. */
    private void remark(LocalDate day, String text) {
        Double figure = view.figures().get(day);
        if (figure == null) return;
        graphics.setFont(Charts.font(Font.PLAIN, 13));
        graphics.setColor(Charts.INK);
        Trend trend = view.outlook().trend();
        boolean isAbove = trend == null || figure > trend.line(day);
        graphics.drawString(text, (float) (x(day) - width(text) / 2), (float) y(figure) + (isAbove ? -8 : 19));
    }

    private void today() {
        graphics.setFont(Charts.font(Font.PLAIN, 13));
        graphics.setStroke(Charts.THIN);
        graphics.setColor(Charts.INK);
        graphics.draw(new Line2D.Double(x(view.today()), TOP - 8, x(view.today()), y(0)));
        String today = "today, " + date(view.today());
        graphics.drawString(today, (float) (x(view.today()) - width(today)), TOP - 14);
    }

    private void expected() {
        LocalDate earliest = view.outlook().earliest();
        LocalDate expected = view.outlook().expected();
        if (earliest == null || expected == null) return;
        graphics.setColor(AMBER);
        graphics.setStroke(Charts.LINE);
        graphics.draw(new Line2D.Double(x(expected), TOP, x(expected), y(0)));
        LocalDate latest = view.outlook().latest();
        String interval = date(earliest) + " to " + (latest == null ? "later" : date(latest)) + " (80 %)";
        graphics.setFont(Charts.font(Font.BOLD, 13));
        double rightmost = Charts.FULL - RIGHT - width(interval);
        double leftmost = x(view.today()) + 8;
        double left = Math.max(leftmost, Math.min(x(earliest), rightmost));
        graphics.drawString(interval, (float) left, TOP - 14);
    }

    private void full() {
        LocalDate full = view.full();
        if (full == null) return;
        graphics.setColor(LATER);
        graphics.setStroke(Charts.LINE);
        graphics.draw(new Ellipse2D.Double(x(full) - 7, y(view.limit()) - 7, 14, 14));
        graphics.setStroke(Charts.THIN);
        graphics.draw(new Line2D.Double(x(full), y(view.limit()) + 7, x(full), y(6)));
        String was = "full on " + date(full);
        graphics.setFont(Charts.font(Font.BOLD, 13));
        // Aside of the line of the date expected.
        LocalDate expected = view.outlook().expected();
        boolean isLeft = expected != null && expected.isAfter(full);
        graphics.drawString(was, (float) (isLeft ? x(full) - width(was) : x(full) + 7), (float) y(6));
    }

    /** With some room, as browsers have other fonts. */
    private static double width(String label) {
        return 1.1 * Charts.font(Font.BOLD, 13).getStringBounds(label, MEASURE).getWidth();
    }

    /** The line is drawn up to here: a forecast does not say more. */
    private LocalDate end() {
        LocalDate latest = view.outlook().latest();
        return latest == null || latest.isAfter(view.to()) ? view.to() : latest;
    }

    private double x(LocalDate day) {
        return LEFT + ChronoUnit.DAYS.between(from, day) * perDay;
    }

    private static double y(double value) {
        double share = Math.max(0, Math.min(HIGHEST, value)) / HIGHEST;
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
    }
}
