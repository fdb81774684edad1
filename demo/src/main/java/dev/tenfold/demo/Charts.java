package dev.tenfold.demo;

import static java.util.Map.entry;

import de.erichseifert.vectorgraphics2d.Processors;
import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import de.erichseifert.vectorgraphics2d.util.PageSize;
import dev.tenfold.query.guard.Finding;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.geom.Rectangle2D;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.knowm.xchart.AnnotationText;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategorySeries;
import org.knowm.xchart.CategorySeries.CategorySeriesRenderStyle;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.internal.chartpart.IChart;
import org.knowm.xchart.internal.series.AxesChartSeries;
import org.knowm.xchart.internal.series.MarkerSeries;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The pictures of a stage, as SVG that stands inside an HTML page. */
final class Charts {
    /** A version has its colour in every stage. */
    private static final Map<String, Color> VERSIONS = Map.ofEntries(
            entry("naive", new Color(0xC0, 0x4F, 0x32)),
            entry("with toolkit-query", new Color(0x1B, 0x6E, 0x8C)),
            entry("with toolkit-cache", new Color(0x2F, 0x85, 0x4F)),
            entry("cache, Redis killed", new Color(0xB9, 0x7A, 0x0B)),
            entry("tokens in PostgreSQL", new Color(0xA8, 0x3F, 0x6F)),
            entry("with toolkit-auth", new Color(0x35, 0x4F, 0xB0)),
            entry("with toolkit-ratelimit", new Color(0x6B, 0x4C, 0x9A)),
            entry("limit, Redis killed", new Color(0xB9, 0x7A, 0x0B)),
            entry(PictureDay.IN_REQUEST, new Color(0x8A, 0x5A, 0x2B)),
            entry(PictureDay.AS_JOBS, new Color(0x0F, 0x7C, 0x7C)));

    static final Color GREY = new Color(0x8A, 0x91, 0x9C);
    static final Color INK = new Color(0x3A, 0x42, 0x4E);
    static final Color GRID = new Color(0xE3, 0xE7, 0xEC);
    static final BasicStroke DASHED =
            new BasicStroke(1.5f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10, new float[] {5, 4}, 0);
    static final Color SHADE = new Color(0xF3, 0xE9, 0xD3);
    static final Color BAND = new Color(0xCF, 0xD6, 0xDE);
    static final BasicStroke THIN = new BasicStroke(1);
    private static final BasicStroke WIDE = new BasicStroke(9, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND);
    static final BasicStroke LINE = new BasicStroke(2.5f, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND);

    private static final List<Double> PERCENTILES = List.of(50.0, 75.0, 90.0, 95.0, 99.0, 100.0);
    private static final List<String> PERCENTILE_NAMES = List.of("p50", "p75", "p90", "p95", "p99", "max");
    private static final int WIDTH = 400;
    private static final int NARROW = 240;
    static final int FULL = 1_076;
    private static final int HEIGHT = 280;
    /** Of one version in the picture of statements, with its name above. */
    private static final int STRIP = 84;
    /** Of the loops in the naive version, the dearest first. */
    private static final List<Color> LOOPS =
            List.of(new Color(0xC0, 0x4F, 0x32), new Color(0xE3, 0xA4, 0x6B), new Color(0x8F, 0x6B, 0x5E));

    private static final AtomicInteger NEXT_ID = new AtomicInteger();

    private Charts() {}

