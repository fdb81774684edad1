package dev.tenfold.demo;

import com.sun.net.httpserver.HttpExchange;
import dev.tenfold.auth.SqlIntrospector;
import java.sql.SQLException;

/** One node's look at the token that each request brings. The two versions differ only in how often they ask the table. */
interface Tokens extends FeedServer.Gate, AutoCloseable {
    String HEADER = "Authorization";
    String SCOPE = "feed";
    String FIND = "select subject, scope, expires_at from tokens where hash = ?";

    /** What the text of a token is made from; {@link Schema} does the same. Real ones are random. */
    String SEED = "launch day, ";

    /** The token that was issued under this name: 128 bits, in hexadecimal. */
    static String of(String name) {
        return SqlIntrospector.sha256Hex(SEED + name).substring(0, 32);
    }

    /** As {@link #HEADER} takes it. */
    static String bearer(String name) {
        return "Bearer " + of(name);
    }

    /** The token of a request; empty if there is none. */
    static String of(HttpExchange exchange) {
        String value = exchange.getRequestHeaders().getFirst(HEADER);
        return value != null && value.startsWith("Bearer ") ? value.substring("Bearer ".length()) : "";
    }

    /** Ends all tokens of a subject. */
    void logOut(String subject) throws SQLException;

    /** Lets go of what the node holds besides its pool. */
    @Override
    void close();
}
