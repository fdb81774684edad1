package dev.tenfold.demo;

import com.sun.net.httpserver.HttpExchange;
import dev.tenfold.auth.Credential;
import dev.tenfold.auth.Require;
import dev.tenfold.auth.Revocation;
import dev.tenfold.auth.SqlIntrospector;
import dev.tenfold.auth.Subject;
import dev.tenfold.auth.TokenCache;
import dev.tenfold.auth.TokenFacts;
import dev.tenfold.auth.Verification;
import dev.tenfold.redis.RedisLink;
import java.io.IOException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import javax.sql.DataSource;

/** The same with toolkit-auth: what the table says of a token stays in memory and in Redis until its subject logs out. */
final class CachedTokens implements Tokens {
    /** A log-out does not wait for it, so it may be long. */
    static final Duration MAX_AGE = Duration.ofMinutes(10);

    /** How late a node may hear of a log-out; most of the time it is a round trip. */
    static final Duration MAX_STALENESS = Duration.ofSeconds(1);

    private static final String ISSUER = "launch day";
    private static final Require READER = Require.active().scope(SCOPE);

    private final TokenTable table;
    private final TokenCache tokens;

    /** @param pepper the same on all nodes */
    CachedTokens(RedisLink redis, byte[] pepper, DataSource pool) {
        this.table = new TokenTable(pool);
        this.tokens = TokenCache.builder(
                        SqlIntrospector.of(pool, FIND, SqlIntrospector::sha256Bytes, CachedTokens::factsOf))
                .redis(redis)
                .pepper(pepper)
                .maxAge(MAX_AGE)
                .maxStaleness(MAX_STALENESS)
                .build();
    }

    // snippet
    private static TokenFacts factsOf(ResultSet row) throws SQLException {
        return TokenFacts.of(ISSUER, row.getString("subject"))
                .scope(row.getString("scope"))
                .expiresAt(row.getTimestamp("expires_at").toInstant())
                .build();
    }

    @Override
    public boolean admits(HttpExchange exchange) throws IOException {
        Verification answer = verify(Tokens.of(exchange));
        if (answer instanceof Verification.Refused no) {
            exchange.sendResponseHeaders(no.reason().isForbidden() ? 403 : 401, -1);
        } else if (answer instanceof Verification.Unavailable) {
            exchange.sendResponseHeaders(503, -1);
        }
        return answer.isVerified();
    }

    Verification verify(String token) {
        return tokens.verify(Credential.bearer(token), READER);
    }

    @Override
    public void logOut(String subject) throws SQLException {
        table.logOut(subject);
        Revocation unused = tokens.logoutAll(Subject.of(ISSUER, subject));
    }
    // end

    @Override
    public void close() {
        tokens.close();
    }
}
