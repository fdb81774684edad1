package dev.tenfold.auth;

/** What a log-in does when its subject has as many sessions as {@link SessionsOptions#perSubject} allows. */
public enum WhenFull {
    /** It is refused: {@link Login.TooMany}. Who holds a session keeps it. */
    REFUSE,

    /**
     * It ends the session that would expire first, which is the one not seen for the longest time. Who logs in always gets
     * in; whose session ends sees that at the next request.
     */
    END_OLDEST
}
