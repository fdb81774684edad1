package dev.tenfold.benchmarks;

import java.sql.SQLException;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a watched statement, and a watched borrow, cost over a driver that does nothing, each way in a JVM of its own.
 * Subtract {@code bare} from the others.
 *
 * <pre>{@code
 * java -jar benchmarks/target/benchmarks.jar GuardBenchmark -prof gc
 * }</pre>
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
@SuppressWarnings("NullAway.Init") // JMH sets the fields
public class GuardBenchmark {
    /** Who watches. */
    @Param({GuardWays.BARE, "ours", GuardWays.PROXY, GuardWays.COUNTING_PROXY, GuardWays.SILENT_PROXY, GuardWays.P6SPY})
    public String way;

    private GuardWork work;
    private int key;

    /** Called by JMH. */
    public GuardBenchmark() {}

    /** Takes the data source that is watched this way. */
    @Setup
    public void watch() {
        GuardWays.Way watched = GuardWays.all().stream()
                .filter(each -> each.name().equals(way))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no way to watch is called " + way));
        work = new GuardWork(watched.dataSource());
    }

    /**
     * Prepares, binds, executes, reads and closes.
     *
     * @return what was read
     * @throws SQLException if a way to watch fails
     */
    @Benchmark
    public long statement() throws SQLException {
        return work.statement(key++);
    }

    /**
     * Borrows a connection and gives it back.
     *
     * @return what it is asked
     * @throws SQLException if a way to watch fails
     */
    @Benchmark
    public int borrow() throws SQLException {
        return work.borrow();
    }
}
