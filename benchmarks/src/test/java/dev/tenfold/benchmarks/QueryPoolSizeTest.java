package dev.tenfold.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

class QueryPoolSizeTest {
    @Test
    void each_workload_can_be_done_for_the_first_account_and_the_last_and_transfers_are_committed() throws Exception {
        PostgresServer server = PostgresServer.shared();
        DataSource dataSource = server.dataSource(server.createDatabase());
        QueryPoolSize.create(dataSource);
        long transfers = 0;
        for (QueryPoolSize.Workload workload : QueryPoolSize.WORKLOADS) {
            for (int id : new int[] {0, 99_999}) {
                try (Connection connection = dataSource.getConnection()) {
                    workload.use().with(connection, id);
                    if (!connection.getAutoCommit()) transfers++;
                }
            }
        }
        assertThat(transfers).isEqualTo(4);
        assertThat(added(dataSource)).isEqualTo(transfers);
    }

    private static long added(DataSource dataSource) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement();
                ResultSet sum = statement.executeQuery("select sum(amount - 100) from account")) {
            sum.next();
            return sum.getLong(1);
        }
    }
}
