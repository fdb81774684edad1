package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPInputStream;

/** Which keys are read, one after the other: drawn by Zipf's law, or as a recorded trace has them. */
final class Popularity {
    /** Zipf's exponent as measured at web caches and YCSB's default. */
    private static final double EXPONENT = 0.99;

    private Popularity() {}

    /** Reads of keys {@code user:0…}, the same for the same seed; popular keys are scattered among them. */
    static String[] zipf(int keys, int reads, long seed) {
        Random random = new Random(seed);
        String[] names = names(keys);
        java.util.Collections.shuffle(Arrays.asList(names), random);
        double[] upTo = new double[keys];
        double sum = 0;
        for (int rank = 0; rank < keys; rank++) {
            sum += 1 / Math.pow(rank + 1, EXPONENT);
            upTo[rank] = sum;
        }
        String[] drawn = new String[reads];
        for (int i = 0; i < reads; i++) {
            int at = Arrays.binarySearch(upTo, random.nextDouble() * sum);
            drawn[i] = names[Math.min(keys - 1, at < 0 ? -at - 1 : at + 1)];
        }
        return drawn;
    }

    static String[] names(int keys) {
        String[] names = new String[keys];
        for (int i = 0; i < keys; i++) {
            names[i] = "user:" + i;
        }
        return names;
    }

    /**
     * The reads of a trace: one key a line, compressed if the file's name ends in {@code .gz}. Equal keys are one object, as
     * they would be in no service; but whoever compares them pays the same.
     *
     * @throws IOException if the file cannot be read
     */
    static String[] trace(Path file) throws IOException {
        Map<String, String> names = new HashMap<>();
        try (InputStream in = Files.newInputStream(file);
                InputStream plain = file.toString().endsWith(".gz") ? new GZIPInputStream(in) : in;
                BufferedReader lines = new BufferedReader(new InputStreamReader(plain, UTF_8))) {
            String[] reads = lines.lines()
                    .filter(line -> !line.isBlank())
                    .map(line -> names.computeIfAbsent("user:" + line.strip(), name -> name))
                    .toArray(String[]::new);
            if (reads.length == 0) {
                throw new IOException(file + " has no keys; give a trace with one key a line");
            }
            return reads;
        }
    }
}