    /** Latency at the percentiles, on a logarithmic axis, with the objective as a dashed line. */
    static String latency(Stage.Result result) throws IOException {
        CategoryChart chart = new CategoryChart(WIDTH, HEIGHT);
        style(chart.getStyler());
        chart.getStyler().setDefaultSeriesRenderStyle(CategorySeriesRenderStyle.Line);
        chart.getStyler().setOverlapped(true);
        chart.getStyler().setXAxisTickMarkSpacingHint(20);
        chart.getStyler().setYAxisLogarithmic(true).setYAxisLogarithmicDecadeOnly(true);
        chart.getStyler().setPlotGridHorizontalLinesVisible(false);
        chart.getStyler().setYAxisTickLabelsFormattingFunction(Charts::millis);
        double highest = result.p99ObjectiveMillis();
        double lowest = result.p99ObjectiveMillis();
        for (Measured version : result.versions()) {
            highest = Math.max(highest, version.load().millisAt(100));
            lowest = Math.min(lowest, version.load().millisAt(50));
        }
        double bottom = Math.pow(10, Math.floor(Math.log10(Math.max(0.1, lowest))));
        double top = Math.pow(10, Math.ceil(Math.log10(highest)));
        chart.getStyler().setYAxisMin(bottom).setYAxisMax(top);
        for (double decade = bottom; decade <= top * 1.01; decade *= 10) {
            line(constant(chart, "grid " + decade, decade), GRID, THIN);
        }
        line(constant(chart, "p99 objective", result.p99ObjectiveMillis()), GREY, DASHED);
        for (Measured version : result.versions()) {
            List<Double> millis = PERCENTILES.stream()
                    .map(p -> Math.max(bottom, version.load().millisAt(p)))
                    .toList();
            var series = chart.addSeries(version.version(), PERCENTILE_NAMES, millis);
            line(series, colourOf(version), LINE);
            series.setMarker(SeriesMarkers.CIRCLE).setMarkerColor(colourOf(version));
        }
        return svg(chart, "Latency at the percentiles");
    }

    private static CategorySeries constant(CategoryChart chart, String name, double value) {
        return chart.addSeries(name, PERCENTILE_NAMES, Collections.nCopies(PERCENTILES.size(), value));
    }

    /** What was offered in each second, and what was served. */
    static String throughput(Stage.Result result) throws IOException {
        XYChart chart = new XYChart(WIDTH, HEIGHT);
        chart.setXAxisTitle("second");
        style(chart.getStyler());
        chart.getStyler().setXAxisDecimalPattern("#").setYAxisDecimalPattern("#");
        chart.getStyler().setYAxisMin(0.0);
        int[] offered = result.versions().get(0).load().offeredPerSecond();
        double[] seconds =
                IntStream.rangeClosed(1, offered.length).asDoubleStream().toArray();
        int highest = IntStream.of(offered).max().orElse(1);
        Stage.Away away = result.away();
        if (away != null) {
            // From the kill to the restart, and above the chart's top. What a second saw is drawn at its number, so the
            // middle of the first second is at 1.
            double from = away.fromSecond() + 0.5;
            double to = away.toSecond() + 0.5;
            double[] box = {from, from, to, to};
            XYSeries shade = chart.addSeries("Redis away", box, new double[] {0, highest * 9, highest * 9, 0});
            shade.setXYSeriesRenderStyle(XYSeriesRenderStyle.Area).setFillColor(SHADE);
            line(shade, SHADE, THIN);
        }
        line(chart.addSeries("offered", seconds, doubles(offered)), BAND, WIDE);
        for (Measured version : result.versions()) {
            int[] served = version.load().servedPerSecond();
            highest = Math.max(highest, IntStream.of(served).max().orElse(1));
            line(chart.addSeries(version.version(), seconds, doubles(served)), colourOf(version), LINE);
        }
        chart.getStyler().setYAxisMax(highest * 1.15);
        return svg(chart, "Requests offered and served in each second");
    }

    /** Queries a request, one bar a version. */
    static String queries(Stage.Result result) throws IOException {
        CategoryChart chart = new CategoryChart(NARROW, HEIGHT);
        style(chart.getStyler());
        chart.getStyler().setAvailableSpaceFill(0.7).setLabelsVisible(true);
        chart.getStyler().setLabelsFont(font(Font.BOLD, 15)).setLabelsPosition(1.06);
        chart.getStyler().setLabelsFontColorAutomaticEnabled(false).setLabelsFontColor(INK);
        chart.getStyler().setXAxisTicksVisible(false).setYAxisDecimalPattern("0.#");
        chart.getStyler().setYAxisMin(0.0);
        double highest = 1;
        for (Measured version : result.versions()) {
            double queries = Math.rint(version.queriesPerRequest() * 10) / 10;
            chart.addSeries(version.version(), List.of(" "), List.of(queries)).setFillColor(colourOf(version));
            highest = Math.max(highest, queries);
        }
        chart.getStyler().setYAxisMax(highest * 1.15);
        return svg(chart, "Queries per request");
    }

