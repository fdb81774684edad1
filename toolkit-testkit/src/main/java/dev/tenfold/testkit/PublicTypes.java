package dev.tenfold.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The public types of a package of the module whose tests run, as its documentation lists them, and as they are. */
public final class PublicTypes {
    private PublicTypes() {}

    /**
     * The types that a package's own documentation links to in its {@code <ol>} list.
     *
     * @param packageName for example {@code dev.tenfold.testkit}
     * @return their simple names
     */
    public static Set<String> listed(String packageName) {
        Path file = Path.of("src/main/java", packageName.replace('.', '/'), "package-info.java");
        String text = read(file);
        Pattern link = Pattern.compile("\\{@link " + Pattern.quote(packageName) + "\\.(\\w+)}");
        return link.matcher(text.substring(text.indexOf("<ol>"), text.indexOf("</ol>")))
                .results()
                .map(match -> match.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /**
     * The public top-level types that the compiler has made.
     *
     * @param packageName for example {@code dev.tenfold.testkit}
     * @return their simple names
     */
    public static Set<String> compiled(String packageName) {
        Path folder = Path.of("target/classes", packageName.replace('.', '/'));
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".class") && !name.contains("$") && !name.startsWith("package-info"))
                    .map(name -> name.substring(0, name.length() - ".class".length()))
                    .filter(name -> isPublic(packageName + "." + name))
                    .collect(Collectors.toCollection(TreeSet::new));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isPublic(String name) {
        try {
            return Modifier.isPublic(Class.forName(name).getModifiers());
        } catch (ClassNotFoundException e) {
            throw new AssertionError(name + " is not on the class path of these tests", e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
