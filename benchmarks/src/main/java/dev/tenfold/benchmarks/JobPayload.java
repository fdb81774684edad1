package dev.tenfold.benchmarks;

import java.util.ArrayList;
import java.util.List;

/**
 * What a job is about: 86 characters of JSON, whoever writes it.
 *
 * @param id thirteen digits
 * @param text the same 56 characters in all
 */
record JobPayload(long id, String text) {
    private static final long FIRST = 1_000_000_000_000L;
    private static final String BEFORE = "{\"id\":";
    private static final int DIGITS = 13;
    private static final String TEXT = "a mail that says the parcel has left; it comes tomorrow.";

    static JobPayload of(long number) {
        return new JobPayload(FIRST + number, TEXT);
    }

    static List<JobPayload> range(long from, int count) {
        List<JobPayload> payloads = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            payloads.add(of(from + i));
        }
        return payloads;
    }

    /** By hand, for who takes text. */
    String json() {
        return BEFORE + id + ",\"text\":\"" + text + "\"}";
    }

    /** The id in what {@link #json()} returned. */
    static long id(String json) {
        return Long.parseLong(json, BEFORE.length(), BEFORE.length() + DIGITS, 10);
    }
}
