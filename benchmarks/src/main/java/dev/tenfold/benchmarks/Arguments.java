package dev.tenfold.benchmarks;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The command line of {@link Compare}. */
record Arguments(
        List<Topic> topics,
        boolean quick,
        @Nullable Path json,
        @Nullable Path trace) {

    /**
     * Reads a command line.
     *
     * @throws IllegalArgumentException with one line for the user if it makes no sense
     */
    static Arguments parse(List<String> words, List<Topic> known) {
        List<Topic> topics = new ArrayList<>();
        boolean quick = false;
        Path json = null;
        Path trace = null;
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i);
            if (word.equals("--quick")) {
                quick = true;
            } else if (word.equals("--json")) {
                i++;
                if (i == words.size() || words.get(i).startsWith("--")) {
                    throw new IllegalArgumentException("--json needs a file to write to");
                }
                json = Path.of(words.get(i));
            } else if (word.equals("--trace")) {
                i++;
                if (i == words.size() || !Files.isReadable(Path.of(words.get(i)))) {
                    throw new IllegalArgumentException("--trace needs a file to read, of one key a line");
                }
                trace = Path.of(words.get(i));
            } else if (word.startsWith("-")) {
                throw new IllegalArgumentException(
                        "unknown option " + word + "; there are --quick, --json FILE and --trace FILE");
            } else {
                add(word, topics, known);
            }
        }
        if (topics.isEmpty()) {
            throw new IllegalArgumentException("name a topic: " + names(known));
        }
        return new Arguments(List.copyOf(topics), quick, json, trace);
    }

    private static void add(String word, List<Topic> topics, List<Topic> known) {
        List<Topic> meant = known.stream()
                .filter(topic -> word.equals("all") || word.equals(topic.name()))
                .toList();
        if (meant.isEmpty()) {
            throw new IllegalArgumentException("unknown topic " + word + "; there are " + names(known));
        }
        for (Topic topic : meant) {
            if (!topics.contains(topic)) {
                topics.add(topic);
            }
        }
    }

    private static String names(List<Topic> known) {
        return known.stream().map(Topic::name).collect(Collectors.joining(", ", "", ", all"));
    }
}
