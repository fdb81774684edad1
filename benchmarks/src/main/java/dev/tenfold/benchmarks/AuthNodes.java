package dev.tenfold.benchmarks;

import dev.tenfold.auth.Introspector;
import dev.tenfold.auth.TokenCache;
import dev.tenfold.auth.TokenCacheBuilder;
import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Nodes of a service: each with a link to Redis and a token cache of its own. */
final class AuthNodes implements AutoCloseable {
    private final List<RedisLink> links = new ArrayList<>();
    private final List<TokenCache> caches = new ArrayList<>();
    private final Introspector introspector;
    private final UnaryOperator<TokenCacheBuilder> options;

    AuthNodes(Introspector introspector, UnaryOperator<TokenCacheBuilder> options) {
        this.introspector = introspector;
        this.options = options;
    }

    /** Adds nodes that reach Redis there. */
    AuthNodes add(int nodes, String uri) {
        return add(nodes, uri, RateLimitOurs::patient);
    }

    AuthNodes add(int nodes, String uri, UnaryOperator<RedisOptions> redis) {
        for (int i = 0; i < nodes; i++) {
            RedisLink link = RateLimitOurs.link(uri, redis);
            links.add(link);
            caches.add(AuthTokens.node(introspector, link, options));
        }
        return this;
    }

    int size() {
        return caches.size();
    }

    TokenCache cache(int node) {
        return caches.get(node);
    }

    @Override
    public void close() {
        caches.forEach(TokenCache::close);
        links.forEach(RedisLink::close);
    }
}
