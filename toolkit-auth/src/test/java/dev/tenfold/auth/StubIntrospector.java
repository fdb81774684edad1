package dev.tenfold.auth;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** An authority in memory that counts how often it is asked, and does what a test wants it to. */
final class StubIntrospector implements Introspector {
    final Map<String, TokenFacts> active = new ConcurrentHashMap<>();
    final AtomicInteger asked = new AtomicInteger();
    volatile Consumer<String> onAsked = token -> {};
    volatile @Nullable Exception failure;
    volatile Consumer<String> dropKey = key -> {};

    StubIntrospector with(String token, TokenFacts.Builder facts) {
        active.put(token, facts.build());
        return this;
    }

    @Override
    public @Nullable TokenFacts introspect(String token) throws Exception {
        asked.incrementAndGet();
        TokenFacts facts = active.get(token); // what it knew when it was asked
        onAsked.accept(token);
        if (failure != null) throw failure;
        return facts;
    }

    @Override
    public boolean isWellFormed(String token) {
        return !token.startsWith("junk");
    }

    @Override
    public void onKeyDropped(Consumer<String> forget) {
        dropKey = forget;
    }
}
