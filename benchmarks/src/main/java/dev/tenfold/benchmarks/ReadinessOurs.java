package dev.tenfold.benchmarks;

import dev.tenfold.readiness.Forecast;
import dev.tenfold.readiness.Outlook;

/** Warns as an application would: {@link Outlook#warns}. */
final class ReadinessOurs implements ReadinessMethod {
    @Override
    public String name() {
        return "ours";
    }

    @Override
    public String settings() {
        return "Forecast.of(daily 95th percentiles, limit): warns by Outlook.warns(" + HORIZON + ")";
    }

    @Override
    public Call on(ReadinessSeries series, int today) {
        Outlook outlook = Forecast.of(series.before(today), series.limit());
        boolean warns = outlook.warns(HORIZON);
        if (outlook.earliest() == null) {
            return Call.undated(warns);
        }
        return new Call(
                warns,
                true,
                series.day(outlook.earliest()),
                outlook.latest() == null ? ReadinessSeries.NEVER : series.day(outlook.latest()));
    }
}
