package dev.tenfold.benchmarks;

import static dev.tenfold.benchmarks.DetectSql.longs;
import static dev.tenfold.benchmarks.DetectSql.texts;
import static dev.tenfold.benchmarks.DetectTrace.nPlusOne;

import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** N+1 queries of plain JDBC, and of the few lines over it that applications write. */
final class DetectJdbc {
    private static final String AUTHOR_IDS = "select id from author order by id";
    private static final String AUTHOR = "select name from author where id = ?";

    private DetectJdbc() {}

    static List<DetectTrace> traces() {
        return List.of(
                nPlusOne("jdbc: a statement in a loop over rows", DetectJdbc::loopOverRows),
                nPlusOne("jdbc: repository.byId in a loop", DetectJdbc::repositoryInLoop),
                nPlusOne("jdbc: keys from the request", DetectJdbc::keysFromRequest),
                nPlusOne("jdbc: three keys from the request", DetectJdbc::threeKeys),
                nPlusOne("jdbc: prepared once, executed again and again", DetectJdbc::preparedOnce),
                nPlusOne("jdbc: ids put into the text", DetectJdbc::numbersInText),
                nPlusOne("jdbc: e-mail addresses put into the text", DetectJdbc::stringsInText),
                nPlusOne("jdbc: count(*) per parent", DetectJdbc::countPerParent),
                nPlusOne("jdbc: exists per parent", DetectJdbc::existsPerParent),
                nPlusOne("jdbc: newest per parent, limit 1", DetectJdbc::newestPerParent),
                nPlusOne("jdbc: two interleaved", DetectJdbc::interleaved),
                nPlusOne("jdbc: a connection per statement", DetectJdbc::connectionEach),
                nPlusOne("jdbc: within the rows of another statement", DetectJdbc::nestedRows),
                nPlusOne("jdbc: three levels", DetectJdbc::threeLevels),
                nPlusOne("jdbc: a tree, by recursion", DetectJdbc::tree),
                nPlusOne("jdbc: a chain of mentors, upwards", DetectJdbc::chain),
                nPlusOne("jdbc: a cache that lets misses through", DetectJdbc::cacheMisses),
                nPlusOne("jdbc: stream().map", DetectJdbc::streamMap),
                nPlusOne("jdbc: a converter to views", DetectJdbc::converter),
                nPlusOne("jdbc: getters that load, called by a serializer", DetectJdbc::serializer),
                nPlusOne("jdbc: a started thread per element", DetectJdbc::startedThreads),
                nPlusOne("jdbc: a parallel stream", DetectJdbc::parallelStream),
                nPlusOne("jdbc: tasks of a pool", DetectJdbc::pool),
                nPlusOne("jdbc: a key of two columns", DetectJdbc::twoColumns),
                nPlusOne("jdbc: a row value as key", DetectJdbc::rowValue),
                nPlusOne("jdbc: lower(email) = lower(?)", DetectJdbc::functionOfKey),
                nPlusOne("jdbc: the key on the left", DetectJdbc::keyOnTheLeft),
                nPlusOne("jdbc: in (?) with one element", DetectJdbc::listOfOne),
                nPlusOne("jdbc: the key in a subquery", DetectJdbc::subquery),
                nPlusOne("jdbc: a function of the key", DetectJdbc::functionCall),
                nPlusOne("jdbc: a trace id as comment in each text", DetectJdbc::comments),
                nPlusOne("jdbc: two texts in turn, by an optional filter", DetectJdbc::twoTexts),
                nPlusOne("jdbc: a key and a constant range", DetectJdbc::keyAndRange),
                nPlusOne("jdbc: a day after the other from a list", DetectJdbc::days),
                nPlusOne("jdbc: the discount at each book's date", DetectJdbc::asOf),
                nPlusOne("jdbc: books within each campaign's period", DetectJdbc::periods),
                nPlusOne("jdbc: select for update of each item", DetectJdbc::locksEach),
                nPlusOne("jdbc: check of each item before one batch of writes", DetectJdbc::checksBeforeWrites));
    }

    /** A repository, as in any application. */
    private record Authors(Connection connection) {
        Optional<String> byId(long id) throws SQLException {
            return texts(connection, AUTHOR, id).stream().findFirst();
        }
    }

