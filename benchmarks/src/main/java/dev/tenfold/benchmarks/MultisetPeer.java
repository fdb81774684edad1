package dev.tenfold.benchmarks;

import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.multiset;
import static org.jooq.impl.DSL.name;
import static org.jooq.impl.DSL.table;

import dev.tenfold.benchmarks.Feed.Author;
import dev.tenfold.benchmarks.Feed.Page;
import dev.tenfold.benchmarks.Feed.View;
import java.util.List;
import javax.sql.DataSource;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Records;
import org.jooq.SQLDialect;
import org.jooq.Table;
import org.jooq.conf.NestedCollectionEmulation;
import org.jooq.conf.Settings;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;

/** The work by jOOQ's MULTISET: one statement that reads the page's posts, each with its authors nested. */
final class MultisetPeer {
    static final String SETTINGS = "jOOQ " + org.jooq.Constants.FULL_VERSION
            + ", one statement: the page's posts (by page number) with a correlated multiset of authors;"
            + " JSON emulation (the fastest), execution logging off. It reads the posts again, the others do not";

    private static final Table<Record> POST = table(name("post"));
    private static final Field<Long> POST_ID = field(name("post", "id"), SQLDataType.BIGINT);
    private static final Field<Integer> POST_PAGE = field(name("post", "page"), SQLDataType.INTEGER);
    private static final Field<String> POST_TITLE = field(name("post", "title"), SQLDataType.VARCHAR);
    private static final Field<Long> POST_AUTHOR = field(name("post", "author_id"), SQLDataType.BIGINT);

    private static final Table<Record> AUTHOR = table(name("author"));
    private static final Field<Long> ID = field(name("author", "id"), SQLDataType.BIGINT);
    private static final Field<String> NAME = field(name("author", "name"), SQLDataType.VARCHAR);
    private static final Field<Integer> KARMA = field(name("author", "karma"), SQLDataType.INTEGER);
    private static final Field<Long> MENTOR = field(name("author", "mentor_id"), SQLDataType.BIGINT);
    private static final Field<String> ABOUT = field(name("author", "about"), SQLDataType.VARCHAR);

    private final DSLContext jooq;

    MultisetPeer(DataSource dataSource) {
        Settings settings =
                new Settings().withExecuteLogging(false).withEmulateMultiset(NestedCollectionEmulation.JSON);
        jooq = DSL.using(dataSource, SQLDialect.POSTGRES, settings);
    }

    List<View> views(Page page) {
        Field<List<Author>> authors = multiset(
                        DSL.select(ID, NAME, KARMA, MENTOR, ABOUT).from(AUTHOR).where(ID.eq(POST_AUTHOR)))
                .as("authors")
                .convertFrom(rows -> rows.map(Records.mapping(Author::new)));
        return jooq.select(POST_ID, POST_TITLE, authors)
                .from(POST)
                .where(POST_PAGE.eq(page.number()))
                .orderBy(POST_ID)
                .fetch(row -> view(row.value1(), row.value2(), row.value3().get(0)));
    }

    private static View view(Long id, String title, Author author) {
        return new View(id, title, author.name(), author.karma(), author.about());
    }
}
