package dev.tenfold.benchmarks;

import static dev.tenfold.benchmarks.DetectSql.longs;
import static dev.tenfold.benchmarks.DetectSql.texts;
import static dev.tenfold.benchmarks.DetectSql.update;
import static dev.tenfold.benchmarks.DetectTrace.fine;

import java.sql.Array;
import java.sql.Connection;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/** What looks like an N+1 in plain JDBC, and is none by the rule. */
final class DetectJdbcFine {
    private static final int PAGE = 8;

    private DetectJdbcFine() {}

    static List<DetectTrace> traces() {
        return List.of(
                fine("jdbc: keyset pages", DetectJdbcFine::keyset),
                fine("jdbc: keyset pages by two columns", DetectJdbcFine::keysetOfTwo),
                fine("jdbc: keyset pages of one author, or-form", DetectJdbcFine::keysetOrForm),
                fine("jdbc: offset pages", DetectJdbcFine::offset),
                fine("jdbc: chunks by = any(?)", DetectJdbcFine::chunksAny),
                fine("jdbc: chunks by in (?, ?, ?)", DetectJdbcFine::chunksIn),
                fine("jdbc: a tree, a query a level", DetectJdbcFine::levels),
                fine("jdbc: chunks of a range", DetectJdbcFine::rangeChunks),
                fine("jdbc: months of a year", DetectJdbcFine::months),
                fine("jdbc: a table a month", DetectJdbcFine::tableAMonth),
                fine("jdbc: bisection", DetectJdbcFine::bisection),
                fine("jdbc: polls a row", DetectJdbcFine::polls),
                fine("jdbc: reads a setting again and again", DetectJdbcFine::repeatedRead),
                fine("jdbc: a permission, asked for each row", DetectJdbcFine::samePermission),
                fine("jdbc: retries", DetectJdbcFine::retries),
                fine("jdbc: one repository, four places", DetectJdbcFine::fourPlaces),
                fine("jdbc: one repository, three services", DetectJdbcFine::threeServices),
                fine("jdbc: five different statements", DetectJdbcFine::fiveStatements),
                fine("jdbc: a login", DetectJdbcFine::login),
                fine("jdbc: a list of two", DetectJdbcFine::listOfTwo),
                fine("jdbc: locks two accounts", DetectJdbcFine::transfer),
                fine("jdbc: two pages with their counts", DetectJdbcFine::twoPages),
                fine("jdbc: writes in a loop", DetectJdbcFine::writesInLoop),
                fine("jdbc: a batch of writes", DetectJdbcFine::batch),
                fine("jdbc: upserts with returning", DetectJdbcFine::upserts),
                fine("jdbc: nextval before each insert", DetectJdbcFine::sequence),
                fine("jdbc: lastval after each insert", DetectJdbcFine::lastId),
                fine("jdbc: advisory locks in order", DetectJdbcFine::advisoryLocks),
                fine("jdbc: select 1 before each use", DetectJdbcFine::validation),
                fine("jdbc: metadata of three tables", DetectJdbcFine::metadata),
                fine("jdbc: fetch from a cursor", DetectJdbcFine::cursor),
                fine("jdbc: a schema after the other", DetectJdbcFine::schemas),
                fine("jdbc: a schema after the other, each its own key", DetectJdbcFine::schemasWithKeys),
                fine("jdbc: skip locked, a task a time", DetectJdbcFine::skipLocked),
                fine("jdbc: tasks by id, each its own transaction", DetectJdbcFine::tasksById),
                fine("jdbc: slugs until one is free", DetectJdbcFine::slugs));
    }

