package dev.tenfold.benchmarks;

import static dev.tenfold.benchmarks.DetectTrace.fine;
import static dev.tenfold.benchmarks.DetectTrace.nPlusOne;

import java.util.List;
import java.util.Map;
import org.apache.ibatis.annotations.Insert;
import org.apache.ibatis.annotations.Many;
import org.apache.ibatis.annotations.One;
import org.apache.ibatis.annotations.Param;
import org.apache.ibatis.annotations.Result;
import org.apache.ibatis.annotations.Select;
import org.apache.ibatis.mapping.FetchType;
import org.apache.ibatis.session.ExecutorType;
import org.apache.ibatis.session.SqlSession;
import org.jspecify.annotations.Nullable;

/** As people write it with MyBatis. */
final class DetectMyBatis {
    private DetectMyBatis() {}

    static List<DetectTrace> traces() {
        return List.of(
                nPlusOne("mybatis: nested select of one", in(Books::withAuthors)),
                nPlusOne("mybatis: nested select of many", in(Books::authorsWithTitles)),
                nPlusOne("mybatis: lazy nested select", in(DetectMyBatis::lazy)),
                nPlusOne("mybatis: a mapper in a loop", in(DetectMyBatis::mapperInLoop)),
                nPlusOne("mybatis: ids put into the text by ${}", in(DetectMyBatis::substituted)),
                fine("mybatis: foreach", in(books -> books.byAuthors(List.of(1L, 4L, 7L, 9L)))),
                fine("mybatis: foreach, chunk by chunk", in(DetectMyBatis::chunks)),
                fine("mybatis: a join", in(Books::joined)),
                fine("mybatis: pages", in(DetectMyBatis::pages)),
                fine("mybatis: batch executor", DetectMyBatis::batch),
                fine("mybatis: one mapper, three calls", in(DetectMyBatis::threeCalls)));
    }

    /** The statements. */
    interface Books {
        @Select("select id, title, author_id from book")
        @org.apache.ibatis.annotations.Results(
                @Result(property = "author", column = "author_id", one = @One(select = "author")))
        List<Book> withAuthors();

        @Select("select id, title, author_id from book where price < 20")
        @org.apache.ibatis.annotations.Results(
                @Result(
                        property = "author",
                        column = "author_id",
                        one = @One(select = "author", fetchType = FetchType.LAZY)))
        List<Book> withLazyAuthors();

        @Select("select id, name from author where id = #{id}")
        Author author(long id);

        @Select("select id, name from author")
        @org.apache.ibatis.annotations.Results({
            @Result(property = "id", column = "id", id = true),
            @Result(property = "titles", column = "id", many = @Many(select = "titles"))
        })
        List<Author> authorsWithTitles();

        @Select("select title from book where author_id = #{author}")
        List<String> titles(long author);

        @Select("select title from book where author_id = ${author}")
        List<String> titlesOf(@Param("author") long author);

        @Select("<script>select title from book where author_id in"
                + " <foreach collection='ids' item='id' open='(' separator=',' close=')'>#{id}</foreach></script>")
        List<String> byAuthors(@Param("ids") List<Long> ids);

        @Select("select b.title, a.name from book b join author a on a.id = b.author_id")
        List<Map<String, Object>> joined();

        @Select("select id from book order by id limit #{limit} offset #{from}")
        List<Long> page(@Param("limit") int limit, @Param("from") int from);

        @Insert("insert into note (text) values (#{text})")
        void note(String text);
    }

    /** Of a row, and of a nested select. */
    @SuppressWarnings("NullAway.Init") // MyBatis sets the fields
    static class Book {
        private Long id;
        private String title;
        private @Nullable Author author;

        Book() {}

        public Long getId() {
            return id;
        }

        public void setId(Long id) {
            this.id = id;
        }

        public String getTitle() {
            return title;
        }

        public void setTitle(String title) {
            this.title = title;
        }

        public @Nullable Author getAuthor() {
            return author;
        }

        public void setAuthor(@Nullable Author author) {
            this.author = author;
        }
    }

    /** Of a row, and of a nested select. */
    @SuppressWarnings("NullAway.Init") // MyBatis sets the fields
    static class Author {
        private Long id;
        private String name;
        private List<String> titles;

        Author() {}

        public Long getId() {
            return id;
        }

        public void setId(Long id) {
            this.id = id;
        }

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }

        public List<String> getTitles() {
            return titles;
        }

        public void setTitles(List<String> titles) {
            this.titles = titles;
        }
    }

    /** What happens in one session. */
    private interface Work {
        void run(Books books);
    }

    private static DetectTrace.Scenario in(Work work) {
        return world -> {
            try (SqlSession session = world.mybatis.openSession()) {
                work.run(session.getMapper(Books.class));
            }
        };
    }

    private static void lazy(Books books) {
        for (Book book : books.withLazyAuthors()) {
            Author unused = book.getAuthor();
        }
    }

    private static void mapperInLoop(Books books) {
        for (long author : List.of(6L, 2L, 10L, 3L)) {
            List<String> unused = books.titles(author);
        }
    }

    private static void substituted(Books books) {
        for (long author : List.of(6L, 2L, 10L, 3L)) {
            List<String> unused = books.titlesOf(author);
        }
    }

    private static void chunks(Books books) {
        for (long from = 1; from <= 12; from += 3) {
            List<String> unused = books.byAuthors(List.of(from, from + 1, from + 2));
        }
    }

    private static void pages(Books books) {
        for (int from = 0; from < 40; from += 10) {
            List<Long> unused = books.page(10, from);
        }
    }

    private static void batch(DetectWorld world) {
        try (SqlSession session = world.mybatis.openSession(ExecutorType.BATCH)) {
            for (int i = 0; i < 6; i++) {
                session.getMapper(Books.class).note("note " + i);
            }
            session.commit();
        }
    }

    private static void threeCalls(Books books) {
        List<String> unusedFirst = books.titles(1);
        List<String> unusedSecond = books.titles(2);
        List<String> unusedThird = books.titles(3);
    }
}
