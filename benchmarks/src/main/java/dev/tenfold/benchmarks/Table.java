package dev.tenfold.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Renders rows for reading: words to the left, figures to the right. */
final class Table {
    private static final List<String> HEAD = List.of("name", "unit", "ours", "theirs", "ratio", "better");
    private static final int FIRST_FIGURE = 2;
    private static final int LAST_FIGURE = 4;

    private Table() {}

    static List<String> of(List<Row> rows) {
        List<List<String>> cells = new ArrayList<>();
        cells.add(HEAD);
        for (Row row : rows) {
            cells.add(List.of(
                    row.name(),
                    row.unit(),
                    Row.number(row.ours()),
                    row.theirs() == null ? "-" : Row.number(row.theirs()),
                    row.ratio() == null ? "-" : String.format(Locale.ROOT, "%.2f", row.ratio()),
                    row.better().toString()));
        }
        int[] widths = new int[HEAD.size()];
        for (List<String> line : cells) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], line.get(i).length());
            }
        }
        return cells.stream().map(line -> line(line, widths)).toList();
    }

    private static String line(List<String> cells, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String padding = " ".repeat(widths[i] - cells.get(i).length());
            boolean figure = i >= FIRST_FIGURE && i <= LAST_FIGURE;
            line.append(figure ? padding + cells.get(i) : cells.get(i) + padding)
                    .append("  ");
        }
        return line.toString().stripTrailing();
    }
}
