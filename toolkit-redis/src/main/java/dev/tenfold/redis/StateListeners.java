package dev.tenfold.redis;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Those who want to hear of changes of the state, told in order on a thread of their own. */
final class StateListeners {
    private static final Logger LOG = LoggerFactory.getLogger(RedisLink.class);

    private final List<Entry> entries = new CopyOnWriteArrayList<>();
    private final LinkThreads threads;

    /** One registration, told apart from another of the same listener. */
    private final class Entry implements RedisLink.Registration {
        private final Consumer<? super RedisLinkState> listener;
        private volatile boolean closed;

        Entry(Consumer<? super RedisLinkState> listener) {
            this.listener = listener;
        }

        void tell(RedisLinkState state) {
            if (closed) return;
            try {
                listener.accept(state);
            } catch (RuntimeException e) {
                LOG.error(
                        "A listener to the state of a Redis link has failed at {}; it is told the next change",
                        state,
                        e);
            }
        }

        @Override
        public void close() {
            closed = true;
            entries.remove(this);
        }
    }

    StateListeners(LinkThreads threads) {
        this.threads = threads;
    }

    RedisLink.Registration add(Consumer<? super RedisLinkState> listener) {
        Entry entry = new Entry(listener);
        entries.add(entry);
        return entry;
    }

    /** Tells those who are there now. Does not block. */
    void changed(RedisLinkState state) {
        List<Entry> present = List.copyOf(entries);
        if (!present.isEmpty()) threads.state(() -> present.forEach(entry -> entry.tell(state)));
    }
}
