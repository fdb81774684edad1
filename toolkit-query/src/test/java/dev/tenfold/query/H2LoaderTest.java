package dev.tenfold.query;

import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.jooq.SQLDialect;

class H2LoaderTest extends SqlLoaderContract {
    private static final DataSource DATABASE = create();

    private static DataSource create() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:loaders;DB_CLOSE_DELAY=-1;DATABASE_TO_UPPER=FALSE;CASE_INSENSITIVE_IDENTIFIERS=TRUE");
        return pooled(h2);
    }

    @Override
    DataSource dataSource() {
        return DATABASE;
    }

    @Override
    SQLDialect dialect() {
        return SQLDialect.H2;
    }
}
