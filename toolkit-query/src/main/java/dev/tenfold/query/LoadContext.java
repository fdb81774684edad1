package dev.tenfold.query;

import java.sql.Connection;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * On whose behalf, in which transaction and from which database a load reads. It is part of the batch key: keys that
 * were asked for under two different contexts never share a batch, nor a scope's cache.
 *
 * <p>Bind one with {@link #call} or {@link #run}, or give it to a scope by {@link ScopeOptions#context}. A batch
 * function reads the context of its batch by {@link #current()}. Nothing is bound by default.
 *
 * <p>Immutable, and safe for use by many threads. Two contexts are equal if their tenants are equal, their transactions
 * are the same connection and their routes are the same.
 */
public final class LoadContext {
    private static final LoadContext NONE = new LoadContext(null, null, Route.PRIMARY);

    private final @Nullable Object tenant;
    private final @Nullable Connection transaction;
    private final Route route;

    private LoadContext(@Nullable Object tenant, @Nullable Connection transaction, Route route) {
        this.tenant = tenant;
        this.transaction = transaction;
        this.route = route;
    }

    /** Which database answers. */
    public enum Route {
        /** The one that takes the writes (the default). */
        PRIMARY,
        /** One that may lag behind it. */
        REPLICA
    }

    /**
     * The context with no tenant and no transaction, on the primary.
     *
     * @return the same instance each time
     */
    public static LoadContext none() {
        return NONE;
    }

    /**
     * The context bound to the calling thread: inside a batch function the batch's, inside a scope's member the
     * member's.
     *
     * @return the bound context, or {@link #none()}
     */
    public static LoadContext current() {
        return Binding.current().context();
    }

    /**
     * This context on behalf of a tenant, a principal, or whatever else decides what may be read.
     *
     * @param newTenant compared by {@code equals}; give it a short, immutable value
     * @return a new context
     */
    public LoadContext tenant(Object newTenant) {
        return new LoadContext(Objects.requireNonNull(newTenant, "tenant"), transaction, route);
    }

    /**
     * This context inside the transaction that is open on {@code connection}. Loaders made by {@link Loader#jdbc} and
     * {@link JooqLoader} then read through that connection, one statement at a time, and see its uncommitted rows; they
     * never close it.
     *
     * @param connection compared by identity
     * @return a new context
     */
    public LoadContext transaction(Connection connection) {
        return new LoadContext(tenant, Objects.requireNonNull(connection, "connection"), route);
    }

    /**
     * This context on the given route.
     *
     * @param newRoute which database answers
     * @return a new context
     */
    public LoadContext route(Route newRoute) {
        return new LoadContext(tenant, transaction, Objects.requireNonNull(newRoute, "route"));
    }

    /**
     * The tenant.
     *
     * @return what {@link #tenant(Object)} was given
     */
    public Optional<Object> tenant() {
        return Optional.ofNullable(tenant);
    }

    /**
     * The connection on which the caller's transaction is open.
     *
     * @return what {@link #transaction(Connection)} was given
     */
    public Optional<Connection> transaction() {
        return Optional.ofNullable(transaction);
    }

    /**
     * The route.
     *
     * @return {@link Route#PRIMARY} unless set
     */
    public Route route() {
        return route;
    }

    /**
     * Runs {@code action} with this context bound to the calling thread, and binds the former one again.
     *
     * @param action what to run
     * @param <R> its result
     * @return what it returned
     */
    public <R> R call(Supplier<R> action) {
        Binding before = Binding.current();
        Binding.set(before.with(this));
        try {
            return action.get();
        } finally {
            Binding.set(before);
        }
    }

    /**
     * Runs {@code action} with this context bound to the calling thread, and binds the former one again.
     *
     * @param action what to run
     */
    public void run(Runnable action) {
        Binding before = Binding.current();
        Binding.set(before.with(this));
        try {
            action.run();
        } finally {
            Binding.set(before);
        }
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // two connections are never the same transaction
    public boolean equals(@Nullable Object other) {
        if (this == other) {
            return true;
        }
        return other instanceof LoadContext that
                && Objects.equals(tenant, that.tenant)
                && transaction == that.transaction
                && route == that.route;
    }

    @Override
    public int hashCode() {
        return (Objects.hashCode(tenant) * 31 + System.identityHashCode(transaction)) * 31 + route.hashCode();
    }

    /** Tells the route and whether there is a transaction; a tenant never shows itself. */
    @Override
    public String toString() {
        return "LoadContext[route=" + route + (tenant == null ? "" : ", tenant set")
                + (transaction == null ? "" : ", in a transaction") + "]";
    }
}
