package dev.tenfold.redis;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** The connection to one server. */
final class ServerWire extends Wire {
    private final StatefulRedisConnection<byte[], byte[]> connection;

    ServerWire(StatefulRedisConnection<byte[], byte[]> connection) {
        super(connection);
        this.connection = connection;
    }

    @Override
    RedisClusterAsyncCommands<byte[], byte[]> commands() {
        return connection.async();
    }

    @Override
    CompletionStage<?> ping() {
        return connection.async().ping();
    }

    /** A replica answers every PING, and refuses every write: ask for the role as well. */
    @Override
    CompletionStage<?> probe() {
        return ping().thenCompose(pong -> connection.async().role()).handle(ServerWire::primary);
    }

    private static boolean primary(@Nullable List<Object> role, @Nullable Throwable failure) {
        if (failure == null) {
            String name = role == null || role.isEmpty() ? "" : text(role.get(0));
            if (!name.equals("slave")) return true;
            throw new RedisCommandExecutionException("READONLY this server is a replica");
        }
        Fault fault = Fault.of(failure, false);
        // A user without the right to ask is no reason to stay down; the PING before it was answered.
        if (fault.kind() == Fault.Kind.CALLER) return true;
        throw new CompletionException(fault.error());
    }

    private static String text(Object reply) {
        return reply instanceof byte[] bytes ? new String(bytes, US_ASCII) : reply.toString();
    }
}
