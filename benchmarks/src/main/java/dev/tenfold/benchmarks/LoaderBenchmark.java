package dev.tenfold.benchmarks;

import dev.tenfold.benchmarks.Feed.Author;
import dev.tenfold.benchmarks.Feed.Post;
import dev.tenfold.benchmarks.Feed.View;
import dev.tenfold.query.LoadScope;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a loader adds to each key: 500 different keys a request, and a batch function in memory. Times are per key.
 *
 * <pre>{@code
 * java -jar benchmarks/target/benchmarks.jar LoaderBenchmark
 * }</pre>
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@OperationsPerInvocation(LoaderBenchmark.KEYS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class LoaderBenchmark {
    static final int KEYS = Bookkeeping.KEYS;

    private final Bookkeeping work = new Bookkeeping();

    /** Called by JMH. */
    public LoaderBenchmark() {}

    /** Says what the numbers of {@link #loadInScope} are about. */
    @Setup
    public void tellThreads() {
        System.out.println(
                Ours.hasVirtualThreads()
                        ? "# Scopes run on virtual threads"
                        : "# Scopes run on the platform pool, as this JDK has no virtual threads: loadInScope measures that");
    }

    /**
     * Ours: {@code across}, then a plain loop.
     *
     * @return the answer
     */
    @Benchmark
    public Object peers() {
        return work.peers();
    }

    /**
     * Ours: a blocking load on a thread per key, in a scope. Includes starting the thread.
     *
     * @return the answer
     */
    @Benchmark
    public Object loadInScope() {
        return work.scope();
    }

    /**
     * Ours: a future per key in a scope, all asked for on one thread, then waited for.
     *
     * @return the answer
     */
    @Benchmark
    public Object loadAsyncInScope() {
        return LoadScope.run(scope -> {
            List<Post> posts = work.page.posts();
            List<CompletableFuture<Author>> futures = new ArrayList<>(posts.size());
            for (Post post : posts) {
                futures.add(work.loader.loadAsync(post.authorId()));
            }
            List<View> views = new ArrayList<>(posts.size());
            for (int i = 0; i < posts.size(); i++) {
                views.add(View.of(posts.get(i), futures.get(i).join()));
            }
            return views;
        });
    }

    /**
     * Ours: outside a scope, where each load is a batch of one.
     *
     * @return the answer
     */
    @Benchmark
    public Object loadDirectly() {
        List<View> views = new ArrayList<>(KEYS);
        for (Post post : work.page.posts()) {
            views.add(View.of(post, work.loader.load(post.authorId())));
        }
        return views;
    }

    /**
     * The floor: rows into a {@code HashMap}, by hand.
     *
     * @return the answer
     */
    @Benchmark
    public Object baselineHashMap() {
        return work.hashMap();
    }

    /**
     * The floor of what has futures: a map that removes repeated keys, and one future a key.
     *
     * @return the answer
     */
    @Benchmark
    public Object baselineFutures() {
        return work.futures();
    }

    /**
     * The peer: java-dataloader, a new one per request, with its cache on.
     *
     * @return the answer
     */
    @Benchmark
    public Object baselineDataLoader() {
        return work.dataLoader();
    }
}
