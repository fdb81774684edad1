package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import javax.sql.DataSource;
import org.apache.ibatis.annotations.Insert;
import org.apache.ibatis.annotations.Many;
import org.apache.ibatis.annotations.Mapper;
import org.apache.ibatis.annotations.One;
import org.apache.ibatis.annotations.Options;
import org.apache.ibatis.annotations.Param;
import org.apache.ibatis.annotations.Result;
import org.apache.ibatis.annotations.Results;
import org.apache.ibatis.annotations.Select;
import org.apache.ibatis.annotations.Update;
import org.apache.ibatis.cursor.Cursor;
import org.apache.ibatis.exceptions.PersistenceException;
import org.apache.ibatis.mapping.Environment;
import org.apache.ibatis.mapping.FetchType;
import org.apache.ibatis.session.Configuration;
import org.apache.ibatis.session.ExecutorType;
import org.apache.ibatis.session.SqlSession;
import org.apache.ibatis.session.SqlSessionFactory;
import org.apache.ibatis.session.SqlSessionFactoryBuilder;
import org.apache.ibatis.transaction.jdbc.JdbcTransactionFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What is written with MyBatis: N+1 queries in it, and what MyBatis does that a guard could take amiss. */
@Timeout(120)
class MyBatisGuardTest {
    private static Shop postgres;
    private static Shop h2;

    /** What MyBatis makes of rows; it subclasses it for lazy loading. */
    public static class Purchase {
        private long id;
        private List<String> titles = List.of();
        private Customer customer = new Customer();

        public long getId() {
            return id;
        }

        public void setId(long id) {
            this.id = id;
        }

        public List<String> getTitles() {
            return titles;
        }

        public void setTitles(List<String> titles) {
            this.titles = titles;
        }

        public Customer getCustomer() {
            return customer;
        }

        public void setCustomer(Customer customer) {
            this.customer = customer;
        }
    }

    public static class Customer {
        private long id;
        private String name = "";

        public long getId() {
            return id;
        }

