package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The schemas of {@code fk-schemas.sql}, which toolkit-query's own tests run, and what is expected of each. */
final class FkIndexSchemas {
    private static final String FILE = "/dev/tenfold/query/guard/fk-schemas.sql";
    private static final String CASE = "-- case: ";
    private static final String EXPECT = "-- expect: ";
    private static final String NEEDS = "-- needs: ";

    private FkIndexSchemas() {}

    /**
     * A schema made by hand.
     *
     * @param name what is special about it
     * @param expected the names of foreign keys without an index
     * @param needs the lowest version of PostgreSQL
     * @param sql makes it
     */
    record Schema(String name, Set<String> expected, int needs, String sql) {
        /** Makes it in place of the one before. */
        void install(Connection connection) throws SQLException {
            try (Statement statement = connection.createStatement()) {
                statement.execute("drop schema if exists other cascade; drop schema public cascade;"
                        + " create schema public;" + sql);
            }
        }
    }

    static List<Schema> read() throws IOException {
        List<Schema> schemas = new ArrayList<>();
        for (String part : List.of(text().split("(?m)^" + CASE, -1))) {
            if (part.contains(EXPECT)) {
                schemas.add(schema(part));
            }
        }
        return schemas;
    }

    private static String text() throws IOException {
        try (InputStream file = FkIndexSchemas.class.getResourceAsStream(FILE)) {
            if (file == null) {
                throw new IOException(FILE + " is not on the class path; build with Maven");
            }
            return new String(file.readAllBytes(), UTF_8);
        }
    }

    private static Schema schema(String part) {
        String expected = header(part, EXPECT);
        Set<String> names = new TreeSet<>();
        if (!expected.equals("none")) {
            for (String key : expected.split(", ", -1)) {
                names.add(key.substring(key.indexOf('(') + 1, key.lastIndexOf(')')));
            }
        }
        String needs = header(part, NEEDS);
        int lineEnd = part.indexOf('\n');
        return new Schema(
                part.substring(0, lineEnd),
                names,
                needs.isEmpty() ? 0 : Integer.parseInt(needs),
                part.substring(lineEnd));
    }

    private static String header(String part, String start) {
        return part.lines()
                .filter(line -> line.startsWith(start))
                .map(line -> line.substring(start.length()))
                .findFirst()
                .orElse("");
    }
}