    /** Jobs that were not done yet, over time, and what happened meanwhile. */
    static String backlog(Stage.Backlog backlog, Measured version) throws IOException {
        XYChart chart = new XYChart(FULL, HEIGHT);
        chart.setXAxisTitle("second");
        style(chart.getStyler());
        chart.getStyler().setXAxisDecimalPattern("#").setYAxisDecimalPattern("#");
        double[] seconds = backlog.samples().stream()
                .mapToDouble(Stage.Backlog.Sample::second)
                .toArray();
        double[] jobs = backlog.samples().stream()
                .mapToDouble(Stage.Backlog.Sample::jobs)
                .toArray();
        double top = Math.max(10, DoubleStream.of(jobs).max().orElse(0) * 1.4);
        double right = Math.max(1, DoubleStream.of(seconds).max().orElse(0));
        chart.getStyler().setYAxisMin(0.0).setYAxisMax(top);
        chart.getStyler().setXAxisMin(0.0).setXAxisMax(right * 1.02);
        chart.getStyler().setAnnotationTextFont(font(Font.PLAIN, 13)).setAnnotationTextFontColor(INK);
        if (seconds.length > 0) {
            line(chart.addSeries("jobs", seconds, jobs), colourOf(version), LINE);
        }
        for (int i = 0; i < backlog.marks().size(); i++) {
            Stage.Backlog.Mark mark = backlog.marks().get(i);
            double[] at = {mark.second(), mark.second()};
            line(chart.addSeries(mark.text(), at, new double[] {0, top}), GREY, DASHED);
            // One under the other, or neighbours would cover each other.
            double height = top * (0.95 - 0.09 * i);
            // Its middle: right of the line, or left of it where it would leave the picture.
            double aside = right * (0.008 + 0.0036 * mark.text().length());
            double middle = mark.second() + (mark.second() + 2 * aside > right ? -aside : aside);
            chart.addAnnotation(new AnnotationText(mark.text(), middle, height, false));
        }
        return svg(chart, "Jobs that were not done yet, over time");
    }

    /** The statements of a request of each version, over time: a bar for each, and those of a loop in the loop's colour. */
    static String statements(Inspection.Found found) throws IOException {
        List<Inspection.Seen> versions = List.of(found.naive(), found.batched());
        double longest = versions.stream()
                .mapToDouble(seen -> Timeline.millis(seen.quickest()))
                .max()
                .orElse(0);
        double millis = Math.max(1, longest * 1.01);
        double step = niceStep(millis);
        int bottom = versions.size() * STRIP;
        return svg(FULL, bottom + 30, "The statements of a request, over time", graphics -> {
            double scale = FULL / millis;
            graphics.setFont(font(Font.PLAIN, 13));
            for (double tick = 0; tick < millis; tick += step) {
                double x = tick * scale;
                graphics.setColor(GRID);
                graphics.fill(new Rectangle2D.Double(x, 0, 1, bottom + 4));
                graphics.setColor(INK);
                // Not beyond the right end.
                if (x < FULL - 60) graphics.drawString(millis(tick), (float) x + 4, bottom + 18);
            }
            for (int i = 0; i < versions.size(); i++) {
                strip(graphics, found, versions.get(i), i * STRIP, scale);
            }
        });
    }

    private static void strip(
            Graphics2D graphics, Inspection.Found found, Inspection.Seen seen, int top, double scale) {
        graphics.setFont(font(Font.BOLD, 15));
        graphics.setColor(VERSIONS.getOrDefault(seen.version(), INK));
        String label = String.format(
                Locale.ROOT,
                "%s: %d statements, %.0f ms",
                seen.version(),
                seen.quickest().size(),
                Timeline.millis(seen.quickest()));
        graphics.drawString(label, 4, top + 18);
        for (Timeline.Bar bar : seen.quickest()) {
            graphics.setColor(colourOf(found, seen, bar));
            double width = (bar.toMillis() - bar.fromMillis()) * scale;
            // A gap, as the next one follows at once.
            double shown = Math.max(1, width - Math.min(1.2, width / 3));
            graphics.fill(new Rectangle2D.Double(bar.fromMillis() * scale, top + 28, shown, STRIP - 40));
        }
    }

