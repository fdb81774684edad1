package dev.tenfold.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.CountingDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import javax.sql.DataSource;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.SQLDialect;
import org.jooq.Table;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.jooq.impl.TableImpl;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What loaders over SQL promise on every database. */
abstract class SqlLoaderContract {
    record Author(long id, String name) {
        static Author map(ResultSet row) throws SQLException {
            return new Author(row.getLong("id"), row.getString("name"));
        }
    }

    record Post(long id, long authorId, int score) {
        static Post map(ResultSet row) throws SQLException {
            return new Post(row.getLong("id"), row.getLong("author_id"), row.getInt("score"));
        }
    }

    record StockKey(long shopId, int itemId) {}

    record Stock(StockKey key, int amount) {
        static Stock map(ResultSet row) throws SQLException {
            return new Stock(new StockKey(row.getLong("shop_id"), row.getInt("item_id")), row.getInt("amount"));
        }
    }

    private static final Table<org.jooq.Record> AUTHOR = DSL.table(DSL.name("author"));
    private static final Field<Long> AUTHOR_ID = DSL.field(DSL.name("id"), SQLDataType.BIGINT);
    private static final Field<String> AUTHOR_NAME = DSL.field(DSL.name("name"), SQLDataType.VARCHAR);
    private static final Table<org.jooq.Record> POST = DSL.table(DSL.name("post"));
    private static final Field<Long> POST_ID = DSL.field(DSL.name("id"), SQLDataType.BIGINT);
    private static final Field<Long> POST_AUTHOR = DSL.field(DSL.name("author_id"), SQLDataType.BIGINT);
    private static final Field<Integer> POST_SCORE = DSL.field(DSL.name("score"), SQLDataType.INTEGER);

    CountingDataSource counted = CountingDataSource.of(dataSource());
    Loader<Long, Author> authors;
    Loader<Long, List<Post>> posts;
    Loader<Long, List<Post>> topPosts;
    Loader<StockKey, Stock> stocks;

    /** A database of the class's own, with the tables of {@link #fill}. */
    abstract DataSource dataSource();

    abstract SQLDialect dialect();

    /** Fills a database and puts a pool before it: thousands of statements, and a connection takes 10 ms to make. */
    static DataSource pooled(DataSource database) {
        fill(database);
        HikariConfig config = new HikariConfig();
        config.setDataSource(database);
        config.setMaximumPoolSize(4);
        return new HikariDataSource(config);
    }

