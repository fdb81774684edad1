package dev.tenfold.query.guard;

import java.util.concurrent.ConcurrentHashMap;

/** The fingerprints of one guard: bounded, however many texts there are. */
final class Fingerprints {
    private final ConcurrentHashMap<String, Text> byText = new ConcurrentHashMap<>();

    /** The text, with its fingerprint, as the application sends it. */
    Text text(String sql) {
        Text known = byText.get(sql);
        return known != null ? known : byText.computeIfAbsent(sql, Fingerprints::read);
    }

    private static Text read(String sql) {
        Fingerprint fingerprint = new Fingerprint(
                Integer.toHexString(sql.hashCode()),
                sql,
                sql.hashCode(),
                StatementKind.SELECT,
                new byte[] {Fingerprint.EQUAL},
                false,
                false,
                false);
        return new Text(sql, fingerprint, fingerprint.roles, Text.NO_LITERALS);
    }
}