    private static Color colourOf(Inspection.Found found, Inspection.Seen seen, Timeline.Bar bar) {
        if (seen != found.naive()) return VERSIONS.getOrDefault(seen.version(), INK);
        String fingerprint = seen.fingerprintOf(bar.sql());
        return seen.loops().stream()
                .filter(finding -> finding.fingerprint().equals(fingerprint))
                .findFirst()
                .map(finding -> colourOf(found, finding))
                .orElse(GREY);
    }

    /** The statement of a loop has its colour in the picture and beside the words about it. */
    private static Color colourOf(Inspection.Found found, Finding finding) {
        List<String> loops = found.naive().loops().stream()
                .map(Finding::fingerprint)
                .distinct()
                .toList();
        int at = loops.indexOf(finding.fingerprint());
        return at < 0 ? GREY : LOOPS.get(Math.min(at, LOOPS.size() - 1));
    }

    /** For the page around the pictures. */
    static String hexOf(Inspection.Found found, Finding finding) {
        return hex(colourOf(found, finding));
    }

    /** 1, 2 or 5 times a power of ten, so that some ten steps fit. */
    private static double niceStep(double whole) {
        double power = Math.pow(10, Math.floor(Math.log10(whole / 8)));
        double times = whole / 8 / power;
        return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
    }

    private static Color colourOf(Measured version) {
        return VERSIONS.getOrDefault(version.version(), INK);
    }

    /** For the page around the pictures. */
    static String hexOf(Measured version) {
        return hex(colourOf(version));
    }

    static String hex(Color colour) {
        return String.format("#%06x", colour.getRGB() & 0xFFFFFF);
    }

    private static void style(AxesChartStyler styler) {
        styler.setChartBackgroundColor(Color.WHITE).setPlotBackgroundColor(Color.WHITE);
        styler.setPlotBorderVisible(false).setChartTitleVisible(false).setChartPadding(6);
        styler.setLegendVisible(false).setChartFontColor(INK); // the page has one legend for all
        styler.setAxisTitleFont(font(Font.PLAIN, 13)).setAxisTickLabelsFont(font(Font.PLAIN, 13));
        styler.setAxisTickLabelsColor(INK).setAxisTicksLineVisible(false).setAxisTicksMarksVisible(false);
        styler.setPlotGridLinesColor(GRID).setPlotGridLinesStroke(THIN);
        styler.setPlotGridVerticalLinesVisible(false);
        styler.setMarkerSize(7);
    }

    private static void line(AxesChartSeries series, Color colour, BasicStroke stroke) {
        series.setLineColor(colour).setLineStyle(stroke);
        if (series instanceof MarkerSeries marked) {
            marked.setMarker(SeriesMarkers.NONE);
        }
    }

    static Font font(int style, int size) {
        return new Font(Font.SANS_SERIF, style, size);
    }

    private static String millis(double value) {
        return value >= 1_000
                ? Math.round(value / 1_000) + " s"
                : value >= 1 || value == 0 ? Math.round(value) + " ms" : value + " ms";
    }

    private static double[] doubles(int[] values) {
        return IntStream.of(values).asDoubleStream().toArray();
    }

    private static String svg(IChart chart, String label) throws IOException {
        return svg(chart.getWidth(), HEIGHT, label, graphics -> chart.paint(graphics, chart.getWidth(), HEIGHT));
    }

    /** Without the XML prologue and a fixed size, and with ids that no other picture on the page has. */
    static String svg(int width, int height, String label, Consumer<Graphics2D> painter) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        VectorGraphics2D graphics = new VectorGraphics2D();
        painter.accept(graphics);
        Processors.get("svg")
                .getDocument(graphics.getCommands(), new PageSize(0, 0, width, height))
                .writeTo(out);
        String svg = out.toString(StandardCharsets.UTF_8);
        String id = "c" + NEXT_ID.incrementAndGet() + "-";
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"" + label + "\" viewBox=\"0 0 "
                + width + " " + height + "\">"
                + svg.substring(svg.indexOf('>', svg.indexOf("<svg")) + 1)
                        .replace("id=\"", "id=\"" + id)
                        .replace("url(#", "url(#" + id)
                        // Whatever this machine calls it.
                        .replaceAll("font-family:&quot;[^&]*&quot;", "font-family:inherit");
    }
}