    private static void keyset(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            long after = 0;
            while (true) {
                List<Long> page =
                        longs(connection, "select id from book where id > ? order by id limit ?", after, PAGE);
                if (page.isEmpty()) {
                    return;
                }
                after = page.get(page.size() - 1);
            }
        }
    }

    private static void keysetOfTwo(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            Date day = Date.valueOf("2030-01-01");
            long id = Long.MAX_VALUE;
            for (int rows = PAGE; rows == PAGE; ) {
                rows = 0;
                try (PreparedStatement statement = connection.prepareStatement("select published, id from book"
                        + " where (published, id) < (?, ?) order by published desc, id desc fetch first 8 rows only")) {
                    statement.setDate(1, day);
                    statement.setLong(2, id);
                    try (ResultSet page = statement.executeQuery()) {
                        while (page.next()) {
                            day = page.getDate(1);
                            id = page.getLong(2);
                            rows++;
                        }
                    }
                }
            }
        }
    }

    private static void keysetOrForm(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            long price = 0;
            long id = 0;
            for (int rows = PAGE; rows == PAGE; ) {
                rows = 0;
                try (PreparedStatement statement = connection.prepareStatement("select price, id from book"
                        + " where price > ? or (price = ? and id > ?) order by price, id limit 8")) {
                    statement.setLong(1, price);
                    statement.setLong(2, price);
                    statement.setLong(3, id);
                    try (ResultSet page = statement.executeQuery()) {
                        while (page.next()) {
                            price = page.getLong(1);
                            id = page.getLong(2);
                            rows++;
                        }
                    }
                }
            }
        }
    }

    private static void offset(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            int from = 0;
            while (!longs(connection, "select id from book order by id limit ? offset ?", PAGE, from)
                    .isEmpty()) {
                from += PAGE;
            }
        }
    }

    private static void chunksAny(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            List<Long> ids = longs(connection, "select id from book order by id");
            for (int from = 0; from < ids.size(); from += PAGE) {
                Array chunk = connection.createArrayOf(
                        "bigint", ids.subList(from, from + PAGE).toArray());
                List<Long> unused = longs(connection, "select stars from review where book_id = any(?)", chunk);
            }
        }
    }

    private static void chunksIn(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            List<Long> ids = longs(connection, "select id from author order by id");
            for (int from = 0; from < ids.size(); from += 3) {
                List<String> unused = texts(
                        connection,
                        "select title from book where author_id in (?, ?, ?)",
                        ids.subList(from, from + 3).toArray());
            }
        }
    }

    private static void levels(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            List<Long> level = List.of(1L);
            while (!level.isEmpty()) {
                Array parents = connection.createArrayOf("bigint", level.toArray());
                level = longs(connection, "select id from category where parent_id = any(?)", parents);
            }
        }
    }

    private static void rangeChunks(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long from = 1; from <= 48; from += PAGE) {
                List<Long> unused =
                        longs(connection, "select price from book where id between ? and ?", from, from + PAGE - 1);
            }
        }
    }

    private static void months(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (int month = 1; month <= 11; month++) {
                List<Long> unused = longs(
                        connection,
                        "select sum(price) from book where published >= ? and published < ?",
                        Date.valueOf("2026-%02d-01".formatted(month)),
                        Date.valueOf("2026-%02d-01".formatted(month + 1)));
            }
        }
    }

    private static void tableAMonth(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (int month = 1; month <= 4; month++) {
                List<Long> unused = longs(
                        connection,
                        "select sum(amount) from sales_2026_%02d where amount > ?".formatted(month),
                        10L * month);
            }
        }
    }

    private static void bisection(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            long low = 0;
            long high = 64;
            while (high - low > 1) {
                long middle = (low + high) / 2;
                long below = longs(connection, "select count(*) from book where id <= ?", middle)
                        .get(0);
                if (below < 20) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
        }
    }

    private static void polls(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (int attempt = 0; attempt < 6; attempt++) {
                if (!texts(connection, "select state from task where id = ?", 1L)
                        .contains("due")) {
                    return;
                }
            }
        }
    }

    private static void repeatedRead(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long unusedBook : longs(connection, "select id from book")) {
                List<String> unused = texts(connection, "select value from setting where name = ?", "setting 3");
            }
        }
    }

    private static void samePermission(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long unusedBook : longs(connection, "select id from book where price > ?", 30)) {
                List<String> unused =
                        texts(connection, "select name from app_role where user_id = ? and name = ?", 4L, "role 4");
            }
        }
    }

    private static void retries(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (int attempt = 0; attempt < 5; attempt++) {
                try {
                    List<Long> unused = longs(connection, "select 1 / (id - 4) from author where id = ?", 4L);
                    return;
                } catch (SQLException e) {
                    if (!"22012".equals(e.getSQLState())) {
                        throw e;
                    }
                }
            }
        }
    }

    /** A repository, as in any application. */
    private record Users(Connection connection) {
        String login(long id) throws SQLException {
            return texts(connection, "select login from app_user where id = ?", id)
                    .get(0);
        }
    }

    private static void fourPlaces(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            Users users = new Users(connection);
            String unusedAuthor = users.login(1);
            String unusedEditor = users.login(2);
            String unusedReviewer = users.login(3);
            String unusedPublisher = users.login(4);
        }
    }

    private static void threeServices(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            Users users = new Users(connection);
            for (int i = 0; i < 3; i++) {
                int unused = update(connection, "insert into note (text) values (?)", "fixture " + i);
            }
            orders(users);
            billing(users);
            shipping(users);
        }
    }

    private static void orders(Users users) throws SQLException {
        String unused = users.login(1);
    }

    private static void billing(Users users) throws SQLException {
        String unused = users.login(2);
    }

    private static void shipping(Users users) throws SQLException {
        String unused = users.login(3);
    }

    private static void fiveStatements(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            List<String> unusedAuthor = texts(connection, "select name from author where id = ?", 1L);
            List<String> unusedBook = texts(connection, "select title from book where id = ?", 2L);
            List<Long> unusedReview = longs(connection, "select stars from review where id = ?", 3L);
            List<Long> unusedStock = longs(connection, "select amount from stock where book_id = ?", 4L);
            List<String> unusedCategory = texts(connection, "select name from category where id = ?", 5L);
        }
    }

    private static void login(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            long id = longs(connection, "select id from app_user where login = ?", "user2")
                    .get(0);
            long tenant = longs(connection, "select tenant_id from app_user where id = ?", id)
                    .get(0);
            List<String> unusedRoles = texts(connection, "select name from app_role where user_id = ?", id);
            List<String> unusedTenant = texts(connection, "select name from tenant where id = ?", tenant);
            int unused = update(connection, "insert into note (text) values (?)", "login");
        }
    }

    private static void listOfTwo(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, "select id from author order by id limit 2")) {
                List<String> unused = texts(connection, "select title from book where author_id = ?", id);
            }
        }
    }

    private static void transfer(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            connection.setAutoCommit(false);
            for (long id : new long[] {3, 8}) {
                List<Long> unused = longs(connection, "select balance from account where id = ? for update", id);
            }
            int unusedFrom = update(connection, "update account set balance = balance - 1 where id = ?", 3L);
            int unusedTo = update(connection, "update account set balance = balance + 1 where id = ?", 8L);
            connection.rollback();
            connection.setAutoCommit(true);
        }
    }

    private static void twoPages(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (int page = 0; page < 2; page++) {
                List<Long> unusedCount = longs(connection, "select count(*) from book where author_id = ?", 2L);
                List<String> unused = texts(
                        connection,
                        "select title from book where author_id = ? order by id limit ? offset ?",
                        2L,
                        2,
                        2 * page);
            }
        }
    }

    private static void writesInLoop(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (long id : longs(connection, "select id from account order by id")) {
                int unused = update(connection, "update account set balance = 1000 where id = ?", id);
            }
        }
    }

    private static void batch(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection();
                PreparedStatement statement = connection.prepareStatement("insert into note (text) values (?)")) {
            for (int chunk = 0; chunk < 4; chunk++) {
                for (int i = 0; i < 10; i++) {
                    statement.setString(1, "note " + i);
                    statement.addBatch();
                }
                int[] unused = statement.executeBatch();
            }
        }
    }

    private static void upserts(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (int i = 1; i <= 5; i++) {
                List<String> unused = texts(
                        connection,
                        "insert into setting (name, value) values (?, ?)"
                                + " on conflict (name) do update set value = excluded.value returning value",
                        "setting " + i,
                        "value " + i);
            }
        }
    }

    private static void sequence(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (int i = 0; i < 5; i++) {
                long id = longs(connection, "select nextval('event_seq')").get(0);
                int unused = update(connection, "insert into event (id, text) values (?, ?)", 1_000_000 + id, "event");
            }
        }
    }

    private static void lastId(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (int i = 0; i < 5; i++) {
                int unused = update(connection, "insert into note (text) values (?)", "note " + i);
                List<Long> unusedId = longs(connection, "select lastval()");
            }
        }
    }

    private static void advisoryLocks(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            connection.setAutoCommit(false);
            for (long key : new long[] {11, 12, 15, 19}) {
                List<String> unused = texts(connection, "select pg_advisory_xact_lock(?)", key);
            }
            connection.rollback();
            connection.setAutoCommit(true);
        }
    }

    private static void validation(DetectWorld world) throws SQLException {
        for (int i = 0; i < 5; i++) {
            try (Connection connection = world.dataSource.getConnection()) {
                List<Long> unused = longs(connection, "select 1");
            }
        }
    }

    private static void metadata(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            for (String table : List.of("author", "book", "review")) {
                try (ResultSet rows = connection.getMetaData().getColumns(null, "public", table, "%")) {
                    while (rows.next()) {
                        String unused = rows.getString("COLUMN_NAME");
                    }
                }
            }
        }
    }

    private static void cursor(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute("declare books cursor for select id from book");
            while (!longs(connection, "fetch 10 from books").isEmpty()) {
                int unused = update(connection, "insert into note (text) values (?)", "fetched");
            }
            connection.rollback();
            connection.setAutoCommit(true);
        }
    }

    private static void schemas(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            for (int tenant = 1; tenant <= 4; tenant++) {
                statement.execute("set search_path to tenant_" + tenant);
                List<Long> unused = longs(connection, "select count(*) from ticket where state = ?", "open");
            }
            statement.execute("set search_path to public");
        }
    }

    private static void schemasWithKeys(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            for (int tenant = 1; tenant <= 4; tenant++) {
                statement.execute("set search_path to tenant_" + tenant);
                List<String> unused = texts(connection, "select state from ticket where id = ?", 100L + tenant);
            }
            statement.execute("set search_path to public");
        }
    }

    private static void skipLocked(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            connection.setAutoCommit(false);
            while (true) {
                List<Long> task = longs(
                        connection,
                        "select id from task where state = ? order by id limit 1 for update skip locked",
                        "due");
                if (task.isEmpty()) {
                    break;
                }
                int unused = update(connection, "update task set state = 'done' where id = ?", task.get(0));
            }
            connection.rollback();
            connection.setAutoCommit(true);
        }
    }

    private static void tasksById(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            connection.setAutoCommit(false);
            for (long id : longs(connection, "select id from task order by id")) {
                if (texts(connection, "select state from task where id = ? for update", id)
                        .contains("due")) {
                    int unused = update(connection, "insert into note (text) values (?)", "task " + id);
                }
                connection.commit();
            }
            connection.setAutoCommit(true);
        }
    }

    private static void slugs(DetectWorld world) throws SQLException {
        try (Connection connection = world.dataSource.getConnection()) {
            String slug = "summer";
            for (int i = 1;
                    !texts(connection, "select slug from link where slug = ?", slug)
                            .isEmpty();
                    i++) {
                slug = "summer-" + i;
            }
        }
    }
}
