package dev.tenfold.demo;

import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.zip.GZIPInputStream;

/** Which pages the users ask for, in order: a recorded trace, or Zipf's law. The same in every run. */
final class Keys {
    private static final int ZIPF_REQUESTS = 100_000;

    private final String name;
    private final List<String> keys;

    private Keys(String name, List<String> keys) {
        this.name = name;
        this.keys = keys;
    }

    /** The key of rank r is asked for in proportion to 1 / r^s. */
    static Keys zipf(int distinct, double s) {
        double[] cumulative = new double[distinct];
        double sum = 0;
        for (int rank = 1; rank <= distinct; rank++) {
            sum += Math.pow(rank, -s);
            cumulative[rank - 1] = sum;
        }
        Random random = new Random(42);
        List<String> keys = new ArrayList<>(ZIPF_REQUESTS);
        for (int i = 0; i < ZIPF_REQUESTS; i++) {
            int found = Arrays.binarySearch(cumulative, random.nextDouble() * sum);
            keys.add("page-" + Math.min(distinct, found < 0 ? -found : found + 1));
        }
        return new Keys(String.format(Locale.ROOT, "Zipf (s = %s)", s), keys);
    }

    /** One key a line, plain or gzip, whatever the file is called; empty lines do not count. */
    static Keys trace(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new IOException("is a directory, not a file");
        }
        List<String> keys = new ArrayList<>();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(open(file), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isBlank()) {
                    keys.add(line.strip());
                }
            }
        }
        if (keys.isEmpty()) {
            throw new IOException("holds no key");
        }
        return new Keys("trace " + file.getFileName(), keys);
    }

    private static InputStream open(Path file) throws IOException {
        InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
        in.mark(2);
        boolean gzip = in.read() == 0x1f && in.read() == 0x8b;
        in.reset();
        return gzip ? new GZIPInputStream(in, 1 << 16) : in;
    }

    /** Why a file could not be read, for people. */
    static String reason(IOException e) {
        return e instanceof NoSuchFileException
                ? "there is no such file in " + Path.of("").toAbsolutePath()
                : String.valueOf(e.getMessage());
    }

    /** The key of the n-th request, from 0; starts anew when the trace is at its end. */
    String at(int n) {
        return keys.get(n % keys.size());
    }

    /** Such as {@code Zipf (s = 0.99), 100,000 requests for 9,911 distinct keys}. */
    String describe() {
        return String.format(
                Locale.ROOT, "%s, %,d requests for %,d distinct keys", name, keys.size(), new HashSet<>(keys).size());
    }
}
