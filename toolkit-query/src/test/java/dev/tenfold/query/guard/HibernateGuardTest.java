package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.FetchType;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.JoinColumn;
import jakarta.persistence.ManyToOne;
import jakarta.persistence.OneToMany;
import jakarta.persistence.OptimisticLockException;
import jakarta.persistence.SequenceGenerator;
import jakarta.persistence.Table;
import jakarta.persistence.Version;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.hibernate.LockMode;
import org.hibernate.SessionFactory;
import org.hibernate.StatelessSession;
import org.hibernate.annotations.BatchSize;
import org.hibernate.annotations.Fetch;
import org.hibernate.annotations.FetchMode;
import org.hibernate.cfg.AvailableSettings;
import org.hibernate.cfg.Configuration;
import org.hibernate.exception.ConstraintViolationException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is written with Hibernate: N+1 queries in it, and what Hibernate does that a guard could take amiss. */
@Timeout(120)
class HibernateGuardTest {
    @Entity(name = "Customer")
    @Table(name = "customer")
    static class Customer {
        @Id
        long id;

        String name = "";

        Customer() {}

        Customer(long id, String name) {
            this.id = id;
            this.name = name;
        }

        String getName() {
            return name;
        }
    }

    @Entity(name = "Purchase")
    @Table(name = "purchase")
    static class Purchase {
        @Id
        long id;

        String note;

        @Version
        int version;

        @ManyToOne(fetch = FetchType.LAZY)
        @JoinColumn(name = "customer_id")
        Customer customer;

        @OneToMany(mappedBy = "purchase")
        List<Item> items = new ArrayList<>();

        Customer getCustomer() {
            return customer;
        }

        List<Item> getItems() {
            return items;
        }
    }

    @Entity(name = "Item")
    @Table(name = "item")
    static class Item {
        @Id
        long id;

        String title = "";

        @ManyToOne(fetch = FetchType.LAZY)
        @JoinColumn(name = "purchase_id")
        Purchase purchase;
    }

    /** The same purchases, loaded some at a time. */
    @Entity(name = "Batched")
    @Table(name = "purchase")
    static class Batched {
        @Id
        long id;

        @OneToMany
        @JoinColumn(name = "purchase_id")
        @BatchSize(size = 10)
        List<Item> items = new ArrayList<>();

        @OneToMany
        @JoinColumn(name = "purchase_id")
        @Fetch(FetchMode.SUBSELECT)
        List<Item> same = new ArrayList<>();
    }

    /** The same purchases, each of whose customers is loaded at once. */
    @Entity(name = "Eager")
    @Table(name = "purchase")
    static class Eager {
        @Id
        long id;

        @ManyToOne(fetch = FetchType.EAGER)
        @JoinColumn(name = "customer_id")
        Customer customer;
    }

    @Entity(name = "Note")
    @Table(name = "note")
    static class Note {
        @Id
        @GeneratedValue(strategy = GenerationType.SEQUENCE, generator = "note_seq")
        @SequenceGenerator(name = "note_seq", sequenceName = "note_seq", allocationSize = 50)
        @Nullable
        Long id;

        @Column(name = "text")
        String text;

        Note() {}

        Note(String text) {
            this.text = text;
        }
    }

    private static final Map<Shop.Engine, Shop> SHOPS = new EnumMap<>(Shop.Engine.class);
    private static final Map<Shop.Engine, SessionFactory> FACTORIES = new EnumMap<>(Shop.Engine.class);

    @BeforeAll
    static void open() throws Exception {
        for (Shop.Engine engine : Shop.Engine.values()) {
            Shop shop = new Shop(engine);
            SHOPS.put(engine, shop);
            Configuration configuration = new Configuration();
            for (Class<?> entity :
                    List.of(Customer.class, Purchase.class, Item.class, Batched.class, Eager.class, Note.class)) {
                configuration.addAnnotatedClass(entity);
            }
            configuration.getProperties().put(AvailableSettings.JAKARTA_NON_JTA_DATASOURCE, shop.guard);
            configuration.setProperty(AvailableSettings.STATEMENT_BATCH_SIZE, "30");
            configuration.setProperty(AvailableSettings.ORDER_INSERTS, "true");
            FACTORIES.put(engine, configuration.buildSessionFactory());
        }
    }

    @AfterAll
    static void close() {
        FACTORIES.values().forEach(SessionFactory::close);
        SHOPS.values().forEach(Shop::close);
    }

