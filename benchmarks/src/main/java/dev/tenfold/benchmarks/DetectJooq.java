package dev.tenfold.benchmarks;

import static dev.tenfold.benchmarks.DetectTrace.fine;
import static dev.tenfold.benchmarks.DetectTrace.nPlusOne;
import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.multiset;
import static org.jooq.impl.DSL.name;
import static org.jooq.impl.DSL.select;
import static org.jooq.impl.DSL.table;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Query;
import org.jooq.Record;
import org.jooq.Record1;
import org.jooq.Result;
import org.jooq.Table;
import org.jooq.conf.Settings;
import org.jooq.conf.StatementType;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;

/** As people write it with jOOQ, in a transaction and without. */
final class DetectJooq {
    private static final Table<Record> AUTHOR = table(name("author"));
    private static final Field<Long> AUTHOR_ID = field(name("author", "id"), SQLDataType.BIGINT);
    private static final Field<String> AUTHOR_NAME = field(name("author", "name"), SQLDataType.VARCHAR);
    private static final Table<Record> BOOK = table(name("book"));
    private static final Field<Long> BOOK_ID = field(name("book", "id"), SQLDataType.BIGINT);
    private static final Field<Long> BOOK_AUTHOR = field(name("book", "author_id"), SQLDataType.BIGINT);
    private static final Field<String> TITLE = field(name("book", "title"), SQLDataType.VARCHAR);
    private static final Field<Integer> PRICE = field(name("book", "price"), SQLDataType.INTEGER);
    private static final Table<Record> NOTE = table(name("note"));
    private static final Field<String> TEXT = field(name("text"), SQLDataType.VARCHAR);

    private DetectJooq() {}

    static List<DetectTrace> traces() {
        return List.of(
                nPlusOne("jooq: fetchOne in a loop, a transaction", DetectJooq::fetchOne),
                nPlusOne("jooq: fetch in a loop, no transaction", DetectJooq::noTransaction),
                nPlusOne("jooq: inlined values", DetectJooq::inlined),
                nPlusOne("jooq: fetchCount per parent", DetectJooq::fetchCount),
                nPlusOne("jooq: fetchExists per parent", DetectJooq::fetchExists),
                nPlusOne("jooq: newest per parent", DetectJooq::newest),
                nPlusOne("jooq: in a record mapper", DetectJooq::recordMapper),
                nPlusOne("jooq: plain SQL in a loop", DetectJooq::plainSql),
                fine("jooq: multiset", DetectJooq::nested),
                fine("jooq: in of all keys", DetectJooq::inAll),
                fine("jooq: in, by chunks", DetectJooq::inChunks),
                fine("jooq: seek pages", DetectJooq::seek),
                fine("jooq: offset pages", DetectJooq::offset),
                fine("jooq: insert in a loop", DetectJooq::insertInLoop),
                fine("jooq: a batch", DetectJooq::batch),
                fine("jooq: same query again", DetectJooq::same),
                fine("jooq: one repository, three calls", DetectJooq::threeCalls));
    }

    private static List<Long> authorIds(DSLContext jooq) {
        return jooq.select(AUTHOR_ID).from(AUTHOR).orderBy(AUTHOR_ID).fetch(AUTHOR_ID);
    }

    private static Result<Record1<String>> titlesOf(DSLContext jooq, long author) {
        return jooq.select(TITLE).from(BOOK).where(BOOK_AUTHOR.eq(author)).fetch();
    }

