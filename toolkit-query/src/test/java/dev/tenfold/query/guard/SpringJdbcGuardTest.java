package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.tenfold.query.Loader;
import dev.tenfold.query.Peers;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.dao.DataAccessException;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.core.namedparam.MapSqlParameterSource;
import org.springframework.jdbc.core.namedparam.NamedParameterJdbcTemplate;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.core.simple.SimpleJdbcCall;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.jdbc.datasource.TransactionAwareDataSourceProxy;
import org.springframework.jdbc.support.GeneratedKeyHolder;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.support.TransactionTemplate;

/** What is written with Spring's templates: N+1 queries in it, and what Spring does that a guard could take amiss. */
@Timeout(120)
class SpringJdbcGuardTest {
    private static Shop postgres;
    private static Shop h2;

    @BeforeAll
    static void open() throws SQLException {
        postgres = new Shop(Shop.Engine.POSTGRES);
        h2 = new Shop(Shop.Engine.H2);
    }

    @AfterAll
    static void close() {
        postgres.close();
        h2.close();
    }

    private static Shop shop(Shop.Engine engine) {
        return engine == Shop.Engine.H2 ? h2 : postgres;
    }

    private static TransactionTemplate transactions(DataSource dataSource, int propagation) {
        TransactionTemplate template = new TransactionTemplate(new DataSourceTransactionManager(dataSource));
        template.setPropagationBehavior(propagation);
        return template;
    }

    private static TransactionTemplate transactions(DataSource dataSource) {
        return transactions(dataSource, TransactionDefinition.PROPAGATION_REQUIRED);
    }

    @ParameterizedTest
    @EnumSource
    void query_for_object_in_a_loop_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        JdbcTemplate jdbc = new JdbcTemplate(shop.guard);
        List<Finding> found = shop.found(() -> {
            for (long customer : jdbc.queryForList("select customer_id from purchase", Long.class)) {
                shop.nextLineIsIt();
                jdbc.queryForObject("select name from customer where id = ?", String.class, customer);
            }
        });