    private static void fill(DataSource dataSource) {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("create table author (id bigint primary key, name varchar(50))");
            statement.execute(
                    "create table post (id bigint primary key, author_id bigint not null, score int not null)");
            statement.execute(
                    "create table stock (shop_id bigint, item_id int, amount int, primary key (shop_id, item_id))");
            statement.execute("create index post_author on post (author_id, score, id)");
            try (PreparedStatement insert = connection.prepareStatement("insert into author values (?, ?)")) {
                for (int id = 1; id <= 300; id++) {
                    insert.setLong(1, id);
                    insert.setString(2, "author " + id);
                    insert.addBatch();
                }
                insert.executeBatch();
            }
            try (PreparedStatement insert = connection.prepareStatement("insert into post values (?, ?, ?)")) {
                for (int id = 1; id <= 1_000; id++) {
                    insert.setLong(1, id);
                    insert.setLong(2, id % 100);
                    insert.setInt(3, id * 7 % 13);
                    insert.addBatch();
                }
                insert.executeBatch();
            }
            try (PreparedStatement insert = connection.prepareStatement("insert into stock values (?, ?, ?)")) {
                for (int shop = 1; shop <= 20; shop++) {
                    for (int item = 1; item <= 20; item++) {
                        insert.setLong(1, shop);
                        insert.setInt(2, item);
                        insert.setInt(3, shop * 100 + item);
                        insert.addBatch();
                    }
                }
                insert.executeBatch();
            }
        } catch (SQLException e) {
            throw new IllegalStateException("cannot fill the test database", e);
        }
    }

    @BeforeEach
    void makeLoaders() {
        authors = Loader.jdbc(counted, "select id, name from author where id = any(?)", Author::map, Author::id);
        posts = Loader.jdbcMany(
                counted,
                "select id, author_id, score from post where author_id = any(?) order by id",
                Post::map,
                Post::authorId);
        topPosts = Loader.jdbcTop(
                counted,
                "select id, author_id, score from post where author_id = any(?) order by score desc, id desc",
                3,
                Post::map,
                Post::authorId);
        stocks = Loader.jdbc(
                counted,
                "select shop_id, item_id, amount from stock where (shop_id, item_id) = any(?)",
                Stock::map,
                Stock::key);
        counted.reset();
    }

    @Test
    void one_statement_loads_a_page() {
        List<Long> ids = LongStream.rangeClosed(1, 200).boxed().toList();

        Map<Long, Author> loaded = authors.loadAll(ids);

        assertThat(loaded).hasSize(200).containsEntry(77L, new Author(77, "author 77"));
        assertThat(counted.statements()).isEqualTo(1);
    }

    @Test
    void a_scope_takes_one_statement_a_level() {
        List<Long> ids = LongStream.rangeClosed(1, 40).boxed().toList();

        List<Integer> counts =
                LoadScope.each(ids, id -> posts.load(authors.load(id).id()).size());

        assertThat(counts).hasSize(40).containsOnly(10);
        assertThat(counted.statements()).isEqualTo(2);
        assertThat(counted.connections()).isEqualTo(2);
    }

    @Test
    void a_single_key_is_a_plain_comparison() {
        assertThat(authors.load(5L).name()).isEqualTo("author 5");

        assertThat(counted.sql()).containsExactly("select id, name from author where id = ?");
    }

    @Test
    void a_missing_row_is_absent_and_a_parent_without_rows_has_an_empty_list() {
        assertThat(authors.find(999L)).isEmpty();
        assertThatThrownBy(() -> authors.load(999L)).isInstanceOf(LoadException.Missing.class);
        assertThat(posts.load(999L)).isEmpty();
        assertThat(posts.loadAll(List.of(1L, 999L))).containsEntry(999L, List.of());
    }

    @Test
    void composite_keys_match_pairs_not_combinations() {
        List<StockKey> keys = List.of(new StockKey(1, 2), new StockKey(3, 4), new StockKey(99, 1));

        Map<StockKey, Stock> loaded = stocks.loadAll(keys);

        assertThat(loaded.values()).extracting(Stock::amount).containsExactly(102, 304);
        assertThat(counted.statements()).isEqualTo(1);
        assertThat(stocks.load(new StockKey(20, 20)).amount()).isEqualTo(2020);
    }

    @Test
    void a_key_of_the_wrong_width_is_refused_before_any_statement() {
        Loader<Long, Stock> wrong = Loader.jdbc(
                counted,
                "select * from stock where (shop_id, item_id) = any(?)",
                Stock::map,
                stock -> stock.key().shopId());

        assertThatThrownBy(() -> wrong.load(1L))
                .isInstanceOf(LoadException.class)
                .hasMessageContaining("1 column")
                .hasMessageContaining("compares 2");
        assertThat(counted.connections()).isZero();
    }

    @Test
    void the_first_rows_of_each_key_come_in_the_statements_order() {
        List<Long> ids = LongStream.rangeClosed(0, 120).boxed().toList();

        Map<Long, List<Post>> top = topPosts.loadAll(ids);

        for (long id : ids) {
            List<Post> expected = posts.load(id).stream()
                    .sorted(Comparator.comparingInt(Post::score)
                            .thenComparingLong(Post::id)
                            .reversed())
                    .limit(3)
                    .toList();
            assertThat(top.get(id)).as("author %d", id).isEqualTo(expected);
        }
        assertThat(topPosts.load(7L)).isEqualTo(top.get(7L));
    }

    @Test
    void random_batches_give_what_one_query_a_key_gives() throws SQLException {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        Map<Long, Author> all = new HashMap<>();
        for (int round = 0; round < 50; round++) {
            Set<Long> keys = new LinkedHashSet<>();
            random.longs(1 + random.nextInt(70), 1, 330).forEach(keys::add);
            Map<Long, Author> loaded = authors.maxBatch(1 + random.nextInt(64)).loadAll(keys);
            for (long key : keys) {
                if (!all.containsKey(key)) {
                    authors.find(key).ifPresent(author -> all.put(key, author));
                }
                assertThat(loaded.get(key)).as("seed %d, key %d", seed, key).isEqualTo(all.get(key));
            }
        }
    }

    @Test
    void the_number_of_statement_texts_stays_small() {
        for (int size = 1; size <= 130; size++) {
            authors.loadAll(LongStream.rangeClosed(1, size).boxed().toList());
        }

        assertThat(new HashSet<>(counted.sql())).hasSizeLessThanOrEqualTo(9);
    }

    @Test
    void inside_a_transaction_the_batch_sees_its_rows_and_outside_it_does_not() throws SQLException {
        try (Connection connection = dataSource().getConnection()) {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.executeUpdate("insert into author values (5001, 'uncommitted')");
            }
            LoadContext inside = LoadContext.none().transaction(connection);

            List<Boolean> seen = LoadScope.each(
                    IntStream.range(0, 10).boxed().toList(),
                    i -> i % 2 == 0
                            ? inside.call(() -> authors.find(5001L).isPresent())
                            : authors.find(5001L).isPresent());

            for (int i = 0; i < 10; i++) {
                assertThat(seen.get(i)).as("member %d", i).isEqualTo(i % 2 == 0);
            }
            assertThat(counted.connections())
                    .as("borrowed for the batch outside only")
                    .isEqualTo(1);
            assertThat(authors.stats().totalBatches()).isEqualTo(2);
            assertThat(connection.isClosed()).isFalse();
            connection.rollback();
        }
    }

    @Test
    void a_failing_statement_is_the_cause_and_gives_its_connection_back() {
        Loader<Long, Author> wrong =
                Loader.jdbc(counted, "select * from no_such_table where id = any(?)", Author::map, Author::id);

        assertThatThrownBy(() -> wrong.loadAll(List.of(1L, 2L)))
                .isInstanceOf(LoadException.class)
                .hasCauseInstanceOf(SQLException.class);
        assertThat(authors.load(1L)).isNotNull();
    }

    @Test
    void jooq_loads_a_page_by_one_statement() {
        DSLContext dsl = DSL.using(counted, dialect());
        Loader<Long, Author> byJooq = JooqLoader.one(
                dsl,
                table(AUTHOR, AUTHOR_ID, AUTHOR_NAME),
                AUTHOR_ID,
                row -> new Author(row.get(AUTHOR_ID), row.get(AUTHOR_NAME)));

        assertThat(byJooq.loadAll(LongStream.rangeClosed(1, 200).boxed().toList()))
                .hasSize(200)
                .containsEntry(9L, new Author(9, "author 9"));
        assertThat(counted.statements()).isEqualTo(1);
        assertThat(byJooq.load(12L).name()).isEqualTo("author 12");
        assertThat(byJooq.find(999L)).isEmpty();
    }

    @Test
    void jooq_loads_children_and_the_first_of_each() {
        DSLContext dsl = DSL.using(counted, dialect());
        Table<org.jooq.Record> table = table(POST, POST_ID, POST_AUTHOR, POST_SCORE);
        org.jooq.RecordMapper<org.jooq.Record, Post> mapper =
                row -> new Post(row.get(POST_ID), row.get(POST_AUTHOR), row.get(POST_SCORE));
        Loader<Long, List<Post>> many = JooqLoader.many(dsl, table, POST_AUTHOR, mapper, POST_ID.asc());
        Loader<Long, List<Post>> top =
                JooqLoader.top(dsl, 3, table, POST_AUTHOR, mapper, POST_SCORE.desc(), POST_ID.desc());
        List<Long> ids = LongStream.rangeClosed(0, 50).boxed().toList();

        assertThat(many.loadAll(ids)).isEqualTo(posts.loadAll(ids));
        assertThat(top.loadAll(ids)).isEqualTo(topPosts.loadAll(ids));
        assertThat(top.load(3L)).isEqualTo(topPosts.load(3L));
    }

    /** A table that knows its columns, as generated code has it. */
    private static final class KnownTable extends TableImpl<org.jooq.Record> {
        private static final long serialVersionUID = 1L;

        KnownTable(Table<org.jooq.Record> name, Field<?>... columns) {
            super(DSL.name(name.getName()));
            for (Field<?> column : columns) {
                Field<?> unused = createField(column.getUnqualifiedName(), column.getDataType(), this, "");
            }
        }
    }

    private static Table<org.jooq.Record> table(Table<org.jooq.Record> name, Field<?>... columns) {
        return new KnownTable(name, columns);
    }
}
