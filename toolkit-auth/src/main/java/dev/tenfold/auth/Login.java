package dev.tenfold.auth;

/** What comes of {@link Sessions#create}. */
public sealed interface Login permits Login.Created, Login.TooMany {
    /**
     * There is a session now.
     *
     * @param id 64 letters, digits, {@code -} and {@code _}, for the cookie and nobody else: who has it is logged in. It is
     *     kept nowhere and cannot be had again
     * @param session what is known of it
     */
    record Created(String id, Session session) implements Login {
        /** Without the id. */
        @Override
        public String toString() {
            return "Created[" + session + "]";
        }
    }

    /**
     * There is not, since the subject has as many sessions as it may: see {@link WhenFull#REFUSE}. Show it what
     * {@link Sessions#list} gives, and let it end one.
     *
     * @param sessions how many it has
     */
    record TooMany(int sessions) implements Login {}
}
