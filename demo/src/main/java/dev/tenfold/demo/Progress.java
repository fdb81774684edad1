package dev.tenfold.demo;

import java.io.Console;
import java.io.PrintStream;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** Tells people what goes on: bars on a terminal, plain lines in a file. */
final class Progress {
    private final PrintStream out;
    private final boolean terminal;

    Progress(PrintStream out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    /** Since JDK 22 there may be a console without a terminal. */
    @SuppressWarnings("SystemConsoleNull") // asked further below, where the JDK can tell
    static boolean isTerminal() {
        Console console = System.console();
        if (console == null) {
            return false;
        }
        try {
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (ReflectiveOperationException olderJdk) {
            return true;
        }
    }

    void say(String line) {
        out.println(line);
        out.flush();
    }

    /** A piece of work of so many steps; close it at its end. */
    Work start(String what, int steps) {
        if (!terminal) {
            say(what);
            return new Work(null);
        }
        return new Work(new ProgressBarBuilder()
                .setTaskName(what)
                .setInitialMax(steps)
                .setStyle(ProgressBarStyle.UNICODE_BLOCK)
                .setUpdateIntervalMillis(200)
                .clearDisplayOnFinish()
                .build());
    }

    record Work(@Nullable ProgressBar bar) implements AutoCloseable {
        void step() {
            if (bar != null) {
                bar.step();
            }
        }

        @Override
        public void close() {
            if (bar != null) {
                bar.close();
            }
        }
    }
}
