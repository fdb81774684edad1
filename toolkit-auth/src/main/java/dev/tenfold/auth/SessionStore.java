package dev.tenfold.auth;

import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Where {@link Sessions} keep sessions. Each method is atomic, and is given only what it may store as it is. */
interface SessionStore {
    /**
     * What came of {@link #create}.
     *
     * @param session null if it was refused
     * @param others how many were ended for it; if it was refused, how many there are
     */
    record Opened(@Nullable Session session, int others) {}

    enum Written {
        DONE,
        NO_SESSION,
        TOO_MANY,
        TOO_LARGE
    }

    Opened create(SessionIds.Place place, String subject, Map<String, String> attributes);

    /** Touches it if that is due, and counts that. */
    @Nullable
    Session find(SessionIds.Place place, LongAdder touches);

    boolean rotate(SessionIds.Place from, SessionIds.Place to);

    /** A value of null removes the attribute. */
    Written set(SessionIds.Place place, String name, @Nullable String value);

    boolean end(SessionIds.Place place);

    /** Returns how many; one may stay. Atomic for a thousand. */
    int endAll(String route, @Nullable String except);

    /** At most {@link Sessions#MOST_LISTED}, the one that expires last first. */
    List<Session> list(String route);
}
