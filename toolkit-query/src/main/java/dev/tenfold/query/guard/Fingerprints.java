package dev.tenfold.query.guard;

import java.util.concurrent.ConcurrentHashMap;

/** The fingerprints of one guard: bounded, however many texts there are. */
final class Fingerprints {
    private final ConcurrentHashMap<String, Fingerprint> byText = new ConcurrentHashMap<>();

    /**
     * The fingerprint of a text as the application sends it.
     *
     * @param sql any text, also one that no database would take
     */
    Fingerprint of(String sql) {
        return byText.computeIfAbsent(
                sql,
                text -> new Fingerprint(
                        Integer.toHexString(text.hashCode()),
                        text,
                        text.hashCode(),
                        StatementKind.SELECT,
                        new byte[0],
                        false,
                        false,
                        false));
    }
}
