package dev.tenfold.demo;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The first step: what the command line asks for, checked before anything starts. */
record Options(boolean help, boolean quick, Keys keys, Path report) {
    static final String HELP = """
            Launch day: the same application, naive and with Tenfold, under ever more users.

              mvn -q -Pdemo [-Ddemo.args="OPTIONS"]

              --keys FILE    replays a popularity trace: one key a line, plain or gzip
                             (default: 10,000 keys, Zipf with s=0.99)
              --quick        shorter stages
              --report FILE  where the report goes (default: target/launch-day.html)
              --help         prints this
            """;

    /** What is wrong with the command line, in one line. */
    static final class Wrong extends Exception {
        private static final long serialVersionUID = 1;

        Wrong(String message) {
            super(message);
        }
    }

    static Options parse(String... args) throws Wrong {
        boolean help = false;
        boolean quick = false;
        String keys = null;
        String report = "target/launch-day.html";
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--help" -> help = true;
                case "--quick" -> quick = true;
                case "--keys" -> keys = value(args, ++i);
                case "--report" -> report = value(args, ++i);
                default -> throw new Wrong("unknown argument '" + args[i] + "'; --help lists what there is");
            }
        }
        return new Options(help, quick, keys(help ? null : keys), Path.of(report));
    }

    private static String value(String[] args, int at) throws Wrong {
        if (at == args.length || args[at].startsWith("--")) {
            throw new Wrong(args[at - 1] + " needs a file");
        }
        return args[at];
    }

    private static Keys keys(@Nullable String file) throws Wrong {
        if (file == null) {
            return Keys.zipf(10_000, 0.99);
        }
        try {
            return Keys.trace(Path.of(file));
        } catch (IOException e) {
            throw new Wrong("--keys " + file + ": " + Keys.reason(e));
        }
    }
}
