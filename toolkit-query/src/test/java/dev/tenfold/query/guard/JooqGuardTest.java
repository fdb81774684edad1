package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.name;
import static org.jooq.impl.DSL.table;

import dev.tenfold.query.Loader;
import dev.tenfold.query.Peers;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import javax.sql.DataSource;
import org.jooq.CloseableResultQuery;
import org.jooq.Cursor;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Query;
import org.jooq.Record;
import org.jooq.Record1;
import org.jooq.Record2;
import org.jooq.SQLDialect;
import org.jooq.Table;
import org.jooq.conf.Settings;
import org.jooq.conf.StatementType;
import org.jooq.exception.DataAccessException;
import org.jooq.exception.IntegrityConstraintViolationException;
import org.jooq.impl.DSL;
import org.jooq.impl.DataSourceConnectionProvider;
import org.jooq.impl.DefaultConfiguration;
import org.jooq.impl.ThreadLocalTransactionProvider;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is written with jOOQ: N+1 queries in it, and what jOOQ does that a guard could take amiss. */
@Timeout(120)
class JooqGuardTest {
    private static final Table<Record> CUSTOMER = table(name("customer"));
    private static final Table<Record> PURCHASE = table(name("purchase"));
    private static final Table<Record> ITEM = table(name("item"));
    private static final Field<Long> ID = field(name("id"), Long.class);
    private static final Field<String> NAME = field(name("name"), String.class);
    private static final Field<String> TITLE = field(name("title"), String.class);
    private static final Field<String> NOTE = field(name("note"), String.class);
    private static final Field<Long> CUSTOMER_ID = field(name("customer_id"), Long.class);
    private static final Field<Long> PURCHASE_ID = field(name("purchase_id"), Long.class);

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

    private static DSLContext jooq(Shop shop, DataSource dataSource, Settings settings) {
        return DSL.using(dataSource, shop == h2 ? SQLDialect.H2 : SQLDialect.POSTGRES, settings);
    }

    private static DSLContext jooq(Shop shop) {
        return jooq(shop, shop.guard, new Settings());
    }

    private static List<Long> customers(DSLContext jooq) {
        return jooq.select(CUSTOMER_ID).from(PURCHASE).orderBy(ID).fetch(CUSTOMER_ID);
    }

    @ParameterizedTest
    @EnumSource
    void a_fetch_in_a_loop_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        DSLContext jooq = jooq(shop);
        List<Finding> found = shop.found(() -> {
            for (long customer : customers(jooq)) {
                var query = jooq.select(NAME).from(CUSTOMER).where(ID.eq(customer));
                shop.nextLineIsIt();
                query.fetchSingle(NAME);
            }
        });

