package dev.tenfold.testkit;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.regex.Pattern;
import redis.embedded.core.ExecutableProvider;
import redis.embedded.model.OsArchitecture;

/** Finds the {@code redis-server} to run: the one on the PATH, else the embedded one, unpacked once a machine. */
final class RedisBinary {
    private static final Lazy<Path> BINARY = new Lazy<>(RedisBinary::find);

    private RedisBinary() {}

    static Path path() {
        return BINARY.get();
    }

    private static Path find() {
        String path = System.getenv("PATH");
        for (String dir : (path == null ? "" : path).split(Pattern.quote(File.pathSeparator), -1)) {
            Path candidate = Path.of(dir, "redis-server");
            if (!dir.isEmpty() && Files.isExecutable(candidate)) return candidate;
        }
        OsArchitecture here = OsArchitecture.detectOSandArchitecture();
        String resource = ExecutableProvider.newProvidedVersionsMap().get(here);
        if (resource == null) {
            throw new IllegalStateException("no embedded Redis for " + here.os + " " + here.arch
                    + "; install redis-server and put it on the PATH");
        }
        try {
            return unpack(resource);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot unpack " + resource + "; put a redis-server on the PATH", e);
        }
    }

    /** Written beside its place and moved there in one step, so that another JVM never sees half of it. */
    private static Path unpack(String resource) throws IOException {
        String name = resource.substring(resource.lastIndexOf('/') + 1);
        Path target = Path.of(System.getProperty("java.io.tmpdir"), "tenfold-" + name);
        if (Files.isExecutable(target)) return target;
        Path part = Files.createTempFile("tenfold-redis-", ".part");
        try (InputStream in = ExecutableProvider.class.getResourceAsStream("/" + name)) {
            if (in == null) throw new IOException("not on the class path: " + name);
            Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
            if (!part.toFile().setExecutable(true)) throw new IOException("not made executable: " + part);
            return Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(part);
        }
    }
}
