package dev.tenfold.benchmarks;

import java.net.URI;
import java.time.Instant;
import org.springframework.data.redis.connection.RedisStandaloneConfiguration;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
import org.springframework.data.redis.core.RedisTemplate;
import org.springframework.data.redis.serializer.RedisSerializer;
import org.springframework.session.FindByIndexNameSessionRepository;
import org.springframework.session.Session;
import org.springframework.session.data.redis.RedisIndexedSessionRepository;

/** Sessions of Spring Session. */
final class AuthSessionSpring implements AuthSessionNode {
    static final String SETTINGS = "Spring Session " + Versions.of("spring-session")
            + ", RedisIndexedSessionRepository on Spring Data Redis " + Versions.of("spring-data-redis")
            + " and Lettuce, one shared connection: findById, setLastAccessedTime and save, as its filter does for each"
            + " request; defaults, but without keyspace events, which would only cost it more";

    private final LettuceConnectionFactory connections;
    private final RedisIndexedSessionRepository repository;

    AuthSessionSpring(String uri) {
        URI address = URI.create(uri);
        connections =
                new LettuceConnectionFactory(new RedisStandaloneConfiguration(address.getHost(), address.getPort()));
        connections.afterPropertiesSet();
        connections.start();
        RedisTemplate<String, Object> template = new RedisTemplate<>();
        template.setKeySerializer(RedisSerializer.string());
        template.setHashKeySerializer(RedisSerializer.string());
        template.setConnectionFactory(connections);
        template.afterPropertiesSet();
        repository = new RedisIndexedSessionRepository(template);
        repository.afterPropertiesSet();
    }

    @Override
    public String logIn(String subject) {
        var session = repository.createSession();
        session.setAttribute(FindByIndexNameSessionRepository.PRINCIPAL_NAME_INDEX_NAME, subject);
        session.setAttribute("ip", "192.0.2.1");
        repository.save(session);
        return session.getId();
    }

    @Override
    public String subject(String id) {
        var session = repository.findById(id);
        if (session == null) throw new IllegalStateException("spring-session has lost a session");
        session.setLastAccessedTime(Instant.now());
        repository.save(session);
        return subject(session);
    }

    private static String subject(Session session) {
        return session.getRequiredAttribute(FindByIndexNameSessionRepository.PRINCIPAL_NAME_INDEX_NAME);
    }

    @Override
    public void close() {
        repository.destroy();
        connections.destroy();
    }
}
