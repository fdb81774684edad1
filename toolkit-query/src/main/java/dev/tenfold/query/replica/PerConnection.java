package dev.tenfold.query.replica;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/** What is known of the other end of a physical connection, however often a pool lends it; forgotten with the connection. */
final class PerConnection<V> {
    private static final @Nullable Class<?> DRIVERS = driversConnection();

    private final Map<Object, V> known = Collections.synchronizedMap(new WeakHashMap<>());

    private static @Nullable Class<?> driversConnection() {
        try {
            return Class.forName("org.postgresql.PGConnection", false, PerConnection.class.getClassLoader());
        } catch (ClassNotFoundException otherDriver) {
            return null; // then nothing is remembered, and each borrow is asked anew
        }
    }

    /** The driver's own connection; null if it cannot be told. */
    private static @Nullable Object physical(Connection connection) throws SQLException {
        if (DRIVERS == null || !connection.isWrapperFor(DRIVERS)) return null;
        return connection.unwrap(DRIVERS);
    }

    @Nullable
    V get(Connection connection) throws SQLException {
        Object physical = physical(connection);
        return physical == null ? null : known.get(physical);
    }

    void put(Connection connection, V value) throws SQLException {
        Object physical = physical(connection);
        if (physical != null) known.put(physical, value);
    }
}
