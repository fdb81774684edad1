package dev.tenfold.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The Java blocks of Markdown pages, and the regions of test classes that they have to be equal to, so that what readers copy has
 * been compiled and run.
 *
 * <pre>{@code
 * <!-- region: toolkit-cache ReadmeTest cache -->     // region: cache
 * ```java                                             …
 * …                                                   // endregion
 * }</pre>
 */
public final class CodeBlocks {
    private static final Pattern BLOCK =
            Pattern.compile("(?:<!-- region: (\\S+) ReadmeTest ([\\w ]+) -->\n)?```java\n(.*?)```", Pattern.DOTALL);

    private CodeBlocks() {}

    /**
     * One block.
     *
     * @param page where it is
     * @param module whose test it is from; empty if that is not said, which is a mistake
     * @param regions the names of the regions that it consists of, in order
     * @param code what readers see
     */
    public record Block(Path page, String module, List<String> regions, String code) {}

    /**
     * The blocks of pages, in order.
     *
     * @param pages Markdown files
     * @return all Java blocks
     */
    public static List<Block> of(Path... pages) {
        List<Block> blocks = new ArrayList<>();
        for (Path page : pages) {
            Matcher block = BLOCK.matcher(read(page));
            while (block.find()) {
                boolean isNamed = block.group(1) != null;
                blocks.add(new Block(
                        page,
                        isNamed ? block.group(1) : "",
                        isNamed ? List.of(block.group(2).split(" ", -1)) : List.of(),
                        block.group(3)));
            }
        }
        return blocks;
    }

    /**
     * What a block has to look like: the regions of a test class, without their indentation, an empty line between them.
     *
     * @param test in the module whose tests run
     * @param names of its regions, each between {@code // region: name} and {@code // endregion}
     * @return their text
     */
    public static String regions(Class<?> test, List<String> names) {
        String source = read(Path.of("src/test/java", test.getName().replace('.', '/') + ".java"));
        return names.stream().map(name -> region(source, name)).collect(Collectors.joining("\n"));
    }

    private static String region(String source, String name) {
        Matcher region = Pattern.compile("\n( *)// region: " + name + "\n(.*?)\n *// endregion", Pattern.DOTALL)
                .matcher(source);
        if (!region.find()) throw new AssertionError("there is no region " + name);
        String indent = region.group(1);
        return region.group(2)
                .lines()
                .map(line -> line.startsWith(indent) ? line.substring(indent.length()) : line)
                .collect(Collectors.joining("\n", "", "\n"));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
