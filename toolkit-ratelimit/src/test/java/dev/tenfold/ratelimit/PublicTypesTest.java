package dev.tenfold.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class PublicTypesTest {
    private static final Pattern LISTED = Pattern.compile("<li>\\{@link dev\\.tenfold\\.ratelimit\\.(\\w+)}");

    @Test
    void the_packages_list_is_the_compilers() throws Exception {
        String list = Files.readString(Path.of("src/main/java/dev/tenfold/ratelimit/package-info.java"));
        Set<String> listed = new TreeSet<>(
                LISTED.matcher(list).results().map(match -> match.group(1)).toList());

        assertThat(listed).isEqualTo(publicTypes());
    }

    private static Set<String> publicTypes() throws IOException, ClassNotFoundException {
        List<String> names;
        try (Stream<Path> classes = Files.list(Path.of("target/classes/dev/tenfold/ratelimit"))) {
            names = classes.map(path -> path.getFileName().toString())
                    .filter(name -> name.endsWith(".class") && !name.contains("$") && !name.startsWith("package-info"))
                    .map(name -> name.substring(0, name.length() - ".class".length()))
                    .toList();
        }
        Set<String> types = new TreeSet<>();
        for (String name : names) {
            if (Modifier.isPublic(Class.forName("dev.tenfold.ratelimit." + name).getModifiers())) {
                types.add(name);
            }
        }
        return types;
    }
}
