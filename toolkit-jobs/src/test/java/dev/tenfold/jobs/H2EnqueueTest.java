package dev.tenfold.jobs;

import static dev.tenfold.jobs.Priority.HIGH;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;

class H2EnqueueTest extends EnqueueContract {
    @Override
    String url() {
        return "jdbc:h2:mem:enqueue-test"; // gone with the pool's last connection
    }

    @Test
    void the_documentation_runs_on_an_empty_database() throws SQLException {
        JdbcDataSource dataSource = new JdbcDataSource();
        dataSource.setURL("jdbc:h2:mem:documentation;DB_CLOSE_DELAY=-1");

        assertThat(documentation(dataSource)).isEqualTo(10);
    }

    private static long documentation(DataSource dataSource) throws SQLException {
        try (JobQueue jobs = JobQueue.on(dataSource)) {
            jobs.enqueue(new SendReceipt(7));
            jobs.enqueue(
                    new SendReceipt(7),
                    o -> o.queue("mail").priority(HIGH).delay(ofMinutes(5)).unique());
            try (Connection connection = dataSource.getConnection()) {
                connection.setAutoCommit(false);
                jobs.in(connection).enqueue(new SendReceipt(8)); // there if your transaction commits
                connection.commit();
            }
            jobs.chain(new Render(1), new Render(2));
            jobs.batch(List.of(new Render(1), new Render(2)), new Publish(7));
            long many = jobs.enqueueAll(List.of(new SendReceipt(9), new Publish(8)));
            try (Connection connection = dataSource.getConnection();
                    var rows = connection.createStatement().executeQuery("select count(*) from tenfold_job")) {
                return rows.next() && many == 2 ? rows.getLong(1) : -1;
            }
        }
    }
}
