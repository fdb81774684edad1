package dev.tenfold.benchmarks;

import java.lang.reflect.Method;
import java.util.Collection;
import javax.sql.DataSource;
import org.quickperf.TestExecutionContext;
import org.quickperf.config.library.QuickPerfConfigs;
import org.quickperf.config.library.QuickPerfConfigsLoader;
import org.quickperf.issue.JvmOrTestIssue;
import org.quickperf.issue.PerfIssuesEvaluator;
import org.quickperf.issue.PerfIssuesToFormat;
import org.quickperf.perfrecording.PerformanceRecording;
import org.quickperf.sql.annotation.DisableSameSelectTypesWithDifferentParamValues;
import org.quickperf.sql.config.QuickPerfSqlDataSourceBuilder;

/** QuickPerf's annotation against N+1, evaluated by the calls that its JUnit extension makes around a test. */
final class DetectQuickPerf implements DetectPeer {
    private final QuickPerfConfigs configs = QuickPerfConfigsLoader.INSTANCE.loadQuickPerfConfigs();

    @Override
    public String name() {
        return "quickperf";
    }

    @Override
    public String settings() {
        return "QuickPerf " + Versions.of("quick-perf") + ", @DisableSameSelectTypesWithDifferentParamValues";
    }

    @Override
    public DataSource watch(DataSource dataSource) {
        return QuickPerfSqlDataSourceBuilder.aDataSourceBuilder().buildProxy(dataSource);
    }

    /** What a test would be annotated with. */
    @DisableSameSelectTypesWithDifferentParamValues
    void test() {}

    @Override
    public boolean reports(DetectTrace trace, DetectWorld world) throws Exception {
        Method test = DetectQuickPerf.class.getDeclaredMethod("test");
        TestExecutionContext context = TestExecutionContext.buildFrom(configs, test, 0);
        PerformanceRecording.INSTANCE.start(context);
        try {
            trace.scenario().run(world);
        } finally {
            PerformanceRecording.INSTANCE.stop(context);
        }
        Collection<PerfIssuesToFormat> issues = PerfIssuesEvaluator.INSTANCE.evaluatePerfIssuesIfNoJvmIssue(
                configs.getTestAnnotationConfigs(), context, JvmOrTestIssue.NONE);
        context.cleanResources();
        return issues.stream().anyMatch(issue -> issue.getNumberOfPerfIssues() > 0);
    }
}
