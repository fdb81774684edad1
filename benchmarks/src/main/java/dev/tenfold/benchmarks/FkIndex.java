package dev.tenfold.benchmarks;

import dev.tenfold.benchmarks.FkIndexSchemas.Schema;
import dev.tenfold.query.guard.IndexAdvice;
import dev.tenfold.query.guard.IndexCheck;
import dev.tenfold.testkit.PostgresServer;
import io.github.mfvanek.pg.connection.PgConnectionImpl;
import io.github.mfvanek.pg.connection.host.PgHostImpl;
import io.github.mfvanek.pg.core.checks.host.ForeignKeysNotCoveredWithIndexCheckOnHost;
import io.github.mfvanek.pg.model.constraint.ForeignKey;
import io.github.mfvanek.pg.model.context.PgContext;
import java.sql.Connection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import javax.sql.DataSource;

/**
 * Wrong answers to the question which foreign keys have no index, on schemas made by hand.
 *
 * <p>Keys are told by their names, so that one of a partitioned table counts once however many partitions have it.
 */
final class FkIndex {
    private static final String PEER = "pg-index-health";
    private static final List<String> SCHEMAS = List.of("public", "other");

    private FkIndex() {}

    /** Tells the names of foreign keys without an index. */
    interface Check {
        Set<String> keys() throws Exception;
    }

    static void run(Session session) throws Exception {
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        DataSource dataSource = server.dataSource(database);
        int version = Integer.parseInt(server.version().replaceAll("\\D.*", ""));
        List<Schema> schemas = FkIndexSchemas.read().stream()
                .filter(schema -> schema.needs() <= version)
                .toList();
        session.say("");
        session.say("query.fkindex: foreign keys without an index, in " + schemas.size() + " schemas made by hand");
        session.say("  ours             IndexCheck.of(dataSource).report(), MISSING_FOREIGN_KEY_INDEX");
        session.say("  " + PEER + "  " + Versions.of(PEER)
                + ", ForeignKeysNotCoveredWithIndexCheckOnHost, each schema in turn");
        Check theirs = theirs(dataSource, server.jdbcUrl(database));
        int oursWrong = 0;
        int theirsWrong = 0;
        for (Schema schema : schemas) {
            try (Connection connection = dataSource.getConnection()) {
                schema.install(connection);
            }
            oursWrong += wrong(session, "ours", schema, ours(dataSource));
            theirsWrong += wrong(session, PEER, schema, theirs.keys());
        }
        session.emit(Row.counts("query.fkindex", PEER, "wrong answers", oursWrong, theirsWrong, Better.LOWER));
    }

    private static Set<String> ours(DataSource dataSource) {
        Set<String> keys = new TreeSet<>();
        for (IndexAdvice advice : IndexCheck.of(dataSource).report().advice()) {
            if (advice.kind() == IndexAdvice.Kind.MISSING_FOREIGN_KEY_INDEX) {
                keys.add(advice.subject());
            }
        }
        return keys;
    }

    private static Check theirs(DataSource dataSource, String url) {
        var connection = PgConnectionImpl.of(dataSource, PgHostImpl.ofUrl(url));
        var check = new ForeignKeysNotCoveredWithIndexCheckOnHost(connection);
        return () -> {
            Set<String> keys = new TreeSet<>();
            for (String schema : SCHEMAS) {
                for (ForeignKey key : check.check(PgContext.of(schema))) {
                    keys.add(unquoted(key.getConstraintName()));
                }
            }
            return keys;
        };
    }

    private static String unquoted(String name) {
        return name.startsWith("\"") ? name.substring(1, name.length() - 1).replace("\"\"", "\"") : name;
    }

    /** Counts keys that are missed and keys that are imagined. */
    private static int wrong(Session session, String name, Schema schema, Set<String> keys) {
        Set<String> missed = new TreeSet<>(schema.expected());
        missed.removeAll(keys);
        Set<String> imagined = new TreeSet<>(keys);
        imagined.removeAll(schema.expected());
        missed.forEach(key -> session.say("  " + name + " misses   " + key + ": " + schema.name()));
        imagined.forEach(key -> session.say("  " + name + " imagines " + key + ": " + schema.name()));
        return missed.size() + imagined.size();
    }
}