        shop.assertIsNPlusOne(
                found,
                SpringJdbcGuardTest.class,
                Shop.PURCHASES,
                "select name from customer where id = ?",
                "select customer_id from purchase");
    }

    @ParameterizedTest
    @EnumSource
    void a_query_of_a_client_in_a_stream_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        JdbcClient jdbc = JdbcClient.create(shop.guard);
        List<Finding> found = shop.found(() -> {
            List<Long> customers = jdbc.sql("select customer_id from purchase")
                    .query(Long.class)
                    .list();
            List<String> names = customers.stream()
                    .map(id -> {
                        var named = jdbc.sql("select name from customer where id = :id");
                        var query = named.param("id", id).query(String.class);
                        shop.nextLineIsIt();
                        return query.single();
                    })
                    .toList();
            assertThat(names).hasSize(Shop.PURCHASES);
        });

        shop.assertIsNPlusOne(
                found,
                SpringJdbcGuardTest.class,
                Shop.PURCHASES,
                "select name from customer where id = ?",
                "select customer_id from purchase");
    }

    @ParameterizedTest
    @EnumSource
    void a_query_in_a_row_mapper_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        NamedParameterJdbcTemplate jdbc = new NamedParameterJdbcTemplate(shop.guard);
        List<Finding> found = shop.found(() -> transactions(shop.guard).executeWithoutResult(status -> {
            List<List<String>> titles = jdbc.query("select id from purchase", (row, number) -> {
                var id = Map.of("id", row.getLong("id"));
                shop.nextLineIsIt();
                return jdbc.queryForList("select title from item where purchase_id = :id", id, String.class);
            });
            assertThat(titles).hasSize(Shop.PURCHASES).allMatch(each -> each.size() == 2);
        }));

        shop.assertIsNPlusOne(
                found,
                SpringJdbcGuardTest.class,
                Shop.PURCHASES,
                "select title from item where purchase_id = ?",
                "select id from purchase");
    }

    @Test
    void without_a_transaction_a_query_in_a_row_mapper_borrows_a_second_connection() throws Exception {
        JdbcTemplate jdbc = new JdbcTemplate(postgres.guard);
        List<Finding> found = postgres.found(() -> jdbc.query("select id from purchase where id < 3", (row, number) -> {
            postgres.nextLineIsIt();
            return jdbc.queryForList("select title from item where purchase_id = ?", String.class, row.getLong(1));
        }));

        assertThat(found).isNotEmpty().allMatch(each -> each.kind() == FindingKind.NESTED_BORROW);
    }

    @ParameterizedTest
    @EnumSource
    void a_list_of_keys_or_a_loader_is_none(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        NamedParameterJdbcTemplate jdbc = new NamedParameterJdbcTemplate(shop.guard);
        List<Finding> found = shop.found(() -> {
            List<Long> customers = jdbc.getJdbcTemplate().queryForList("select customer_id from purchase", Long.class);
            for (int size = 1; size <= Shop.PURCHASES; size++) {
                Map<String, List<Long>> ids = Map.of("ids", customers.subList(0, size));
                jdbc.queryForList("select name from customer where id in (:ids)", ids, String.class);
            }
            Loader<Long, String> names = Loader.of(ids -> {
                Map<Long, String> byId = new HashMap<>();
                jdbc.query("select id, name from customer where id in (:ids)", Map.of("ids", ids), row -> {
                    byId.put(row.getLong("id"), row.getString("name"));
                });
                return byId;
            });
            Peers<Long, String> page = names.across(customers, id -> id);
            for (long customer : customers) assertThat(page.of(customer)).isNotEmpty();
        });

        assertThat(found).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void updates_in_a_loop_are_a_write_loop_and_a_batch_update_is_not(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        JdbcTemplate jdbc = new JdbcTemplate(shop.guard);
        String sql = "update purchase set note = ? where id = ?";
        List<Object[]> rows = new ArrayList<>();
        for (int id = 1; id <= Shop.PURCHASES; id++) rows.add(new Object[] {"sent", id});
        List<Finding> looped = shop.found(() ->
                transactions(shop.guard).executeWithoutResult(status -> rows.forEach(row -> jdbc.update(sql, row))));
        List<Finding> batched = shop.found(() -> {
            assertThat(jdbc.batchUpdate(sql, rows)).hasSize(Shop.PURCHASES).containsOnly(1);
        });

        assertThat(looped).extracting(Finding::kind).containsExactly(FindingKind.WRITE_LOOP);
        assertThat(looped.get(0).count()).isEqualTo(Shop.PURCHASES);
        assertThat(batched).isEmpty();
    }

    @Test
    void a_new_transaction_inside_of_another_is_a_nested_borrow_and_a_nested_one_is_not() throws Exception {
        JdbcTemplate jdbc = new JdbcTemplate(postgres.guard);
        TransactionTemplate outer = transactions(postgres.guard);
        TransactionTemplate asNew = transactions(postgres.guard, TransactionDefinition.PROPAGATION_REQUIRES_NEW);
        TransactionTemplate savepoint = transactions(postgres.guard, TransactionDefinition.PROPAGATION_NESTED);
        List<Finding> ofNew = postgres.found(() -> outer.executeWithoutResult(status -> {
            jdbc.queryForObject("select 1", Integer.class);
            postgres.nextLineIsIt();
            asNew.executeWithoutResult(own -> jdbc.queryForObject("select 2", Integer.class));
        }));
        List<Finding> ofSavepoint = postgres.found(() -> outer.executeWithoutResult(status -> {
            savepoint.executeWithoutResult(own -> jdbc.queryForObject("select 2", Integer.class));
            outer.executeWithoutResult(same -> jdbc.queryForObject("select 3", Integer.class));
        }));
        List<Finding> oneAfterTheOther = postgres.found(() -> {
            outer.executeWithoutResult(status -> jdbc.queryForObject("select 2", Integer.class));
            outer.executeWithoutResult(status -> jdbc.queryForObject("select 2", Integer.class));
        });

        assertThat(ofNew).extracting(Finding::kind).containsExactly(FindingKind.NESTED_BORROW);
        postgres.assertIsAtTheLine(ofNew.get(0), SpringJdbcGuardTest.class);
        assertThat(ofSavepoint).isEmpty();
        assertThat(oneAfterTheOther).isEmpty();
    }

    private interface Use {
        Object of(DataSource dataSource);
    }

    /** The same with the guard and without, in a scope of a test and outside of any. */
    private static String same(Shop shop, Use use) throws SQLException {
        String without = outcome(shop.pool, use);
        QueryScope scope = QueryScope.open("test", 3);
        try (scope) {
            assertThat(outcome(shop.guard, use)).isEqualTo(without);
        }
        for (int i = 0; i < 20; i++) assertThat(outcome(shop.guard, use)).isEqualTo(without);
        try (Connection connection = shop.guard.getConnection()) {
            assertThat(connection.getAutoCommit()).isTrue();
            assertThat(connection.isReadOnly()).isFalse();
        }
        return without;
    }

    private static String outcome(DataSource dataSource, Use use) {
        try {
            return "gives " + use.of(dataSource);
        } catch (DataAccessException e) {
            return e.getClass().getName() + " " + e.getMessage() + " because of " + e.getCause();
        }
    }

    @ParameterizedTest
    @EnumSource
    void exceptions_are_translated_as_without_the_guard(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);

        assertThat(same(shop, it -> new JdbcTemplate(it).update("insert into customer values (?, ?)", 1, "again")))
                .startsWith(DuplicateKeyException.class.getName())
                .contains("insert into customer values (?, ?)");
        assertThat(same(shop, it -> new JdbcTemplate(it).update("insert into item values (?, ?, ?)", 7_000, -1, "x")))
                .startsWith("org.springframework.dao.DataIntegrityViolationException");
        assertThat(same(shop, it -> new JdbcTemplate(it).queryForList("selekt 1")))
                .startsWith("org.springframework.jdbc.BadSqlGrammarException")
                .contains("selekt 1");
        assertThat(same(shop, it -> new JdbcTemplate(it).queryForObject("select 1 where 1 = 0", Integer.class)))
                .startsWith("org.springframework.dao.EmptyResultDataAccessException");
    }

    @ParameterizedTest
    @EnumSource
    void keys_streams_and_read_only_transactions_are_as_without_the_guard(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);

        assertThat(same(
                        shop,
                        it -> transactions(it).execute(status -> {
                            GeneratedKeyHolder keys = new GeneratedKeyHolder();
                            new NamedParameterJdbcTemplate(it)
                                    .update(
                                            "insert into note(id, text) values (:id, :text)",
                                            new MapSqlParameterSource(Map.of("id", 77L, "text", "made")),
                                            keys,
                                            new String[] {"id"});
                            status.setRollbackOnly();
                            return keys.getKey();
                        })))
                .isEqualTo("gives 77");
        assertThat(same(
                        shop,
                        it -> transactions(it).execute(status -> {
                            JdbcTemplate jdbc = new JdbcTemplate(it);
                            jdbc.setFetchSize(3);
                            try (Stream<Long> ids = jdbc.queryForStream(
                                    "select id from purchase order by id", (row, n) -> row.getLong(1))) {
                                return ids.limit(5).toList();
                            }
                        })))
                .isEqualTo("gives [1, 2, 3, 4, 5]");
        assertThat(same(shop, it -> {
                    TransactionTemplate readOnly = transactions(it);
                    readOnly.setReadOnly(true);
                    readOnly.setIsolationLevel(TransactionDefinition.ISOLATION_SERIALIZABLE);
                    return readOnly.execute(status -> new JdbcTemplate(it)
                            .execute((Connection connection) -> connection.isReadOnly() + " "
                                    + connection.getAutoCommit() + " " + connection.getTransactionIsolation()));
                }))
                .isEqualTo("gives true false 8");
        assertThat(same(
                        shop,
                        it -> new JdbcTemplate(new TransactionAwareDataSourceProxy(it))
                                .queryForObject("select name from customer where id = 3", String.class)))
                .isEqualTo("gives customer 3");
    }

    @Test
    void procedures_are_called_as_without_the_guard() throws Exception {
        new JdbcTemplate(postgres.pool)
                .execute("create function twice(number int) returns int language sql as 'select 2 * number'");

        assertThat(same(
                        postgres,
                        it -> new SimpleJdbcCall(it)
                                .withFunctionName("twice")
                                .executeFunction(Integer.class, Map.of("number", 21))))
                .isEqualTo("gives 42");
        assertThat(same(
                        postgres,
                        it -> new JdbcTemplate(it).execute("{? = call twice(?)}", (java.sql.CallableStatement call) -> {
                            call.registerOutParameter(1, java.sql.Types.INTEGER);
                            call.setInt(2, 4);
                            call.execute();
                            return call.getInt(1);
                        })))
                .isEqualTo("gives 8");
    }

    @Test
    void a_failed_transaction_rolls_back() {
        JdbcTemplate jdbc = new JdbcTemplate(postgres.guard);
        Throwable thrown = catchThrowable(() -> transactions(postgres.guard).executeWithoutResult(status -> {
            jdbc.update("update customer set name = 'lost' where id = 1");
            throw new IllegalStateException("no");
        }));

        assertThat(thrown).hasMessage("no");
        assertThat(jdbc.queryForObject("select name from customer where id = 1", String.class))
                .isEqualTo("customer 1");
    }
}
