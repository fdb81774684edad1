package dev.tenfold.benchmarks;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One call of {@link Compare}: what topics report to. */
final class Session {
    private final boolean quick;
    private final PrintStream out;
    private final @Nullable PrintStream json;
    private final @Nullable Path trace;
    private final Progress progress;
    private final List<Row> rows = new ArrayList<>();

    Session(boolean quick, PrintStream out, @Nullable PrintStream json, @Nullable Path trace) {
        this.quick = quick;
        this.out = out;
        this.json = json;
        this.trace = trace;
        this.progress = Progress.on(out);
    }

    boolean quick() {
        return quick;
    }

    /** Which keys are popular: a file of one key a line; null for Zipf's law. */
    @Nullable
    Path trace() {
        return trace;
    }

    Progress progress() {
        return progress;
    }

    List<Row> rows() {
        return List.copyOf(rows);
    }

    void say(String line) {
        out.println(line);
    }

    /** Prints what each contender runs with. */
    void settings(List<Contender> contenders) {
        int width = contenders.stream().mapToInt(c -> c.name().length()).max().orElse(0);
        for (Contender contender : contenders) {
            String padding = " ".repeat(width - contender.name().length());
            say("  " + contender.name() + padding + "  " + contender.settings());
        }
    }

    /** Keeps a result for the table, and writes it to the file at once. */
    void emit(Row row) {
        rows.add(row);
        if (json != null) {
            json.println(row.json());
            json.flush();
        }
    }

    /** Whether results are missing in the file, as on a full disk. */
    boolean fileIsBroken() {
        return json != null && json.checkError();
    }
}