        public void setId(long id) {
            this.id = id;
        }

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }
    }

    public static class Note {
        private @Nullable Long id;
        private String text;

        public Note(String text) {
            this.text = text;
        }

        public @Nullable Long getId() {
            return id;
        }

        public void setId(Long id) {
            this.id = id;
        }

        public String getText() {
            return text;
        }
    }

    @Mapper
    interface Purchases {
        @Select("select customer_id from purchase order by id")
        List<Long> customers();

        @Select("select id, name from customer where id = #{id}")
        Customer customer(long id);

        @Select("select title from item where purchase_id = #{id} order by id")
        List<String> titles(long id);

        @Select("select id, customer_id from purchase order by id")
        @Results({
            @Result(property = "id", column = "id", id = true),
            @Result(property = "titles", column = "id", many = @Many(select = "titles", fetchType = FetchType.EAGER))
        })
        List<Purchase> withTitlesOneByOne();

        @Select("select id, customer_id from purchase order by id")
        @Results({
            @Result(property = "id", column = "id", id = true),
            @Result(
                    property = "customer",
                    column = "customer_id",
                    one = @One(select = "customer", fetchType = FetchType.LAZY))
        })
        List<Purchase> withLazyCustomers();

        @Select("select p.id, c.id as customer_id, c.name as customer_name from purchase p"
                + " join customer c on c.id = p.customer_id order by p.id")
        @Results({
            @Result(property = "id", column = "id", id = true),
            @Result(property = "customer.id", column = "customer_id"),
            @Result(property = "customer.name", column = "customer_name")
        })
        List<Purchase> joined();

        @Select({
            "<script>select id, name from customer where id in",
            "<foreach item='id' collection='ids' open='(' separator=',' close=')'>#{id}</foreach></script>"
        })
        List<Customer> all(@Param("ids") List<Long> ids);

        @Select("select id, name from customer order by id")
        @Options(fetchSize = 3)
        Cursor<Customer> cursor();

        @Update("update purchase set note = #{note} where id = #{id}")
        int note(@Param("id") long id, @Param("note") @Nullable String note);

        @Insert("insert into note(text) values (#{text})")
        @Options(useGeneratedKeys = true, keyProperty = "id", keyColumn = "id")
        int add(Note note);

        @Insert("insert into customer values (#{id}, #{name})")
        int addCustomer(Customer customer);
    }

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

    private static SqlSessionFactory sessions(DataSource dataSource) {
        Configuration configuration =
                new Configuration(new Environment("test", new JdbcTransactionFactory(), dataSource));
        configuration.addMapper(Purchases.class);
        return new SqlSessionFactoryBuilder().build(configuration);
    }

    private static SqlSession session(Shop shop, ExecutorType executor) {
        return sessions(shop.guard).openSession(executor);
    }

    @ParameterizedTest
    @CsvSource({"POSTGRES, SIMPLE", "POSTGRES, REUSE", "H2, SIMPLE", "H2, REUSE", "H2, BATCH"})
    void a_mapper_in_a_loop_is_an_n_plus_one(Shop.Engine engine, ExecutorType executor) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            try (SqlSession session = session(shop, executor)) {
                Purchases purchases = session.getMapper(Purchases.class);
                for (long customer : purchases.customers()) {
                    shop.nextLineIsIt();
                    purchases.customer(customer);
                }
            }
        });

        shop.assertIsNPlusOne(
                found,
                MyBatisGuardTest.class,
                Shop.PURCHASES,
                "select id, name from customer where id = ?",
                "select customer_id from purchase");
    }

    @ParameterizedTest
    @CsvSource({"POSTGRES, SIMPLE", "POSTGRES, REUSE", "H2, SIMPLE"})
    void a_nested_select_is_an_n_plus_one(Shop.Engine engine, ExecutorType executor) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            try (SqlSession session = session(shop, executor)) {
                Purchases purchases = session.getMapper(Purchases.class);
                shop.nextLineIsIt();
                List<Purchase> all = purchases.withTitlesOneByOne();
                assertThat(all).hasSize(Shop.PURCHASES).allMatch(each -> each.titles.size() == 2);
            }
        });

        shop.assertIsNPlusOne(
                found,
                MyBatisGuardTest.class,
                Shop.PURCHASES,
                "select title from item where purchase_id = ?",
                "select id, customer_id from purchase");
    }

    @ParameterizedTest
    @EnumSource
    void a_lazy_nested_select_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            try (SqlSession session = session(shop, ExecutorType.SIMPLE)) {
                List<String> names = new ArrayList<>();
                for (Purchase purchase : session.getMapper(Purchases.class).withLazyCustomers()) {
                    shop.nextLineIsIt();
                    names.add(purchase.getCustomer().getName());
                }
                assertThat(names).hasSize(Shop.PURCHASES).contains("customer 7");
            }
        });

        shop.assertIsNPlusOne(
                found,
                MyBatisGuardTest.class,
                Shop.PURCHASES,
                "select id, name from customer where id = ?",
                "select id, customer_id from purchase");
    }

    @ParameterizedTest
    @EnumSource
    void a_join_or_a_list_of_keys_is_none(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            try (SqlSession session = session(shop, ExecutorType.SIMPLE)) {
                Purchases purchases = session.getMapper(Purchases.class);
                assertThat(purchases.joined())
                        .hasSize(Shop.PURCHASES)
                        .allMatch(each -> each.getCustomer().getName().startsWith("customer"));
                List<Long> customers = purchases.customers();
                for (int size = 1; size <= Shop.PURCHASES; size++) {
                    assertThat(purchases.all(customers.subList(0, size))).hasSize(size);
                }
            }
        });

        assertThat(found).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void the_cache_of_a_session_spares_repeated_reads(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            try (SqlSession session = session(shop, ExecutorType.SIMPLE)) {
                for (int i = 0; i < Shop.PURCHASES; i++) {
                    session.getMapper(Purchases.class).customer(7);
                }
            }
        });

        assertThat(found).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"POSTGRES, SIMPLE", "POSTGRES, REUSE", "H2, SIMPLE"})
    void updates_one_by_one_are_a_write_loop(Shop.Engine engine, ExecutorType executor) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            try (SqlSession session = session(shop, executor)) {
                for (long id = 1; id <= Shop.PURCHASES; id++) {
                    session.getMapper(Purchases.class).note(id, "note " + id);
                }
                session.commit();
            }
        });

        assertThat(found).extracting(Finding::kind).containsExactly(FindingKind.WRITE_LOOP);
        assertThat(found.get(0).count()).isEqualTo(Shop.PURCHASES);
    }

    @ParameterizedTest
    @EnumSource
    void updates_of_the_batch_executor_are_not(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            try (SqlSession session = session(shop, ExecutorType.BATCH)) {
                for (long id = 1; id <= Shop.PURCHASES; id++) {
                    session.getMapper(Purchases.class).note(id, "note " + id);
                }
                assertThat(session.flushStatements())
                        .singleElement()
                        .satisfies(batch -> assertThat(batch.getUpdateCounts())
                                .hasSize(Shop.PURCHASES)
                                .containsOnly(1));
                session.commit();
            }
        });

        assertThat(found).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void generated_keys_nulls_and_cursors_are_as_without_the_guard(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        for (ExecutorType executor : ExecutorType.values()) {
            for (int i = 0; i < 20; i++) {
                try (SqlSession session = session(shop, executor)) {
                    Purchases purchases = session.getMapper(Purchases.class);
                    Note note = new Note(UUID.randomUUID().toString());
                    purchases.add(note);
                    session.flushStatements();
                    assertThat(note.getId()).isPositive();
                    purchases.note(3, null);
                    session.flushStatements();
                    try (Cursor<Customer> cursor = purchases.cursor()) {
                        assertThat(cursor).hasSize(Shop.PURCHASES);
                        assertThat(cursor.isConsumed()).isTrue();
                    }
                    session.rollback();
                }
            }
        }
    }

    @Test
    void exceptions_are_as_without_the_guard() {
        List<String> messages = new ArrayList<>();
        for (DataSource dataSource : List.of(postgres.pool, postgres.guard)) {
            try (SqlSession session = sessions(dataSource).openSession()) {
                Customer again = new Customer();
                again.setId(1);
                assertThatThrownBy(() -> session.getMapper(Purchases.class).addCustomer(again))
                        .isInstanceOf(PersistenceException.class)
                        .satisfies(thrown -> messages.add(thrown.getMessage()));
            }
        }

        assertThat(messages.get(0)).contains("duplicate key").isEqualTo(messages.get(1));
    }
}
