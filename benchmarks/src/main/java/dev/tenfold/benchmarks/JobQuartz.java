package dev.tenfold.benchmarks;

import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import org.quartz.Job;
import org.quartz.JobBuilder;
import org.quartz.JobDetail;
import org.quartz.Scheduler;
import org.quartz.SchedulerException;
import org.quartz.Trigger;
import org.quartz.TriggerBuilder;
import org.quartz.impl.StdSchedulerFactory;
import org.quartz.impl.jdbcjobstore.JobStoreTX;
import org.quartz.impl.jdbcjobstore.PostgreSQLDelegate;
import org.quartz.simpl.SimpleThreadPool;
import org.quartz.utils.ConnectionProvider;
import org.quartz.utils.DBConnectionManager;

/** Quartz: one durable job, and a trigger that fires once for each payload, in the tables that its jar brings along. */
final class JobQuartz implements JobPeer {
    private static final int THREADS = 20;
    private static final String TABLES = "/org/quartz/impl/jdbcjobstore/tables_postgres.sql";
    private static final String PAYLOAD = "payload";
    private static final AtomicInteger NUMBERS = new AtomicInteger();

    private final JobDetail job =
            JobBuilder.newJob(Job.class).withIdentity("mail").storeDurably().build();
    private final Scheduler scheduler;
    private volatile LongConsumer handler = id -> {};

    private JobQuartz(HikariDataSource pool) throws SQLException, SchedulerException, IOException {
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(ddl());
        }
        String name = "quartz-" + NUMBERS.incrementAndGet();
        DBConnectionManager.getInstance().addConnectionProvider(name, new Pool(pool));
        this.scheduler = new StdSchedulerFactory(properties(name)).getScheduler();
        scheduler.setJobFactory((bundle, unused) -> context -> handler.accept(
                JobPayload.id(context.getTrigger().getJobDataMap().getString(PAYLOAD))));
        scheduler.addJob(job, true);
    }

    static JobContender contender() {
        return new JobContender(
                "quartz",
                Versions.of("quartz") + ": JobStoreTX of one node (not clustered), " + THREADS
                        + " threads, batchTriggerAcquisitionMaxCount " + THREADS
                        + ", acquireTriggersWithinLock, misfires off, strings for data, one durable job and a trigger each,"
                        + " scheduleJobs, pool of " + (THREADS + 5),
                THREADS + 5,
                "",
                5_000,
                false,
                JobQuartz::new);
    }

    private static Properties properties(String name) {
        Properties properties = new Properties();
        String threads = Integer.toString(THREADS);
        properties.setProperty("org.quartz.scheduler.instanceName", name);
        properties.setProperty("org.quartz.scheduler.batchTriggerAcquisitionMaxCount", threads);
        properties.setProperty("org.quartz.threadPool.class", SimpleThreadPool.class.getName());
        properties.setProperty("org.quartz.threadPool.threadCount", threads);
        properties.setProperty("org.quartz.jobStore.class", JobStoreTX.class.getName());
        properties.setProperty("org.quartz.jobStore.driverDelegateClass", PostgreSQLDelegate.class.getName());
        properties.setProperty("org.quartz.jobStore.dataSource", name);
        properties.setProperty("org.quartz.jobStore.useProperties", "true");
        properties.setProperty("org.quartz.jobStore.acquireTriggersWithinLock", "true");
        properties.setProperty("org.quartz.jobStore.misfireThreshold", "86400000");
        return properties;
    }

    private static String ddl() throws IOException {
        try (InputStream in = JobQuartz.class.getResourceAsStream(TABLES)) {
            if (in == null) throw new IllegalStateException("Quartz's jar has no " + TABLES);
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private record Pool(HikariDataSource pool) implements ConnectionProvider {
        @Override
        public Connection getConnection() throws SQLException {
            return pool.getConnection();
        }

        @Override
        public void initialize() {}

        @Override
        public void shutdown() {}
    }

    private Trigger trigger(JobPayload payload) {
        return TriggerBuilder.newTrigger()
                .withIdentity(Long.toString(payload.id()))
                .forJob(job)
                .usingJobData(PAYLOAD, payload.json())
                .startNow()
                .build();
    }

    @Override
    public void enqueue(JobPayload payload) throws SchedulerException {
        Object unused = scheduler.scheduleJob(trigger(payload));
    }

    @Override
    public void enqueueAll(List<JobPayload> payloads) throws SchedulerException {
        Set<Trigger> triggers = new HashSet<>();
        for (JobPayload payload : payloads) {
            triggers.add(trigger(payload));
        }
        scheduler.scheduleJobs(Map.of(job, triggers), true);
    }

    @Override
    public void start(LongConsumer handler) throws SchedulerException {
        this.handler = handler;
        scheduler.start();
    }

    @Override
    public void stop() throws SchedulerException {
        scheduler.standby();
    }

    /** All that point at each other; the job itself, which is not among them, stays. */
    @Override
    public String tables() {
        return "qrtz_triggers, qrtz_simple_triggers, qrtz_cron_triggers, qrtz_simprop_triggers, qrtz_blob_triggers,"
                + " qrtz_fired_triggers";
    }

    @Override
    public String unfinished() {
        return "select 1 from qrtz_triggers union all select 1 from qrtz_fired_triggers limit 1";
    }

    @Override
    public void close() {
        try {
            scheduler.shutdown();
        } catch (SchedulerException e) {
            throw new IllegalStateException("Quartz does not shut down", e);
        }
    }
}
