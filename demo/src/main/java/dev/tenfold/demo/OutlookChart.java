package dev.tenfold.demo;

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
import java.util.SortedMap;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** The picture of a forecast: daily figures, the line through them, and when it meets the limit. */
final class OutlookChart {
    private static final int HEIGHT = 380;
    private static final int LEFT = 58;
    private static final int RIGHT = 14;
    private static final int TOP = 44;
    private static final int BOTTOM = 34;
    private static final double HIGHEST = 100;
    private static final double STEP = 20;

    private static final Color WEEKDAY = new Color(0x1B, 0x6E, 0x8C);
    private static final Color WEEKEND = new Color(0x9F, 0xC3, 0xD1);
    private static final Color LATER = new Color(0xC0, 0x4F, 0x32);
    private static final Color LATER_WEEKEND = new Color(0xE6, 0xB9, 0xAC);
    private static final Color BAND = new Color(0xDD, 0xE3, 0xE9);
    private static final Color SHADE = new Color(0xF3, 0xE9, 0xD3);
    private static final Color AMBER = new Color(0x8F, 0x5E, 0x05);
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
     * @param today the first day without a figure that it knew
     * @param limit per cent
     * @param fit the line through the figures
     * @param earliest the first day of the interval
     * @param expected its middle
     * @param latest its last day; null if it has none
     * @param full when the limit was reached indeed; null where that is not to be shown
     * @param to where the time axis ends
     */
    record View(
            SortedMap<LocalDate, Double> figures,
            SortedMap<LocalDate, Double> followed,
            LocalDate today,
            double limit,
            Fit fit,
            LocalDate earliest,
            LocalDate expected,
            @Nullable LocalDate latest,
            @Nullable LocalDate full,
            LocalDate to) {}

    /**
     * The line through the figures and beyond.
     *
     * @param since the first day that it rests on
     */
    record Fit(
            LocalDate since,
            ToDoubleFunction<LocalDate> line,
            ToDoubleFunction<LocalDate> low,
            ToDoubleFunction<LocalDate> high) {}

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

    /** From what lies behind to what lies before. */
    private void paint() {
        shadeInterval();
        band();
        axes();
        dots(view.figures(), WEEKDAY, WEEKEND);
        dots(view.followed(), LATER, LATER_WEEKEND);
        limit();
        line();
        marks();
    }

    private void shadeInterval() {
        double left = x(view.earliest());
        double right = view.latest() == null ? Charts.FULL - RIGHT : x(view.latest());
        graphics.setColor(SHADE);
        graphics.fill(new Rectangle2D.Double(left, TOP, right - left, HEIGHT - TOP - BOTTOM));
    }

    /** Where the line may be, from today on. */
    private void band() {
        Path2D.Double band = new Path2D.Double();
        LocalDate end = end();
        band.moveTo(x(view.today()), y(view.fit().low().applyAsDouble(view.today())));
        for (LocalDate day = view.today(); !day.isAfter(end); day = day.plusDays(1)) {
            band.lineTo(x(day), y(view.fit().low().applyAsDouble(day)));
        }
        for (LocalDate day = end; !day.isBefore(view.today()); day = day.minusDays(1)) {
            band.lineTo(x(day), y(view.fit().high().applyAsDouble(day)));
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
            graphics.drawString(label, (float) (LEFT - 4 - width(label)), (float) y(value) + 5);
        }
        LocalDate month = from.getDayOfMonth() == 1 ? from : from.plusMonths(1).withDayOfMonth(1);
        for (; month.isBefore(view.to()); month = month.plusMonths(1)) {
            boolean isFirst = month.getMonthValue() == 1 || x(month) < LEFT + 20 * perDay;
            graphics.setColor(Charts.GREY);
            graphics.draw(new Line2D.Double(x(month), y(0), x(month), y(0) + (isFirst ? 7 : 4)));
            graphics.setColor(Charts.INK);
            String label = MONTH.format(month) + (isFirst ? " " + month.getYear() : "");
            if (x(month) + width(label) < Charts.FULL) {
                graphics.drawString(label, (float) x(month) + 3, (float) y(0) + 18);
            }
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
    private void line() {
        graphics.setColor(Charts.INK);
        graphics.setStroke(Charts.LINE);
        graphics.draw(path(view.fit().since(), view.today()));
        graphics.setStroke(DASHED_LINE);
        graphics.draw(path(view.today(), end()));
    }

    private Path2D path(LocalDate first, LocalDate last) {
        Path2D.Double path = new Path2D.Double();
        path.moveTo(x(first), y(view.fit().line().applyAsDouble(first)));
        for (LocalDate day = first; !day.isAfter(last); day = day.plusDays(1)) {
            path.lineTo(x(day), y(view.fit().line().applyAsDouble(day)));
        }
        return path;
    }

    private void marks() {
        graphics.setFont(Charts.font(Font.PLAIN, 13));
        graphics.setStroke(Charts.THIN);
        graphics.setColor(Charts.INK);
        graphics.draw(new Line2D.Double(x(view.today()), TOP - 8, x(view.today()), y(0)));
        String today = "today, " + date(view.today());
        graphics.drawString(today, (float) (x(view.today()) - width(today) + 6), TOP - 14);

        graphics.setColor(AMBER);
        graphics.setStroke(Charts.LINE);
        graphics.draw(new Line2D.Double(x(view.expected()), TOP, x(view.expected()), y(0)));
        String interval = "full " + date(view.earliest()) + " to "
                + (view.latest() == null ? "later" : date(view.latest())) + " (80 %)";
        graphics.setFont(Charts.font(Font.BOLD, 13));
        graphics.drawString(interval, (float) Math.min(x(view.earliest()), rightmost(interval)), TOP - 14);

        LocalDate full = view.full();
        if (full == null) return;
        graphics.setColor(LATER);
        graphics.draw(new Ellipse2D.Double(x(full) - 7, y(view.limit()) - 7, 14, 14));
        graphics.setStroke(Charts.THIN);
        graphics.draw(new Line2D.Double(x(full), y(view.limit()) + 7, x(full), y(7)));
        String was = "was full on " + date(full);
        graphics.drawString(was, (float) (x(full) - width(was) - 2), (float) y(7));
    }

    private static double rightmost(String label) {
        return Charts.FULL - RIGHT - width(label);
    }

    private static double width(String label) {
        return Charts.font(Font.BOLD, 13).getStringBounds(label, MEASURE).getWidth();
    }

    /** The line is drawn up to here: a forecast does not say more. */
    private LocalDate end() {
        LocalDate latest = view.latest();
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