        shop.assertIsNPlusOne(found, JooqGuardTest.class, Shop.PURCHASES, "\"customer\"", "\"purchase\"");
    }

    @ParameterizedTest
    @EnumSource
    void a_fetch_in_a_record_mapper_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        DSLContext jooq = jooq(shop);
        List<Finding> found = shop.found(() -> jooq.transaction(transaction -> {
            List<List<String>> titles = transaction
                    .dsl()
                    .select(ID)
                    .from(PURCHASE)
                    .fetch(row -> {
                        var items = transaction.dsl().select(TITLE).from(ITEM).where(PURCHASE_ID.eq(row.value1()));
                        shop.nextLineIsIt();
                        return items.fetch(TITLE);
                    });
            assertThat(titles).hasSize(Shop.PURCHASES).allMatch(each -> each.size() == 2);
        }));

        shop.assertIsNPlusOne(found, JooqGuardTest.class, Shop.PURCHASES, "\"item\"", "\"purchase\"");
    }

    @ParameterizedTest
    @EnumSource
    void values_in_the_text_are_an_n_plus_one_too(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        DSLContext jooq = jooq(shop, shop.guard, new Settings().withStatementType(StatementType.STATIC_STATEMENT));
        List<Finding> found = shop.found(() -> {
            for (long customer : customers(jooq)) {
                var query = jooq.select(NAME).from(CUSTOMER).where(ID.eq(customer));
                shop.nextLineIsIt();
                query.fetchOne();
            }
        });

        shop.assertIsNPlusOne(found, JooqGuardTest.class, Shop.PURCHASES, "\"id\" = ?", "\"purchase\"");
    }

    @ParameterizedTest
    @EnumSource
    void a_kept_statement_in_a_lazy_fetch_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        DSLContext jooq = jooq(shop);
        List<Finding> found = shop.found(() -> jooq.transaction(transaction -> {
            DSLContext inside = transaction.dsl();
            CloseableResultQuery<Record1<String>> query = inside.select(NAME)
                    .from(CUSTOMER)
                    .where(ID.eq(DSL.param("id", Long.class)))
                    .keepStatement(true);
            var purchases = inside.select(CUSTOMER_ID).from(PURCHASE).fetchSize(7);
            try (query;
                    Cursor<Record1<Long>> cursor = purchases.fetchLazy()) {
                for (Record1<Long> purchase : cursor) {
                    query.bind("id", purchase.value1());
                    shop.nextLineIsIt();
                    query.fetchOne();
                }
            }
        }));

        shop.assertIsNPlusOne(found, JooqGuardTest.class, Shop.PURCHASES, "\"customer\"", "\"purchase\"");
    }

    @ParameterizedTest
    @EnumSource
    void a_multiset_or_a_join_or_a_list_of_keys_or_a_loader_is_none(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        DSLContext jooq = jooq(shop);
        List<Finding> found = shop.found(() -> {
            Field<Long> purchase = field(name("purchase", "id"), Long.class);
            var nested = jooq.select(
                            purchase,
                            DSL.multiset(DSL.select(TITLE).from(ITEM).where(PURCHASE_ID.eq(purchase)))
                                    .as("items"))
                    .from(PURCHASE)
                    .fetch();
            assertThat(nested).hasSize(Shop.PURCHASES);
            assertThat(jooq.select(purchase, NAME)
                            .from(PURCHASE)
                            .join(CUSTOMER)
                            .on(field(name("customer", "id"), Long.class).eq(CUSTOMER_ID))
                            .fetch())
                    .hasSize(Shop.PURCHASES);
            List<Long> customers = customers(jooq);
            for (int size = 1; size <= Shop.PURCHASES; size++) {
                jooq.select(NAME)
                        .from(CUSTOMER)
                        .where(ID.in(customers.subList(0, size)))
                        .fetch();
            }
            Loader<Long, String> names = Loader.of(ids ->
                    jooq.select(ID, NAME).from(CUSTOMER).where(ID.in(ids)).fetchMap(ID, NAME));
            Peers<Long, String> page = names.across(customers, id -> id);
            for (long customer : customers) assertThat(page.of(customer)).isNotEmpty();
        });

        assertThat(found).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void writes_in_a_loop_are_a_write_loop_and_batches_are_not(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        DSLContext jooq = jooq(shop);
        List<Finding> looped = shop.found(() -> {
            for (long id = 1; id <= Shop.PURCHASES; id++) {
                var update = jooq.update(PURCHASE).set(NOTE, "sent " + id).where(ID.eq(id));
                shop.nextLineIsIt();
                update.execute();
            }
        });
        List<Finding> batched = shop.found(() -> {
            List<Query> updates = new ArrayList<>();
            for (long id = 1; id <= Shop.PURCHASES; id++) {
                updates.add(jooq.update(PURCHASE).set(NOTE, "sent").where(ID.eq(id)));
            }
            assertThat(jooq.batch(updates).execute()).hasSize(Shop.PURCHASES).containsOnly(1);
            var batch =
                    jooq.batch(jooq.update(PURCHASE).set(NOTE, (String) null).where(ID.eq((Long) null)));
            for (long id = 1; id <= Shop.PURCHASES; id++) batch = batch.bind("sent", id);
            assertThat(batch.execute()).hasSize(Shop.PURCHASES).containsOnly(1);
            jooq.batched(configuration -> {
                for (long id = 1; id <= Shop.PURCHASES; id++) {
                    configuration
                            .dsl()
                            .update(PURCHASE)
                            .set(NOTE, "sent")
                            .where(ID.eq(id))
                            .execute();
                }
            });
        });

        assertThat(looped).extracting(Finding::kind).containsExactly(FindingKind.WRITE_LOOP);
        assertThat(looped.get(0).count()).isEqualTo(Shop.PURCHASES);
        shop.assertIsAtTheLine(looped.get(0), JooqGuardTest.class);
        assertThat(batched).isEmpty();
    }

    @Test
    void pages_after_a_key_are_none() throws Exception {
        DSLContext jooq = jooq(postgres);
        List<Finding> found = postgres.found(() -> {
            long last = 0;
            for (int page = 0; page < Shop.PURCHASES; page++) {
                Record2<Long, String> row = jooq.select(ID, NAME)
                        .from(CUSTOMER)
                        .orderBy(ID)
                        .seek(last)
                        .limit(1)
                        .fetchSingle();
                last = row.value1();
            }
        });

        assertThat(found).isEmpty();
    }

    /** The same with the guard and without, in a scope of a test and outside of any. */
    private static String same(Shop shop, Function<DSLContext, Object> use) throws SQLException {
        String without = outcome(jooq(shop, shop.pool, new Settings()), use);
        QueryScope scope = QueryScope.open("test", 3);
        try (scope) {
            assertThat(outcome(jooq(shop), use)).isEqualTo(without);
        }
        for (int i = 0; i < 20; i++) assertThat(outcome(jooq(shop), use)).isEqualTo(without);
        try (Connection connection = shop.guard.getConnection()) {
            assertThat(connection.getAutoCommit()).isTrue();
        }
        return without;
    }

    private static String outcome(DSLContext jooq, Function<DSLContext, Object> use) {
        try {
            return "gives " + use.apply(jooq);
        } catch (DataAccessException e) {
            return e.getClass().getName() + " " + e.getMessage() + " because of " + e.getCause();
        }
    }

    @ParameterizedTest
    @EnumSource
    void results_and_exceptions_are_as_without_the_guard(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);

        assertThat(same(shop, jooq -> jooq.selectFrom(CUSTOMER).orderBy(ID).fetch()))
                .contains("customer 7");
        assertThat(same(
                        shop,
                        jooq -> jooq.insertInto(CUSTOMER, ID, NAME)
                                .values(1L, "again")
                                .execute()))
                .startsWith(IntegrityConstraintViolationException.class.getName())
                .contains("insert into \"customer\"");
        assertThat(same(shop, jooq -> jooq.fetch("selekt 1"))).contains("selekt 1");
        assertThat(same(
                        shop,
                        jooq -> jooq.transactionResult(transaction -> transaction
                                        .dsl()
                                        .insertInto(CUSTOMER, ID, NAME)
                                        .values(900L, "new")
                                        .returningResult(ID, NAME)
                                        .fetchOne()
                                        .toString()
                                + transaction
                                        .dsl()
                                        .deleteFrom(CUSTOMER)
                                        .where(ID.eq(900L))
                                        .execute())))
                .contains("900", "new");
        assertThat(same(shop, jooq -> jooq.fetchMany("select 1 as a"))).contains("1");
        assertThat(same(
                        shop,
                        jooq -> jooq.transactionResult(transaction -> {
                            try (Cursor<Record> rows = transaction
                                    .dsl()
                                    .selectFrom(CUSTOMER)
                                    .orderBy(ID)
                                    .fetchSize(2)
                                    .fetchLazy()) {
                                return rows.fetchNext(3);
                            }
                        })))
                .contains("customer 3");
    }

    @Test
    void several_results_and_arrays_are_as_without_the_guard() throws Exception {
        assertThat(same(postgres, jooq -> jooq.fetchMany("select 1 as a; select 2 as b")))
                .contains("a", "b");
        assertThat(same(
                        postgres,
                        jooq -> jooq.select(DSL.val(new Long[] {1L, 2L})).fetchSingle()))
                .contains("1, 2");
        assertThat(same(
                        postgres,
                        jooq -> jooq.select(NAME)
                                .from(CUSTOMER)
                                .where(ID.eq(DSL.any(new Long[] {4L, 5L})))
                                .orderBy(ID)
                                .fetch(NAME)))
                .isEqualTo("gives [customer 4, customer 5]");
    }

    @Test
    void a_transaction_of_the_thread_uses_one_connection() throws Exception {
        DataSourceConnectionProvider connections = new DataSourceConnectionProvider(postgres.guard);
        ThreadLocalTransactionProvider transactions = new ThreadLocalTransactionProvider(connections);
        DSLContext jooq = DSL.using(new DefaultConfiguration()
                .set(SQLDialect.POSTGRES)
                .set(connections)
                .set(transactions));
        List<Finding> found = postgres.found(() -> jooq.transaction(() -> {
            jooq.selectFrom(CUSTOMER).fetch();
            jooq.transaction(() -> assertThat(customers(jooq)).hasSize(Shop.PURCHASES));
        }));

        assertThat(found).isEmpty();
    }

    @Test
    void a_second_context_inside_of_a_transaction_is_a_nested_borrow() throws Exception {
        DSLContext jooq = jooq(postgres);
        List<Finding> found = postgres.found(() -> jooq.transaction(transaction -> {
            transaction.dsl().selectFrom(CUSTOMER).fetch();
            customers(jooq);
        }));

        assertThat(found).extracting(Finding::kind).containsExactly(FindingKind.NESTED_BORROW);
    }

    @Test
    void a_failed_transaction_rolls_back() {
        DSLContext jooq = jooq(postgres);
        Throwable thrown = catchThrowable(() -> jooq.transaction(transaction -> {
            transaction.dsl().update(CUSTOMER).set(Map.of(NAME, "lost")).execute();
            throw new IllegalStateException("no");
        }));

        assertThat(thrown).hasMessage("no");
        assertThat(jooq.select(NAME).from(CUSTOMER).where(ID.eq(1L)).fetchOne(NAME))
                .isEqualTo("customer 1");
    }
}
