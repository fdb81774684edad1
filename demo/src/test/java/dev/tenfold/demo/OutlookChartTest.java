package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What the picture of a forecast says in words. */
class OutlookChartTest {
    private static final LocalDate TODAY = SyntheticYear.FIRST_DAY.plusDays(SyntheticYear.DAYS);

    @Test
    void scratch() throws IOException {
        SyntheticYear year = SyntheticYear.ofDatabase(SyntheticYear.SEED, SyntheticYear.DAYS);
        OutlookChart.Fit fit = new OutlookChart.Fit(
                TODAY.minusDays(300),
                d -> 1.1 * smooth(year, d),
                d -> 1.03 * smooth(year, d),
                d -> 1.17 * smooth(year, d));
        LocalDate full = year.full();
        LocalDate to = full.plusDays(60);
        String a = OutlookChart.svg(
                new OutlookChart.View(
                        year.figures(),
                        new TreeMap<>(),
                        TODAY,
                        80,
                        fit,
                        full.minusDays(25),
                        full.minusDays(3),
                        full.plusDays(30),
                        null,
                        to),
                "x");
        LocalDate then = SyntheticYear.FIRST_DAY.plusDays(200);
        var longer = SyntheticYear.ofDatabase(SyntheticYear.SEED, 480).figures();
        String b = OutlookChart.svg(
                new OutlookChart.View(
                        new TreeMap<>(longer.headMap(then)),
                        new TreeMap<>(longer.tailMap(then).headMap(full.plusDays(1))),
                        then,
                        80,
                        new OutlookChart.Fit(then.minusDays(150), fit.line(), fit.low(), fit.high()),
                        full.minusDays(65),
                        full.minusDays(20),
                        full.plusDays(50),
                        full,
                        to),
                "x");
        Files.writeString(
                Path.of("/tmp/rd.html"),
                "<style>svg{display:block;width:100%;height:auto;font-family:system-ui,sans-serif} body{width:1100px;margin:0}</style>"
                        + a + b);
        assertThat(a).contains("limit");
    }

    private static double smooth(SyntheticYear year, LocalDate day) {
        double sum = 0;
        for (int i = -3; i <= 3; i++) sum += year.truth(day.plusDays(i));
        return sum / 7 * 1.07;
    }
}