    private static void loopOverRows(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, AUTHOR_IDS)) {
                try (PreparedStatement statement = connection.prepareStatement(AUTHOR)) {
                    statement.setLong(1, id);
                    try (ResultSet rows = statement.executeQuery()) {
                        while (rows.next()) {
                            String unused = rows.getString("name");
                        }
                    }
                }
            }
        }
    }

    private static void repositoryInLoop(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            Authors authors = new Authors(connection);
            for (long id : longs(connection, "select author_id from book where price < ? order by id", 30)) {
                Optional<String> unused = authors.byId(id);
            }
        }
    }

    private static void keysFromRequest(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            Authors authors = new Authors(connection);
            for (long id : new long[] {7, 3, 9, 1, 12}) {
                Optional<String> unused = authors.byId(id);
            }
        }
    }

    private static void threeKeys(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            Authors authors = new Authors(connection);
            for (long id : new long[] {7, 3, 9}) {
                Optional<String> unused = authors.byId(id);
            }
        }
    }

    private static void preparedOnce(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection();
                PreparedStatement statement = connection.prepareStatement(AUTHOR)) {
            for (long id : longs(connection, AUTHOR_IDS)) {
                statement.setLong(1, id);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                }
            }
        }
    }

    private static void numbersInText(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            for (long id : longs(connection, AUTHOR_IDS)) {
                try (ResultSet rows = statement.executeQuery("select title from book where author_id = " + id)) {
                    rows.next();
                }
            }
        }
    }

    private static void stringsInText(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            for (String email : texts(connection, "select email from author where mentor_id is not null")) {
                try (ResultSet rows =
                        statement.executeQuery("select id, name from author where email = '" + email + "'")) {
                    rows.next();
                }
            }
        }
    }

    private static void countPerParent(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, AUTHOR_IDS)) {
                long unused = longs(connection, "select count(*) from book where author_id = ?", id)
                        .get(0);
            }
        }
    }

    private static void existsPerParent(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, "select id from book where price > ?", 40)) {
                List<String> unused =
                        texts(connection, "select exists (select 1 from review where book_id = ? and stars = 5)", id);
            }
        }
    }

    private static void newestPerParent(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, AUTHOR_IDS)) {
                List<String> unused = texts(
                        connection, "select title from book where author_id = ? order by published desc limit 1", id);
            }
        }
    }

    private static void interleaved(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, AUTHOR_IDS)) {
                List<String> unusedProfile = texts(connection, "select about from profile where author_id = ?", id);
                List<String> unusedBooks = texts(connection, "select title from book where author_id = ?", id);
            }
        }
    }

    private static void connectionEach(DetectWorld world) throws SQLException {
        List<Long> ids;
        try (Connection connection = world.dataSource.getConnection()) {
            ids = longs(connection, AUTHOR_IDS);
        }
        for (long id : ids) {
            try (Connection connection = world.dataSource.getConnection()) {
                Optional<String> unused = new Authors(connection).byId(id);
            }
        }
    }

    private static void nestedRows(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection();
                Statement outer = connection.createStatement();
                ResultSet authors = outer.executeQuery("select id, name from author");
                PreparedStatement inner = connection.prepareStatement("select title from book where author_id = ?")) {
            while (authors.next()) {
                inner.setLong(1, authors.getLong("id"));
                try (ResultSet books = inner.executeQuery()) {
                    books.next();
                }
            }
        }
    }

    private static void threeLevels(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long author : longs(connection, "select id from author where id <= 3")) {
                for (long book : longs(connection, "select id from book where author_id = ?", author)) {
                    List<Long> unused = longs(connection, "select stars from review where book_id = ?", book);
                }
            }
        }
    }

    private static void tree(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            int unused = walk(connection, 1);
        }
    }

    private static int walk(Connection connection, long parent) throws SQLException {
        int nodes = 1;
        for (long child : longs(connection, "select id from category where parent_id = ? order by id", parent)) {
            nodes += walk(connection, child);
        }
        return nodes;
    }

    private static void chain(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            long id = 9;
            while (id > 0) {
                id = longs(connection, "select mentor_id from author where id = ?", id)
                        .get(0);
            }
        }
    }

    private static void cacheMisses(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            Map<Long, String> cache = new HashMap<>();
            for (long id : longs(connection, "select author_id from book order by id")) {
                if (!cache.containsKey(id)) {
                    cache.put(id, new Authors(connection).byId(id).orElseThrow());
                }
            }
        }
    }

    private static void streamMap(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            List<String> unused = longs(connection, AUTHOR_IDS).stream()
                    .map(id -> nameOf(connection, id))
                    .toList();
        }
    }

    private static String nameOf(Connection connection, long id) {
        try {
            return texts(connection, AUTHOR, id).get(0);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Fills views, as a mapping library would call it. */
    private record Converter(Connection connection) {
        List<String> toViews(List<Long> books) throws SQLException {
            List<String> views = new ArrayList<>();
            for (long book : books) {
                views.add(toView(book));
            }
            return views;
        }

        private String toView(long book) throws SQLException {
            return texts(
                            connection,
                            "select a.name from author a join book b on b.author_id = a.id where b.id = ?",
                            book)
                    .get(0);
        }
    }

    private static void converter(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            List<Long> books = longs(connection, "select id from book order by published desc limit 10");
            List<String> unused = new Converter(connection).toViews(books);
        }
    }

    /** What is made JSON of. */
    @SuppressWarnings("UnusedMethod") // the serializer finds them
    private record LazyBook(Connection connection, long id) {
        String getTitle() {
            return "book " + id;
        }

        List<Long> getStars() throws SQLException {
            return longs(connection, "select stars from review where book_id = ?", id);
        }
    }

    private static void serializer(DetectWorld world) throws Exception {
        try (Connection connection = world.dataSource.getConnection()) {
            StringBuilder json = new StringBuilder();
            for (long id : longs(connection, "select id from book where author_id = ?", 5L)) {
                LazyBook book = new LazyBook(connection, id);
                for (Method getter : LazyBook.class.getDeclaredMethods()) {
                    if (getter.getName().startsWith("get")) {
                        json.append(getter.invoke(book));
                    }
                }
            }
        }
    }

    private static String nameByOwnConnection(DetectWorld world, long id) {
        try (Connection connection = world.dataSource.getConnection()) {
            return nameOf(connection, id);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<Long> authorIds(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            return longs(connection, AUTHOR_IDS);
        }
    }

    private static void startedThreads(DetectWorld world) throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (long id : authorIds(world)) {
            Thread thread = new Thread(() -> {
                String unused = nameByOwnConnection(world, id);
            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private static void parallelStream(DetectWorld world) throws SQLException {
        List<String> unused = authorIds(world).parallelStream()
                .map(id -> nameByOwnConnection(world, id))
                .toList();
    }

    private static void pool(DetectWorld world) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try {
            List<Future<String>> names = new ArrayList<>();
            for (long id : authorIds(world)) {
                names.add(pool.submit(() -> nameByOwnConnection(world, id)));
            }
            for (Future<String> name : names) {
                String unused = name.get();
            }
        } finally {
            pool.shutdown();
        }
    }

    private static void twoColumns(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long book : longs(connection, "select id from book where id <= ?", 8)) {
                List<Long> unused =
                        longs(connection, "select amount from stock where book_id = ? and shop_id = ?", book, book % 3);
            }
        }
    }

    private static void rowValue(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long book : longs(connection, "select id from book where id <= ?", 8)) {
                List<Long> unused =
                        longs(connection, "select amount from stock where (book_id, shop_id) = (?, ?)", book, book % 3);
            }
        }
    }

    private static void functionOfKey(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (String email : List.of("A1@example.org", "A2@example.org", "A3@example.org", "A4@example.org")) {
                List<Long> unused = longs(connection, "select id from author where lower(email) = lower(?)", email);
            }
        }
    }

    private static void keyOnTheLeft(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, AUTHOR_IDS)) {
                List<String> unused = texts(connection, "select title from book where ? = author_id", id);
            }
        }
    }

    private static void listOfOne(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, AUTHOR_IDS)) {
                List<String> unused = texts(connection, "select name from author where id in (?)", id);
            }
        }
    }

    private static void subquery(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, "select id from book where price < ?", 20)) {
                List<String> unused = texts(
                        connection, "select name from author where id = (select author_id from book where id = ?)", id);
            }
        }
    }

    private static void functionCall(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, "select id from book where price < ?", 20)) {
                List<Long> unused = longs(connection, "select price_of(?)", id);
            }
        }
    }

    private static void comments(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, AUTHOR_IDS)) {
                List<String> unused = texts(connection, AUTHOR + " /*traceparent='00-4bf92f-" + id + "-01'*/", id);
            }
        }
    }

    private static void twoTexts(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, AUTHOR_IDS)) {
                String sql = "select title from book where author_id = ?" + (id % 2 == 0 ? " and price > 20" : "");
                List<String> unused = texts(connection, sql, id);
            }
        }
    }

    private static void keyAndRange(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            Date from = Date.valueOf("2026-01-01");
            for (long id : longs(connection, AUTHOR_IDS)) {
                List<String> unused =
                        texts(connection, "select title from book where author_id = ? and published >= ?", id, from);
            }
        }
    }

    private static void days(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (String day : List.of("2025-12-06", "2025-12-11", "2025-12-24", "2026-01-05")) {
                List<String> unused =
                        texts(connection, "select title from book where published = ?", Date.valueOf(day));
            }
        }
    }

    private static void asOf(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (String day : texts(connection, "select published from book where id % 5 = 0 order by title")) {
                List<Long> unused = longs(
                        connection,
                        "select percent from discount where valid_from <= ? order by valid_from desc limit 1",
                        Date.valueOf(day));
            }
        }
    }

    private static void periods(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection();
                Statement statement = connection.createStatement();
                ResultSet campaigns = statement.executeQuery("select starts, ends from campaign order by id")) {
            while (campaigns.next()) {
                List<Long> unused = longs(
                        connection,
                        "select count(*) from book where published between ? and ?",
                        campaigns.getDate("starts"),
                        campaigns.getDate("ends"));
            }
        }
    }

    private static void locksEach(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            connection.setAutoCommit(false);
            for (long id : longs(connection, "select id from account where id <= ? order by id", 6)) {
                List<Long> unused = longs(connection, "select balance from account where id = ? for update", id);
            }
            connection.rollback();
            connection.setAutoCommit(true);
        }
    }

    private static void checksBeforeWrites(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection();
                PreparedStatement write = connection.prepareStatement("insert into note (text) values (?)")) {
            for (String setting : List.of("setting 1", "setting 9", "setting 2", "setting 8")) {
                if (texts(connection, "select value from setting where name = ?", setting)
                        .isEmpty()) {
                    write.setString(1, setting);
                    write.addBatch();
                }
            }
            int[] unused = write.executeBatch();
        }
    }
}
