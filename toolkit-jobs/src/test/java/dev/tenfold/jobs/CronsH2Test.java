package dev.tenfold.jobs;

import java.util.UUID;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;

class CronsH2Test extends CronsContract {
    private static final DataSource DATABASE = database();

    CronsH2Test() {
        super(DATABASE);
    }

    private static DataSource database() {
        JdbcDataSource dataSource = new JdbcDataSource();
        dataSource.setURL("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1");
        JobSchema.install(dataSource);
        return dataSource;
    }
}
