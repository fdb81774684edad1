package dev.tenfold.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** The versions of peers that do not tell their own: one jar for all leaves them no manifest to read. */
final class Versions {
    private static final Properties VERSIONS = read();

    private Versions() {}

    static String of(String peer) {
        String version = VERSIONS.getProperty(peer);
        if (version == null) {
            throw new IllegalArgumentException("versions.properties has no line for " + peer);
        }
        return version;
    }

    private static Properties read() {
        Properties versions = new Properties();
        try (InputStream in = Versions.class.getResourceAsStream("versions.properties")) {
            if (in == null) {
                throw new IllegalStateException("versions.properties is not beside the classes; build with Maven");
            }
            versions.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return versions;
    }
}
