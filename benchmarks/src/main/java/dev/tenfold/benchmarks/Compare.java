package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Compares Tenfold with its peers, side by side on the same work.
 *
 * <pre>{@code
 * java -cp benchmarks/target/benchmarks.jar dev.tenfold.benchmarks.Compare <query|cache|ratelimit|auth|jobs|readiness|all> [--quick] [--json FILE] [--trace FILE]
 * }</pre>
 *
 * <p>Each topic starts its own servers, verifies that all contenders give the same answers, and runs them in rounds that
 * take turns. It prints the contenders' settings and a table; {@code --json} writes one object a line as well. A ratio
 * above 1 always means that ours is better. Ratios are medians of the rounds' own ratios, so they may differ a little from
 * the quotient of the two medians printed beside them.
 *
 * <p>{@code --trace} replays a recorded sequence of keys, one a line, in {@code .gz} or plain, where a topic would draw them by
 * Zipf's law otherwise.
 *
 * <p>Ends with status 0; 1 if a contender fails or answers wrongly; 2 if the command line makes no sense.
 */
public final class Compare {
    static final List<Topic> TOPICS = List.of(
            new QueryTopic(),
            new CacheTopic(),
            new RateLimitTopic(),
            new AuthTopic(),
            new JobsTopic(),
            new ReadinessTopic());

    private Compare() {}

    /**
     * Runs the comparisons that the command line names, then ends the JVM.
     *
     * @param args topics and options
     */
    public static void main(String[] args) {
        System.setProperty("org.jboss.logging.provider", "slf4j"); // Hibernate's logging, else to java.util.logging
        System.exit(run(List.of(args), TOPICS, System.out, System.err));
    }

    static int run(List<String> args, List<Topic> topics, PrintStream out, PrintStream err) {
        Arguments arguments;
        try {
            arguments = Arguments.parse(args, topics);
        } catch (IllegalArgumentException e) {
            err.println(e.getMessage());
            return 2;
        }
        try (PrintStream json = open(arguments.json())) {
            return run(arguments, new Session(arguments.quick(), out, json, arguments.trace()), err);
        } catch (IOException e) {
            err.println("cannot write to " + arguments.json() + "; give --json a file in a directory that exists");
            return 2;
        }
    }

    private static @Nullable PrintStream open(@Nullable Path file) throws IOException {
        return file == null ? null : new PrintStream(Files.newOutputStream(file), false, UTF_8);
    }

    private static int run(Arguments arguments, Session session, PrintStream err) {
        session.say("JDK " + Runtime.version() + ", " + Runtime.getRuntime().availableProcessors() + " processors, "
                + (arguments.quick() ? "quick" : "full") + " run");
        int status = 0;
        for (Topic topic : arguments.topics()) {
            try {
                topic.run(session);
            } catch (Exception e) {
                err.println("topic " + topic.name() + " failed");
                e.printStackTrace(err);
                status = 1;
            }
        }
        if (session.fileIsBroken()) {
            err.println("could not write all results to " + arguments.json());
            status = 1;
        }
        session.say("");
        Table.of(session.rows()).forEach(session::say);
        return status;
    }
}
