package dev.tenfold.benchmarks;

import java.io.Console;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.TimeUnit;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** Tells how far a comparison is: with a bar on a terminal, else in a few plain lines. */
final class Progress {
    private final PrintStream out;
    private final boolean terminal;

    private Progress(PrintStream out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    static Progress on(PrintStream out) {
        return new Progress(out, out == System.out && isTerminal(System.console()));
    }

    /** From JDK 22 on there may be a console that is no terminal; the method that tells is no older. */
    private static boolean isTerminal(@Nullable Console console) {
        if (console == null) {
            return false;
        }
        try {
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (NoSuchMethodException before22) {
            return true;
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new LinkageError("Console.isTerminal is public and throws nothing", e);
        }
    }

    /** Begins a task of {@code nanos}; close it when it is over. */
    Bar start(String title, long nanos) {
        return terminal ? new TerminalBar(title, nanos) : new PlainBar(title, nanos, out);
    }

    /** One task. */
    interface Bar extends AutoCloseable {
        void advance(long nanos);

        @Override
        void close();
    }

    private static final class TerminalBar implements Bar {
        private final ProgressBar bar;

        TerminalBar(String title, long nanos) {
            bar = new ProgressBarBuilder()
                    .setTaskName(title)
                    .setInitialMax(TimeUnit.NANOSECONDS.toMillis(nanos))
                    .setStyle(ProgressBarStyle.ASCII)
                    .setUpdateIntervalMillis(500) // its thread should not disturb what is measured
                    .build();
        }

        @Override
        public void advance(long nanos) {
            bar.stepBy(TimeUnit.NANOSECONDS.toMillis(nanos));
        }

        @Override
        public void close() {
            bar.stepTo(bar.getMax());
            bar.close();
        }
    }

    private static final class PlainBar implements Bar {
        private static final int STEPS = 4;

        private final String title;
        private final long total;
        private final PrintStream out;
        private long done;
        private int told;

        PlainBar(String title, long total, PrintStream out) {
            this.title = title;
            this.total = total;
            this.out = out;
            out.println(title + ": about " + TimeUnit.NANOSECONDS.toSeconds(total) + " s");
        }

        @Override
        public void advance(long nanos) {
            done += nanos;
            int step = (int) Math.min(STEPS, done * STEPS / total);
            if (step > told) {
                told = step;
                out.println(title + ": " + 100 * step / STEPS + " %");
            }
        }

        @Override
        public void close() {}
    }
}
