package dev.tenfold.query.pool;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PoolsTest {
    private static HikariConfig config() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:pools");
        HikariConfig config = new HikariConfig();
        config.setDataSource(h2);
        config.setPoolName("orders");
        config.setMaximumPoolSize(50);
        return config;
    }

    @Test
    void a_pool_has_the_size_and_the_rest_of_the_config() {
        HikariConfig config = config();
        config.setReadOnly(true);

        try (HikariDataSource pool = Pools.hikari(config, Pools.size(o -> o.cores(1)))) {
            assertThat(pool.getMaximumPoolSize()).isEqualTo(3);
            assertThat(pool.getMinimumIdle()).isEqualTo(3);
            assertThat(pool.getPoolName()).isEqualTo("orders");
            assertThat(pool.isReadOnly()).isTrue();
        }
        assertThat(config.getMaximumPoolSize()).isEqualTo(50);
    }

    @Test
    void a_minimum_that_is_set_stays() {
        HikariConfig config = config();
        config.setMinimumIdle(1);

        try (HikariDataSource pool = Pools.hikari(config, Pools.size(o -> o.cores(1)))) {
            assertThat(pool.getMinimumIdle()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "17, 6.3.0, false",
        "21, 6.3.0, true",
        "25, 7.0.2, true",
        "21, 7.1.0, false",
        "25, 7.1.1-SNAPSHOT, false",
        "25, 8, false",
        "25, 7, true",
        "25, odd, false",
        "25, , false"
    })
    void an_old_hikari_is_warned_of_where_there_are_virtual_threads(int jdk, @Nullable String version, boolean warns) {
        assertThat(Pools.oldHikari(jdk, version).isPresent()).isEqualTo(warns);
    }

    @Test
    void the_warning_names_the_version_the_reason_and_the_remedy() {
        assertThat(Pools.oldHikari(21, "6.3.0"))
                .hasValueSatisfying(text -> assertThat(text)
                        .startsWith("HikariCP 6.3.0 on Java 21: virtual threads")
                        .contains("HikariCP#2398")
                        .contains("take HikariCP 7.1.0 or later"));
    }

    @Test
    void the_version_of_the_hikari_that_runs_is_known() {
        assertThat(Pools.hikariVersion()).matches("\\d+\\.\\d+\\.\\d+.*");
    }
}
