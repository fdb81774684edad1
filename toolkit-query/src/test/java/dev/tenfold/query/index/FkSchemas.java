package dev.tenfold.query.index;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Reads {@code fk-schemas.sql}. */
final class FkSchemas {
    /**
     * A schema made by hand.
     *
     * @param name what is special about it
     * @param expected {@code table(foreign key)} of each that has no index
     * @param needs the lowest version of PostgreSQL
     * @param sql makes it
     */
    record Case(String name, List<String> expected, int needs, String sql) {
        @Override
        public String toString() {
            return name;
        }

        /** Makes it in place of the one before. */
        void install(Connection connection) throws SQLException {
            try (Statement statement = connection.createStatement()) {
                statement.execute(
                        "drop schema if exists other cascade; drop schema public cascade; create schema public;" + sql);
            }
        }
    }

    private FkSchemas() {}

    static List<Case> read() {
        try (InputStream file = FkSchemas.class.getResourceAsStream("fk-schemas.sql")) {
            String text = new String(Objects.requireNonNull(file).readAllBytes(), StandardCharsets.UTF_8);
            List<Case> cases = new ArrayList<>();
            List<String> parts = List.of(text.split("(?m)^-- case: ", -1));
            for (String part : parts.subList(1, parts.size())) {
                String expected = header(part, "expect", "");
                cases.add(new Case(
                        part.substring(0, part.indexOf('\n')),
                        expected.equals("none") ? List.of() : List.of(expected.split(", ", -1)),
                        Integer.parseInt(header(part, "needs", "0")),
                        part.substring(part.indexOf('\n'))));
            }
            return cases;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String header(String part, String name, String otherwise) {
        String start = "-- " + name + ": ";
        return part.lines()
                .filter(line -> line.startsWith(start))
                .map(line -> line.substring(start.length()))
                .findFirst()
                .orElse(otherwise);
    }
}
