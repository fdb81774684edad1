package dev.tenfold.readiness;

import dev.tenfold.readiness.NextLayer.Layer;
import dev.tenfold.readiness.Outlook.Verdict;
import dev.tenfold.readiness.Workload.Mix;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Which layer comes next. The rules, the cheap remedies first:
 *
 * <ol>
 *   <li>index: a statement's time grows with its table's rows, by a power of more than 0.5
 *   <li>cache: 40 % of the reads' time repeats a statement and its values
 *   <li>replica: reads take more than 70 % of the time, and less of it repeats
 *   <li>queue: writes peak at more than three times their mean, or connections are held three times as long as they are used
 *   <li>pool: connections are waited for, more than a tenth of the time they are held, while the database is less than half
 *       busy
 *   <li>bigger primary: none of those
 * </ol>
 *
 * <p>Cache, replica, queue and bigger primary are only told where the database fills up: half of it is used at the peak, or it
 * grows towards its limit.
 */
final class Layers {
    private static final double REPEATED = 0.4;
    private static final double READS = 0.7;
    private static final double BURST = 3;
    private static final double WRITES = 0.1;
    private static final double HELD = 3;
    private static final double WAIT = 0.1;
    private static final double HALF = 0.5;

    private final @Nullable Headroom database;
    private final List<NextLayer> next = new ArrayList<>();

    private Layers(@Nullable Headroom database) {
        this.database = database;
    }

    /**
     * What a pool shows.
     *
     * @param headroom of it
     * @param waitOverHold mean wait for a connection to the mean time that one is held; NaN if nothing was borrowed
     * @param heldOverUsed the time that one is held, to the time that it works; NaN likewise
     */
    record Pool(Headroom headroom, double waitOverHold, double heldOverUsed) {}

    static List<NextLayer> of(
            @Nullable Headroom database,
            @Nullable Mix mix,
            String mostRepeated,
            List<GrowingStatement> growing,
            List<Pool> pools) {
        Layers layers = new Layers(database);
        if (database != null) {
            for (GrowingStatement each : growing) layers.index(each);
            int before = layers.next.size();
            Mix asked = mix != null && mix.isEnough() && layers.isPressed() ? mix : null;
            if (asked != null) layers.byMix(asked, mostRepeated, pools);
            for (Pool pool : pools) layers.pool(pool);
            if (asked != null && layers.next.size() == before) layers.biggerPrimary(asked);
        }
        return List.copyOf(layers.next);
    }

    /** Whether the database fills up. */
    private boolean isPressed() {
        if (database == null) return false;
        Verdict verdict = database.outlook().verdict();
        return database.free() <= HALF
                || verdict == Verdict.FULL
                || verdict == Verdict.DATED
                || verdict == Verdict.GROWING;
    }

    private void index(GrowingStatement grown) {
        add(Layer.INDEX, grown.evidence(), gain(grown.share(), "off the database's time"));
    }

    private void byMix(Mix mix, String mostRepeated, List<Pool> pools) {
        String seen = seen(mix);
        if (mix.repeated() >= REPEATED) {
            String most = mostRepeated.isEmpty() ? "" : ", most by: " + shortened(mostRepeated);
            add(Layer.CACHE, reads(mix) + seen + most, gain(mix.reads() * mix.repeated(), "off the database's time"));
        } else if (mix.reads() > READS) {
            add(
                    Layer.REPLICA,
                    reads(mix) + seen,
                    gain(mix.reads(), "off the primary's time, those reads that may be a moment old"));
        }
        queue(mix, seen, pools);
    }

    private void biggerPrimary(Mix mix) {
        String writes = mix.writePeak().isPresent()
                ? String.format(
                        Locale.ROOT,
                        ", writes peak at %.1f times their mean",
                        mix.writePeak().getAsDouble())
                : "";
        add(
                Layer.BIGGER_PRIMARY,
                reads(mix) + writes + seen(mix) + ": no other layer takes enough",
                gain(HALF, "off its load, if it is twice as large"));
    }

    private static String reads(Mix mix) {
        return String.format(
                Locale.ROOT, "reads %.0f %% of time, repeat %.0f %%", 100 * mix.reads(), 100 * mix.repeated());
    }

    private static String seen(Mix mix) {
        return String.format(Locale.ROOT, " (%,d statements in %s)", mix.executions(), time(mix.elapsed()));
    }

    private void queue(Mix mix, String seen, List<Pool> pools) {
        double burst = mix.writePeak().orElse(0);
        if (burst > BURST && 1 - mix.reads() >= WRITES) {
            add(
                    Layer.QUEUE,
                    String.format(Locale.ROOT, "writes peak at %.1f times their mean%s", burst, seen),
                    String.format(
                            Locale.ROOT,
                            "lowers the writes' peak by up to %.0f %%, if they may come later",
                            100 * (1 - 1 / burst)));
        }
        for (Pool pool : pools) {
            if (!(pool.heldOverUsed() > HELD)) continue;
            add(
                    Layer.QUEUE,
                    String.format(
                            Locale.ROOT,
                            "connections of %s are held %.1f times as long as they are used",
                            pool.headroom().resource(),
                            pool.heldOverUsed()),
                    String.format(
                            Locale.ROOT,
                            "work that leaves the transaction frees up to %.0f %% of the pool",
                            100 * (1 - 1 / pool.heldOverUsed())));
        }
    }

    private void pool(Pool pool) {
        if (!(pool.waitOverHold() > WAIT) || pool.heldOverUsed() > HELD) return;
        if (database == null || database.free() <= HALF) return;
        next.add(new NextLayer(
                Layer.POOL,
                pool.headroom().outlook(),
                String.format(
                        Locale.ROOT,
                        "a connection of %s is waited for %.0f %% as long as it is held, while %.0f %% of the database is"
                                + " free",
                        pool.headroom().resource(),
                        100 * pool.waitOverHold(),
                        100 * database.free()),
                String.format(
                        Locale.ROOT,
                        "more connections take up to %.0f %% off each borrow",
                        100 * pool.waitOverHold() / (1 + pool.waitOverHold()))));
    }

    private void add(Layer layer, String evidence, String gain) {
        if (database != null) next.add(new NextLayer(layer, database.outlook(), evidence, gain));
    }

    /** A share less of the load, in months of growth: a load that grows by g a month is back after ln(1/(1-s)) / ln(1+g). */
    private String gain(double share, String off) {
        String text = String.format(Locale.ROOT, "takes up to %.0f %% %s", 100 * share, off);
        double growth = database == null ? 0 : database.outlook().perMonth().orElse(0);
        if (growth < 0.005 || share > 0.99) return text;
        double months = -Math.log(1 - share) / Math.log(1 + growth);
        return text + String.format(Locale.ROOT, ", %.0f months of growth", months);
    }

    private static String shortened(String statement) {
        return statement.length() <= 100 ? statement : statement.substring(0, 99) + "…";
    }

    static String time(long nanos) {
        Duration time = Duration.ofNanos(nanos);
        if (time.toHours() >= 2) return time.toHours() + " h";
        return time.toMinutes() >= 2 ? time.toMinutes() + " min" : time.toSeconds() + " s";
    }
}
