package dev.tenfold.testkit;

import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives tests their servers as parameters of methods and constructors: {@code @ExtendWith(Servers.class)}.
 *
 * <p>{@link PostgresServer}, {@link MariaDbServer}, {@link RedisServer} and {@link RedisCluster} are the shared ones, started
 * when first asked for. {@link RedisReplication} is started for each test and closed after it. A {@link SettableClock} is
 * made for each test and shows 2030-01-01T00:00:00Z. Within one test, every parameter of a type gets the same object.
 */
public final class Servers implements ParameterResolver {
    private static final Instant START = Instant.parse("2030-01-01T00:00:00Z");
    private static final ExtensionContext.Namespace SPACE = ExtensionContext.Namespace.create(Servers.class);
    private static final Map<Class<?>, Supplier<Object>> SHARED = Map.of(
            PostgresServer.class, PostgresServer::shared,
            MariaDbServer.class, MariaDbServer::shared,
            RedisServer.class, RedisServer::shared,
            RedisCluster.class, RedisCluster::shared);
    private static final Map<Class<?>, Supplier<Object>> PER_TEST =
            Map.of(RedisReplication.class, RedisReplication::start, SettableClock.class, () -> SettableClock.at(START));

    /** Creates the extension; JUnit does this. */
    public Servers() {}

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        Class<?> type = parameter.getParameter().getType();
        return SHARED.containsKey(type) || PER_TEST.containsKey(type);
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        Class<?> type = parameter.getParameter().getType();
        Supplier<Object> shared = SHARED.get(type);
        if (shared != null) return shared.get();
        Supplier<Object> maker = Objects.requireNonNull(PER_TEST.get(type));
        // The store closes what is AutoCloseable when the test is over.
        return Objects.requireNonNull(context.getStore(SPACE).getOrComputeIfAbsent(type, any -> maker.get()));
    }

    @Override
    public ExtensionContextScope getTestInstantiationExtensionContextScope(ExtensionContext root) {
        return ExtensionContextScope.TEST_METHOD;
    }
}