    private static Shop shop(Shop.Engine engine) {
        return Objects.requireNonNull(SHOPS.get(engine));
    }

    private static SessionFactory factory(Shop.Engine engine) {
        return Objects.requireNonNull(FACTORIES.get(engine));
    }

    @ParameterizedTest
    @EnumSource
    void a_lazy_collection_in_a_loop_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> factory(engine).inTransaction(session -> {
            for (Purchase purchase :
                    session.createQuery("from Purchase", Purchase.class).list()) {
                shop.nextLineIsIt();
                assertThat(purchase.getItems().size()).isEqualTo(2);
            }
        }));

        shop.assertIsNPlusOne(found, HibernateGuardTest.class, Shop.PURCHASES, "from item", "from purchase");
    }

    @ParameterizedTest
    @EnumSource
    void a_lazy_reference_in_a_stream_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> factory(engine).inTransaction(session -> {
            List<String> names = session.createQuery("from Purchase", Purchase.class).list().stream()
                    .map(purchase -> {
                        shop.nextLineIsIt();
                        return purchase.getCustomer().getName();
                    })
                    .toList();
            assertThat(names).hasSize(Shop.PURCHASES).contains("customer 7");
        }));

        shop.assertIsNPlusOne(found, HibernateGuardTest.class, Shop.PURCHASES, "from customer", "from purchase");
    }

    @ParameterizedTest
    @EnumSource
    void a_find_in_a_loop_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> factory(engine).inTransaction(session -> {
            for (long id : session.createQuery("select p.id from Purchase p", Long.class)
                    .list()) {
                shop.nextLineIsIt();
                session.find(Customer.class, id);
            }
        }));

        shop.assertIsNPlusOne(found, HibernateGuardTest.class, Shop.PURCHASES, "from customer", "from purchase");
    }

    @ParameterizedTest
    @EnumSource
    void an_eager_reference_that_a_query_does_not_fetch_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> factory(engine).inTransaction(session -> {
            var query = session.createQuery("from Eager", Eager.class);
            shop.nextLineIsIt();
            List<Eager> all = query.list();
            assertThat(all).hasSize(Shop.PURCHASES);
        }));

        shop.assertIsNPlusOne(found, HibernateGuardTest.class, Shop.PURCHASES, "from customer", "from purchase");
    }

    @ParameterizedTest
    @EnumSource
    void a_query_in_a_loop_of_a_stateless_session_is_an_n_plus_one(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            try (StatelessSession session = factory(engine).openStatelessSession()) {
                for (Purchase purchase :
                        session.createQuery("from Purchase", Purchase.class).list()) {
                    var query = session.createSelectionQuery("from Item where purchase = :it", Item.class);
                    query.setParameter("it", purchase);
                    shop.nextLineIsIt();
                    assertThat(query.list()).hasSize(2);
                }
            }
        });

        shop.assertIsNPlusOne(found, HibernateGuardTest.class, Shop.PURCHASES, "from item", "from purchase");
    }

    @ParameterizedTest
    @EnumSource
    void a_join_fetch_or_a_batch_size_or_a_subselect_is_none(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> {
            factory(engine).inTransaction(session -> {
                for (Purchase purchase : session.createQuery(
                                "from Purchase p join fetch p.items join fetch p.customer", Purchase.class)
                        .list()) {
                    assertThat(purchase.getItems()).hasSize(2);
                    assertThat(purchase.getCustomer().getName()).startsWith("customer");
                }
            });
            factory(engine).inTransaction(session -> {
                for (Batched purchase :
                        session.createQuery("from Batched", Batched.class).list()) {
                    assertThat(purchase.items).hasSize(2);
                }
            });
            factory(engine).inTransaction(session -> {
                for (Batched purchase :
                        session.createQuery("from Batched", Batched.class).list()) {
                    assertThat(purchase.same).hasSize(2);
                }
            });
            factory(engine).inTransaction(session -> {
                List<Long> ids = session.createQuery("select p.customer.id from Purchase p", Long.class)
                        .list();
                assertThat(session.byMultipleIds(Customer.class).multiLoad(ids)).hasSize(Shop.PURCHASES);
            });
        });

        assertThat(found).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void persisting_in_batches_with_a_pooled_sequence_is_no_write_loop(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> found = shop.found(() -> factory(engine).inTransaction(session -> {
            for (int i = 0; i < 600; i++) session.persist(new Note("note " + i));
            session.flush();
            assertThat(session.createQuery("select count(*) from Note", Long.class)
                            .uniqueResult())
                    .isEqualTo(600);
            session.getTransaction().markRollbackOnly();
        }));

        assertThat(found).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void a_flush_after_each_change_is_a_write_loop_and_dirty_checking_at_the_end_is_not(Shop.Engine engine)
            throws Exception {
        Shop shop = shop(engine);
        List<Finding> flushed = shop.found(() -> factory(engine).inTransaction(session -> {
            for (Purchase purchase :
                    session.createQuery("from Purchase", Purchase.class).list()) {
                purchase.note = "flushed " + purchase.version;
                shop.nextLineIsIt();
                session.flush();
            }
        }));
        List<Finding> atTheEnd = shop.found(() -> factory(engine).inTransaction(session -> {
            for (Purchase purchase :
                    session.createQuery("from Purchase", Purchase.class).list()) {
                purchase.note = "at the end " + purchase.version;
            }
        }));

        assertThat(flushed).extracting(Finding::kind).containsExactly(FindingKind.WRITE_LOOP);
        assertThat(flushed.get(0).count()).isEqualTo(Shop.PURCHASES);
        shop.assertIsAtTheLine(flushed.get(0), HibernateGuardTest.class);
        assertThat(atTheEnd).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void stateless_inserts_are_a_write_loop_unless_they_are_batched(Shop.Engine engine) throws Exception {
        Shop shop = shop(engine);
        List<Finding> looped = shop.found(() -> factory(engine).inStatelessTransaction(session -> {
            session.setJdbcBatchSize(1);
            for (int i = 0; i < Shop.PURCHASES; i++) {
                shop.nextLineIsIt();
                session.insert(new Customer(1_000 + i, "stateless"));
            }
            session.getTransaction().markRollbackOnly();
        }));
        List<Finding> batched = shop.found(() -> factory(engine).inStatelessTransaction(session -> {
            for (int i = 0; i < 600; i++) session.insert(new Customer(1_000 + i, "stateless"));
            session.getTransaction().markRollbackOnly();
        }));

        assertThat(looped).extracting(Finding::kind).containsExactly(FindingKind.WRITE_LOOP);
        assertThat(looped.get(0).count()).isEqualTo(Shop.PURCHASES);
        shop.assertIsAtTheLine(looped.get(0), HibernateGuardTest.class);
        assertThat(batched).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void forced_versions_are_checked_as_without_the_guard(Shop.Engine engine) {
        assertThatThrownBy(() -> factory(engine).inTransaction(session -> {
                    Purchase purchase = session.find(Purchase.class, 3L);
                    factory(engine)
                            .inTransaction(other -> other.createMutationQuery(
                                            "update versioned Purchase set note = 'other' where id = 3")
                                    .executeUpdate());
                    purchase.note = "mine";
                }))
                .isInstanceOf(OptimisticLockException.class);
        factory(engine).inTransaction(session -> {
            Purchase purchase = session.find(Purchase.class, 4L);
            int before = purchase.version;
            session.lock(purchase, LockMode.PESSIMISTIC_FORCE_INCREMENT);
            assertThat(purchase.version).isEqualTo(before + 1);
        });
    }

    @ParameterizedTest
    @EnumSource
    void a_violated_constraint_is_told_as_without_the_guard(Shop.Engine engine) {
        assertThatThrownBy(() -> factory(engine).inTransaction(session -> session.persist(new Customer(1, "again"))))
                .hasStackTraceContaining(ConstraintViolationException.class.getName());
    }

    @Test
    void rows_are_scrolled_and_streamed_as_without_the_guard() {
        for (int i = 0; i < 20; i++) {
            factory(Shop.Engine.POSTGRES).inTransaction(session -> {
                try (var stream =
                        session.createQuery("from Customer order by id", Customer.class).setFetchSize(3).stream()) {
                    assertThat(stream.limit(5).map(Customer::getName).toList())
                            .hasSize(5)
                            .startsWith("customer 1");
                }
                try (var rows = session.createQuery("from Customer order by id", Customer.class)
                        .scroll()) {
                    assertThat(rows.last()).isTrue();
                    assertThat(rows.getRowNumber()).isPositive();
                    assertThat(rows.get().getName()).isEqualTo("customer 20");
                }
            });
        }
    }
}