    private static void fetchOne(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            DSLContext jooq = transaction.dsl();
            for (long author :
                    jooq.select(BOOK_AUTHOR).from(BOOK).where(PRICE.lt(30)).fetch(BOOK_AUTHOR)) {
                Record unused = jooq.select(AUTHOR_NAME)
                        .from(AUTHOR)
                        .where(AUTHOR_ID.eq(author))
                        .fetchOne();
            }
        });
    }

    private static void noTransaction(DetectWorld world) {
        for (long author : authorIds(world.jooq)) {
            Result<?> unused = titlesOf(world.jooq, author);
        }
    }

    private static void inlined(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            DSLContext jooq = DSL.using(transaction.derive(
                    new Settings().withExecuteLogging(false).withStatementType(StatementType.STATIC_STATEMENT)));
            for (long author : authorIds(jooq)) {
                Result<?> unused = titlesOf(jooq, author);
            }
        });
    }

    private static void fetchCount(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            for (long author : authorIds(transaction.dsl())) {
                int unused = transaction.dsl().fetchCount(BOOK, BOOK_AUTHOR.eq(author));
            }
        });
    }

    private static void fetchExists(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            for (long author : List.of(2L, 5L, 40L)) {
                boolean unused = transaction.dsl().fetchExists(BOOK, BOOK_AUTHOR.eq(author));
            }
        });
    }

    private static void newest(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            for (long author : authorIds(transaction.dsl())) {
                String unused = transaction
                        .dsl()
                        .select(TITLE)
                        .from(BOOK)
                        .where(BOOK_AUTHOR.eq(author))
                        .orderBy(BOOK_ID.desc())
                        .limit(1)
                        .fetchOne(TITLE);
            }
        });
    }

    private static void recordMapper(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            List<List<String>> unused = transaction
                    .dsl()
                    .select(AUTHOR_ID)
                    .from(AUTHOR)
                    .fetch(row -> titlesOf(transaction.dsl(), row.value1()).getValues(TITLE));
        });
    }

    private static void plainSql(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            for (long author : authorIds(transaction.dsl())) {
                Result<Record> unused =
                        transaction.dsl().fetch("select about from profile where author_id = {0}", DSL.val(author));
            }
        });
    }

    private static void nested(DetectWorld world) {
        Result<?> unused = world.jooq
                .select(AUTHOR_NAME, multiset(select(TITLE).from(BOOK).where(BOOK_AUTHOR.eq(AUTHOR_ID))))
                .from(AUTHOR)
                .fetch();
    }

    private static void inAll(DetectWorld world) {
        Map<Long, Result<Record>> unused = world.jooq
                .select()
                .from(BOOK)
                .where(BOOK_AUTHOR.in(authorIds(world.jooq)))
                .fetchGroups(BOOK_AUTHOR);
    }

    private static void inChunks(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            List<Long> ids = authorIds(transaction.dsl());
            for (int from = 0; from < ids.size(); from += 4) {
                Result<?> unused = transaction
                        .dsl()
                        .select(TITLE)
                        .from(BOOK)
                        .where(BOOK_AUTHOR.in(ids.subList(from, from + 4)))
                        .fetch();
            }
        });
    }

    private static void seek(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            long after = 0;
            while (true) {
                List<Long> page = transaction
                        .dsl()
                        .select(BOOK_ID)
                        .from(BOOK)
                        .orderBy(BOOK_ID)
                        .seek(after)
                        .limit(10)
                        .fetch(BOOK_ID);
                if (page.isEmpty()) {
                    return;
                }
                after = page.get(page.size() - 1);
            }
        });
    }

    private static void offset(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            int from = 0;
            while (transaction
                    .dsl()
                    .select(BOOK_ID)
                    .from(BOOK)
                    .orderBy(BOOK_ID)
                    .limit(10)
                    .offset(from)
                    .fetch()
                    .isNotEmpty()) {
                from += 10;
            }
        });
    }

    private static void insertInLoop(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            for (int i = 0; i < 6; i++) {
                int unused = transaction
                        .dsl()
                        .insertInto(NOTE, TEXT)
                        .values("note " + i)
                        .execute();
            }
        });
    }

    private static void batch(DetectWorld world) {
        List<Query> queries = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            queries.add(world.jooq.insertInto(NOTE, TEXT).values("note " + i));
        }
        int[] unused = world.jooq.batch(queries).execute();
    }

    private static void same(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            for (int i = 0; i < 5; i++) {
                Result<?> unused = titlesOf(transaction.dsl(), 7);
            }
        });
    }

    private static void threeCalls(DetectWorld world) {
        world.jooq.transaction(transaction -> {
            Result<?> unusedFirst = titlesOf(transaction.dsl(), 1);
            Result<?> unusedSecond = titlesOf(transaction.dsl(), 2);
            Result<?> unusedThird = titlesOf(transaction.dsl(), 3);
        });
    }
}
