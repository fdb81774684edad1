package dev.tenfold.jobs;

import java.sql.SQLException;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Which class is which kind, and the numbers that the database has for the names of kinds and queues. Thread-safe. */
final class Kinds {
    /** Asks the database for the number of a name. */
    private interface Numbers {
        int of(String name) throws SQLException;
    }

    private final JobStore store;
    private final Map<Class<?>, Kind<?>> byType = new ConcurrentHashMap<>();
    private final Map<String, Kind<?>> byName = new ConcurrentHashMap<>();
    private final Map<String, Integer> kindIds = new ConcurrentHashMap<>();
    private final Map<Integer, String> kindNames = new ConcurrentHashMap<>();
    private final Map<String, Integer> queueIds = new ConcurrentHashMap<>();
    private final Map<Integer, String> queueNames = new ConcurrentHashMap<>();

    Kinds(JobStore store) {
        this.store = store;
    }

    /** Makes a kind known; refuses one whose name, present or former, another class has. Asks nobody. */
    synchronized void register(Kind<?> kind) {
        claimNames(kind, byName);
        byType.put(kind.type, kind);
    }

    /** Refuses kinds of which two have a name in common. */
    static void refuseClashes(Iterable<Kind<?>> kinds) {
        Map<String, Kind<?>> names = new HashMap<>();
        kinds.forEach(kind -> claimNames(kind, names));
    }

    /** All of its names, or none. */
    private static void claimNames(Kind<?> kind, Map<String, Kind<?>> names) {
        Set<String> own = new LinkedHashSet<>(kind.aliases);
        own.add(kind.name);
        for (String name : own) {
            Kind<?> other = names.get(name);
            if (other != null && other.type != kind.type) {
                throw new IllegalArgumentException("\"" + name + "\" is the name of two kinds of jobs: of "
                        + other.type.getName() + " and of " + kind.type.getName() + "; give one another with @JobKind");
            }
        }
        own.forEach(name -> names.put(name, kind));
    }

    /** The kind of a class: as registered, else by default, which registers it. */
    @SuppressWarnings("unchecked") // kinds are put under their own type
    <T> Kind<T> of(Class<T> type) {
        Kind<?> known = byType.get(type);
        if (known == null) {
            known = Kind.of(type);
            register(known);
        }
        return (Kind<T>) known;
    }

    /** The number of a kind's name, or of a former one; the database is asked once. */
    int kindId(String name) {
        return idOf(name, kindIds, kindNames, store::kindId);
    }

    int queueId(String name) {
        return idOf(name, queueIds, queueNames, store::queueId);
    }

    private static int idOf(String name, Map<String, Integer> ids, Map<Integer, String> names, Numbers numbers) {
        Integer known = ids.get(name);
        if (known != null) {
            return known;
        }
        try {
            int asked = numbers.of(name);
            names.put(asked, name);
            ids.put(name, asked);
            return asked;
        } catch (SQLException e) {
            throw new JobException("cannot look up \"" + name + "\" in the database; is it up?", e);
        }
    }

    /** The name of a number that the database has returned. */
    String kindName(int id) throws SQLException {
        String known = kindNames.get(id);
        return known != null ? known : found(id, store.kinds(), kindIds, kindNames);
    }

    String queueName(int id) throws SQLException {
        String known = queueNames.get(id);
        return known != null ? known : found(id, store.queues(), queueIds, queueNames);
    }

    private static String found(
            int id, Iterable<JobStore.Name> all, Map<String, Integer> ids, Map<Integer, String> names) {
        for (JobStore.Name each : all) {
            names.put(each.id(), each.name());
            ids.put(each.name(), each.id());
        }
        @Nullable String name = names.get(id);
        return name != null ? name : "#" + id; // somebody has deleted the row
    }
}
