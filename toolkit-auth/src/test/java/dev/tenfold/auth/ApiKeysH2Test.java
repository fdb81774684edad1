package dev.tenfold.auth;

import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;

class ApiKeysH2Test extends ApiKeysContract {
    private static final DataSource DATABASE = memory();

    private static DataSource memory() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:api-keys;DB_CLOSE_DELAY=-1");
        return h2;
    }

    @Override
    DataSource dataSource() {
        return DATABASE;
    }
}
