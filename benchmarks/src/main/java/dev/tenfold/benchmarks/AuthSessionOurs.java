package dev.tenfold.benchmarks;

import dev.tenfold.auth.Login;
import dev.tenfold.auth.Sessions;
import dev.tenfold.redis.RedisLink;
import java.util.Map;

/** Sessions of ours. */
final class AuthSessionOurs implements AuthSessionNode {
    static final String SETTINGS =
            "Sessions.redis, the default options, find(id): a script that writes if a tenth of the"
                    + " idle time of 30 min has gone by; one RedisLink with a command timeout of 3 s";

    private final RedisLink link;
    private final Sessions sessions;

    AuthSessionOurs(String uri) {
        link = RateLimitOurs.link(uri, RateLimitOurs::patient);
        sessions = Sessions.redis(link);
    }

    @Override
    public String logIn(String subject) {
        if (sessions.create(subject, Map.of("ip", "192.0.2.1")) instanceof Login.Created created) return created.id();
        throw new IllegalStateException("ours refuses a log-in");
    }

    @Override
    public String subject(String id) {
        return sessions.find(id).orElseThrow().subject();
    }

    @Override
    public void close() {
        link.close();
    }
}
