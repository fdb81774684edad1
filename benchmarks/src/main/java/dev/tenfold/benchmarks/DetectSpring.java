package dev.tenfold.benchmarks;

import static dev.tenfold.benchmarks.DetectTrace.fine;
import static dev.tenfold.benchmarks.DetectTrace.nPlusOne;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.JdbcTemplate;

/** As people write it with Spring's JDBC, in a transaction and without. */
final class DetectSpring {
    private static final String AUTHOR_IDS = "select id from author order by id";

    private DetectSpring() {}

    static List<DetectTrace> traces() {
        return List.of(
                nPlusOne("spring: queryForObject in a row mapper", DetectSpring::inRowMapper),
                nPlusOne("spring: queryForList per parent, a transaction", DetectSpring::perParent),
                nPlusOne("spring: repository in a stream, no transaction", DetectSpring::noTransaction),
                nPlusOne("spring: named parameters in a loop", DetectSpring::namedInLoop),
                nPlusOne("spring: JdbcClient in a loop", DetectSpring::clientInLoop),
                nPlusOne("spring: count in a row callback", DetectSpring::rowCallback),
                nPlusOne("spring: validation of each item", DetectSpring::validation),
                nPlusOne("spring: a transaction per element", DetectSpring::transactionEach),
                fine("spring: in (:ids)", DetectSpring::namedIn),
                fine("spring: in (:ids) in chunks of unlike size", DetectSpring::namedInChunks),
                fine("spring: batchUpdate", DetectSpring::batchUpdate),
                fine("spring: update in a loop", DetectSpring::updateInLoop),
                fine("spring: keyset pages", DetectSpring::keyset),
                fine("spring: same settings, three times", DetectSpring::sameSettings),
                fine("spring: one repository, three calls", DetectSpring::threeCalls),
                fine("spring: a page and its two lookups", DetectSpring::pageWithLookups));
    }

    /** A repository, as in any application. */
    private record Books(JdbcTemplate spring) {
        List<String> titlesOf(long author) {
            return spring.queryForList("select title from book where author_id = ?", String.class, author);
        }

        @Nullable
        String title(long id) {
            return spring.queryForObject("select title from book where id = ?", String.class, id);
        }
    }

    private static void inRowMapper(DetectWorld world) {
        List<String> unused = world.transaction.execute(status -> world.spring.query(
                "select id, name from author",
                (row, number) -> row.getString("name")
                        + world.spring.queryForObject(
                                "select about from profile where author_id = ?", String.class, row.getLong("id"))));
    }

    private static void perParent(DetectWorld world) {
        Books books = new Books(world.spring);
        world.transaction.executeWithoutResult(status -> {
            for (long author : world.spring.queryForList(AUTHOR_IDS, Long.class)) {
                List<String> unused = books.titlesOf(author);
            }
        });
    }

    private static void noTransaction(DetectWorld world) {
        Books books = new Books(world.spring);
        List<List<String>> unused = world.spring.queryForList(AUTHOR_IDS, Long.class).stream()
                .map(books::titlesOf)
                .toList();
    }

    private static void namedInLoop(DetectWorld world) {
        world.transaction.executeWithoutResult(status -> {
            for (long author : List.of(4L, 2L, 11L, 8L)) {
                List<String> unused = world.named.queryForList(
                        "select title from book where author_id = :author and price < :most",
                        Map.of("author", author, "most", 100),
                        String.class);
            }
        });
    }

    private static void clientInLoop(DetectWorld world) {
        for (long book : world.client
                .sql("select id from book where price < 20")
                .query(Long.class)
                .list()) {
            List<Integer> unused = world.client
                    .sql("select stars from review where book_id = :book")
                    .param("book", book)
                    .query(Integer.class)
                    .list();
        }
    }

    private static void rowCallback(DetectWorld world) {
        world.transaction.executeWithoutResult(status -> world.spring.query("select id from author", row -> {
            Long unused = world.spring.queryForObject(
                    "select count(*) from book where author_id = ?", Long.class, row.getLong(1));
        }));
    }

    private static void validation(DetectWorld world) {
        world.transaction.executeWithoutResult(status -> {
            for (long book : List.of(3L, 17L, 44L)) {
                boolean exists = Boolean.TRUE.equals(world.spring.queryForObject(
                        "select exists (select 1 from book where id = ?)", Boolean.class, book));
                if (!exists) {
                    throw new IllegalArgumentException("no book " + book);
                }
            }
        });
    }

    private static void transactionEach(DetectWorld world) {
        Books books = new Books(world.spring);
        for (long book : world.spring.queryForList("select id from book where price < 20", Long.class)) {
            world.transaction.executeWithoutResult(status -> {
                String unused = books.title(book);
            });
        }
    }

    private static void namedIn(DetectWorld world) {
        List<Long> ids = world.spring.queryForList(AUTHOR_IDS, Long.class);
        List<String> unused = world.named.queryForList(
                "select title from book where author_id in (:ids)", Map.of("ids", ids), String.class);
    }

    private static void namedInChunks(DetectWorld world) {
        List<Long> ids = world.spring.queryForList("select id from book order by id", Long.class);
        for (int from = 0; from < ids.size(); from += 11) {
            List<Long> chunk = ids.subList(from, Math.min(from + 11, ids.size()));
            List<Integer> unused = world.named.queryForList(
                    "select stars from review where book_id in (:ids)", Map.of("ids", chunk), Integer.class);
        }
    }

    private static void batchUpdate(DetectWorld world) {
        List<Object[]> rows = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            rows.add(new Object[] {"note " + i});
        }
        int[] unused = world.spring.batchUpdate("insert into note (text) values (?)", rows);
    }

    private static void updateInLoop(DetectWorld world) {
        world.transaction.executeWithoutResult(status -> {
            for (long id = 1; id <= 6; id++) {
                int unused = world.spring.update("update account set balance = 1000 where id = ?", id);
            }
        });
    }

    private static void keyset(DetectWorld world) {
        long after = 0;
        while (true) {
            List<Long> page = world.spring.queryForList(
                    "select id from book where id > ? order by id limit 10", Long.class, after);
            if (page.isEmpty()) {
                return;
            }
            after = page.get(page.size() - 1);
        }
    }

    private static void sameSettings(DetectWorld world) {
        for (int i = 0; i < 3; i++) {
            String unused =
                    world.spring.queryForObject("select value from setting where name = ?", String.class, "setting 1");
        }
    }

    private static void threeCalls(DetectWorld world) {
        Books books = new Books(world.spring);
        world.transaction.executeWithoutResult(status -> {
            String unusedFirst = books.title(1);
            String unusedSecond = books.title(2);
            String unusedThird = books.title(3);
        });
    }

    private static void pageWithLookups(DetectWorld world) {
        world.transaction.executeWithoutResult(status -> {
            Long unusedCount = world.spring.queryForObject("select count(*) from book", Long.class);
            List<Long> unusedIds =
                    world.spring.queryForList("select id from book order by id limit ? offset ?", Long.class, 10, 20);
            List<String> unusedAuthors = world.named.queryForList(
                    "select name from author where id in (:ids)", Map.of("ids", List.of(6L, 7L)), String.class);
        });
    }
}
