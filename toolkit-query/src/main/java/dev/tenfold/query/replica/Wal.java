package dev.tenfold.query.replica;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** Every statement that is sent to find out where servers are in the log. Each is one round trip, outside of transactions. */
final class Wal {
    /** The log's end includes every commit that was answered before. The name of its file begins with the timeline. */
    private static final String PRIMARY = """
            select (select system_identifier from pg_control_system()), left(pg_walfile_name(lsn), 8), lsn::text,
                   (pg_walfile_name_offset(lsn)).file_offset, current_setting('wal_block_size')::int
            from pg_current_wal_insert_lsn() lsn""";

    /**
     * The timeline is that of what is received. It is read after the position (hence the offset, which keeps the planner from
     * reordering), so what was replayed up to there is of that timeline's past, whichever was replayed when. Start time,
     * address and port tell servers apart that one pool leads to.
     */
    private static final String REPLICA = """
            select at.*, receiver.pid is not null, coalesce(receiver.received_tli, 0), current_user
            from (select (select system_identifier from pg_control_system()),
                         coalesce(pg_last_wal_replay_lsn(), '0/0')::text,
                         pg_is_in_recovery(),
                         concat_ws(' ', extract(epoch from pg_postmaster_start_time()), inet_server_addr(),
                                   inet_server_port())
                  offset 0) at
            left join pg_stat_wal_receiver receiver on true""";

    /** Bytes at the begin of the first page of each file, and of each other page (xlog_internal.h). */
    private static final int FILE_HEADER = 40;

    private static final int PAGE_HEADER = 24;

    private Wal() {}

    /**
     * What a replica says of itself.
     *
     * @param upTo what it has replayed; timeline 0 if that is not known, because it receives nothing
     * @param server the same as long as it runs
     * @param hides whether it receives something, and the user may not see of which timeline
     */
    record Replayed(Token upTo, boolean isReplica, String server, boolean hides, String user) {
        boolean isKnown() {
            return upTo.timeline() != 0;
        }
    }

    static Token primary(Connection connection) throws SQLException {
        return outsideOfTransactions(
                connection,
                PRIMARY,
                row -> new Token(
                        row.getLong(1),
                        Integer.parseUnsignedInt(row.getString(2), 16),
                        lastEnd(Token.lsn(row.getString(3)), row.getInt(4), row.getInt(5))));
    }

    /**
     * Where the last record ended. The place for the next is past a page's header if it begins a page, as after each switch of
     * files, and a replica that has all would be behind it until then.
     *
     * @param offset within the file, whose first page has a longer header
     */
    static long lastEnd(long next, int offset, int pageSize) {
        if (offset == FILE_HEADER) return next - FILE_HEADER;
        return offset % pageSize == PAGE_HEADER ? next - PAGE_HEADER : next;
    }

    static Replayed replica(Connection connection) throws SQLException {
        return outsideOfTransactions(connection, REPLICA, row -> {
            int timeline = row.getInt(6);
            return new Replayed(
                    new Token(row.getLong(1), timeline, Token.lsn(row.getString(2))),
                    row.getBoolean(3),
                    row.getString(4),
                    row.getBoolean(5) && timeline == 0,
                    row.getString(7));
        });
    }

    private interface Row<T> {
        T read(ResultSet row) throws SQLException;
    }

    private static <T> T outsideOfTransactions(Connection connection, String query, Row<T> reader) throws SQLException {
        boolean autoCommit = connection.getAutoCommit();
        if (!autoCommit) connection.setAutoCommit(true);
        T result;
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(query)) {
            row.next();
            result = reader.read(row);
        }
        if (!autoCommit) connection.setAutoCommit(false);
        return result;
    }
}
