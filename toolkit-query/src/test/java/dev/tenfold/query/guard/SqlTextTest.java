package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.lower;
import static org.jooq.impl.DSL.name;
import static org.jooq.impl.DSL.row;
import static org.jooq.impl.DSL.table;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jooq.Field;
import org.jooq.Query;
import org.jooq.SQLDialect;
import org.jooq.conf.Settings;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SqlTextTest {
    // the normalised form

    @Test
    void case_and_white_space_do_not_matter_outside_of_quotes() {
        assertForm("SELECT  A.Id\n\tFROM\r\n  Author A", "select a.id from author a");
        assertForm("select a from t where x=?and y<=?", "select a from t where x = ? and y <= ?");
        assertForm("select \"A b\", `C`, [D e] from t", "select \"A b\", `C`, [D e] from t");
        assertForm("select \"A \"\" b\" , 1", "select \"A \"\" b\", ?");
        assertForm("insert into t (a,b) values(?,?)", "insert into t(a, b) values (?, ?)");
        assertForm("select count ( * ) from t", "select count(*) from t");
        assertForm("select\u00a0a from\u3000t\ufeff", "select a from t");
        assertForm("", "");
        assertForm(" ; ;", "");
    }

    @Test
    void literals_become_question_marks() {
        assertForm("select 'it''s', 1, 1.5e3, .5, 0x1F, 1_000, 1. from t", "select ?, ?, ?, ?, ?, ?, ? from t");
        assertForm("select E'it\\'s', b'01', X'1F', N'n', u&'\\0041' from t", "select ?, ?, ?, ?, ? from t");
        assertForm("select $$it's$$, $tag$ $$ ' $tag$ from t", "select ?, ? from t");
        assertForm("select date '2020-01-01' from t", "select date ? from t");
        assertForm("where id = $1 and b = :name and c::text = ?", "where id = ? and b = ? and c::text = ?");
        assertForm("select a$b, t1, 1st from t", "select a$b, t1, 1st from t");
        assertForm("select a[1], b[lo:hi] from t", "select a[?], b[lo : hi] from t");
    }

    @Test
    void a_sign_belongs_to_the_number_where_no_operand_stands_before_it() {
        assertForm("where a = -5", "where a = ?");
        assertForm("where a=-5 and b>- 1.5", "where a = ? and b > ?");
        assertForm("select -1, +2, (-3)", "select ?, ?, (?)");
        assertForm("where a - 5 = b -5", "where a - ? = b - ?");
        assertForm("where a between -5 and -1", "where a between ? and ?");
        assertForm("where (a) -5 = ? - 1", "where (a) - ? = ? - ?");
    }

    @Test
    void constants_stay_unless_they_are_compared_or_listed() {
        assertForm("where a is null and b is not true", "where a is null and b is not true");
        assertForm("where a = TRUE and b <> null and c=false", "where a = ? and b <> null and c = ?");
        assertForm("where a in (true, null)", "where a in (...)");
        assertForm("insert into t values (null, 1, default, (true))", "insert into t values (?, ?, ?, (?))");
        assertForm("select null, coalesce(a, false) from t", "select null, coalesce(a, false) from t");
    }

    @Test
    void comments_go_and_hints_stay() {
        assertForm("-- a\nselect /* b */ 1 -- c", "select ?");
        assertForm("select 1 /*traceparent='00-4bf9',route='%2Fbooks'*/", "select ?");
        assertForm("select /*+ Index(T I) */ a from t", "select /*+ Index(T I) */ a from t");
        assertForm("select /* a /* b */ c */ 1", "select ?");
        assertForm("select /* a /* b */ 1", "select ?");
        assertForm("select 1 /* open", "select ?");
        assertForm("select '--', \"/*\" from t", "select ?, \"/*\" from t");
        assertForm("select 1;  -- done\n;", "select ?");
    }

    @Test
    void a_hash_is_a_comment_only_at_the_beginning_of_a_line() {
        assertForm("# report's\nselect 1\n  # it's MySQL\nfrom t", "select ? from t");
        assertForm("select a # b from t", "select a # b from t");
        assertForm("select a\n #>> '{b}' from t", "select a #>> ? from t");
        assertForm("select a\n #- '{b}' from t", "select a #- ? from t");
    }

    @Test
    void a_backslash_escapes_only_if_the_text_makes_no_sense_else() {
        assertForm("select 'a\\', 'b' from t", "select ?, ? from t");
        assertForm("select 'it\\'s', a from t", "select ?, a from t");
        assertForm("select 'a\\'b\\'c', a from t", "select ?, a from t");
        assertForm("select '\\' or \\'' from t", "select ? from t");
        assertForm("select 'C:\\' || a from t", "select ? || a from t");
    }

    @Test
    void what_is_open_goes_to_the_end() {
        assertForm("select 'a from t", "select ?");
        assertForm("select \"a from T", "select \"a from T");
        assertForm("select $x$ from t", "select ?");
        assertForm("select (1, (2", "select (?, (?");
        assertForm("select 1) from t", "select ?) from t");
        assertForm("select a] from [t", "select a] from [ t");
    }

    @Test
    void a_list_has_one_form_and_a_single_element_another() {
        assertForm("where a in (?)", "where a in (?)");
        assertForm("where a IN (?,?)", "where a in (...)");
        assertForm("where a in (1, 2, 'c')", "where a in (...)");
        assertForm("where a not in (?, ?, ?) and b = ?", "where a not in (...) and b = ?");
        assertForm("where (a, b) in ((?, ?), (1, ?))", "where (a, b) in (...)");
        assertForm("where a in (?::bigint, ?::bigint)", "where a in (...)");
        assertForm("where a in (cast(? as int), cast(? as int))", "where a in (...)");
        assertForm("where a = any(array[?, ?, ?])", "where a = any(array[...])");
        assertForm("where a in (b, c)", "where a in (b, c)");
        assertForm("where a in (?, b)", "where a in (?, b)");
        assertForm("where a in (select b from t where c in (1, 2))", "where a in (select b from t where c in (...))");
        assertForm("where a in (...)", "where a in (...)");
    }

    @Test
    void further_rows_of_values_collapse() {
        assertForm("insert into t values (?, ?)", "insert into t values (?, ?)");
        assertForm("insert into t values (?, ?), (?, ?)", "insert into t values (?, ?), ...");
        assertForm(
                "insert into t values (1, now()), (2, ?), (3, (4)) returning a",
                "insert into t values (?, now()), ... returning a");
        assertForm(
                "insert into t values (1) on duplicate key update a = values(a), b = (2)",
                "insert into t values (?) on duplicate key update a = values (a), b = (?)");
    }

    @Test
    void a_long_text_is_cut_but_hashed_as_a_whole() {
        String columns = IntStream.range(0, 1_000).mapToObj(i -> "column_" + i).collect(Collectors.joining(", "));
        SqlText one = SqlText.of("select " + columns + " from a");
        SqlText other = SqlText.of("select " + columns + " from b");

        assertThat(one.normalised()).hasSize(SqlText.MAX_TEXT).isEqualTo(other.normalised());
        assertThat(one.id()).isNotEqualTo(other.id());
    }

    @Test
    void a_parameter_and_a_literal_look_alike_but_are_two_fingerprints() {
        SqlText parameter = SqlText.of("select a from t where id = ?");
        SqlText literal = SqlText.of("select a from t where id = 5");

        assertThat(literal.normalised()).isEqualTo(parameter.normalised());
        assertThat(literal.id()).isNotEqualTo(parameter.id());
        assertThat(literal.id())
                .isEqualTo(SqlText.of("select a from t where id = 6").id());
        assertThat(literal.literals()).isEqualTo(1 << Fingerprint.EQUAL);
        assertThat(parameter.literals()).isZero();
    }

    @Test
    void the_id_is_the_same_in_every_process() {
        assertThat(SqlText.of("select a from t where id = ?").id()).isEqualTo("ae05741a65107a97");
    }

    // roles: e(qual), r(ange), l(imit), o(ffset), k (list of keys), w(ritten), - (other)

    @Test
    void an_equation_is_one_in_whatever_dress() {
        assertRoles("select a from t where id = ?", "e");
        assertRoles("select a from t where ? = id and \"T\".\"A\"=? and [b]=?", "eee");
        assertRoles("select a from t where lower(name) = lower(?) and b = upper(trim(?))", "ee");
        assertRoles("select a from t where id = ?::bigint and b = cast(? as numeric(10, 2)) and ?::int[] = c", "eee");
        assertRoles("select a from t where id = (?) and ((?) = b)", "ee");
        assertRoles("select a from t where a = coalesce(?, a) and b = ifnull(?, 0)", "ee");
        assertRoles("select a from t where (a, b) = (?, ?) and (?, ?) = (c, d)", "eeee");
        assertRoles("select a from t where id in (?) and (a, b) in ((?, ?))", "eee");
        assertRoles("select a from t where a is not distinct from ? and b <=> ?", "ee");
        assertRoles("select a from t join u on t.id = u.id and u.x = ? left join v on ? = v.y", "ee");
        assertRoles("select a from t where a = b + ? or a = -? or date_trunc('day', d) = ?", "eee");
        assertRoles("select a from t where d -> 'x' ->> 'y' = ? and count(*) filter (where b = ?) = ?", "eee");
        assertRoles("select case when a = ? then ? else ? end from t", "e--");
        assertRoles("select * from orders_of(?) o, lateral f.lines_of(?, ?)", "eee");
    }

    @Test
    void ranges_of_all_kinds() {
        assertRoles("select a from t where a < ? and ? > b and c>=? and d <= ?", "rrrr");
        assertRoles("select a from t where a between ? and ? and b = ?", "rre");
        assertRoles("select a from t where a not between ? and ? or ? between b and c", "rrr");
        assertRoles("select a from t where (a, b) > (?, ?) and (c) < ?", "rrr");
        assertRoles("select a from t where d > now() - ? * interval '1 day' and d < ? - interval '1 day'", "rr");
        assertRoles("select a from t where (a < ? or (a = ? and id > ?))", "rer");
        assertRoles("select a from t where d between ?::date and cast(? as date) and e = ?", "rre");
        assertRoles("select a from t group by a having count(*) > ?", "r");
    }

    @Test
    void limits_and_offsets() {
        assertRoles("select a from t limit ?", "l");
        assertRoles("select a from t where b = ? limit ? offset ?", "elo");
        assertRoles("select a from t limit ?, ?", "ol");
        assertRoles("select a from t limit (?) offset ?::bigint", "lo");
        assertRoles("select a from t where b = ? offset ? rows fetch next ? rows only", "eol");
        assertRoles("select a from t fetch first ? rows with ties", "l");
        assertRoles("select top (?) a from t where b = ?", "le");
        assertRoles("select top ? a from t", "l");
        assertRoles("select * from (select a from t) where rownum <= ?", "l");
        assertRoles("select a.limit, a.top from t a where a.offset = ? and limit = ?", "ee");
    }

    @Test
    void lists_of_keys() {
        assertRoles("select a from t where id in (?, ?) and b = ?", "kke");
        assertRoles("select a from t where (a, b) in ((?, ?), (?, ?))", "kkkk");
        assertRoles("select a from t where id = any(?) and b = ANY ( ?::bigint[] )", "kk");
        assertRoles("select a from t where id = any(array[?, ?]) and b = some(cast(? as bigint array))", "kkk");
        assertRoles("select a from t where id in (select unnest(?)) or id in (select * from unnest(?, ?))", "kkk");
        assertRoles("select a from t join unnest(?::bigint[], ?::int[]) k(a, b) using (a, b)", "kk");
        assertRoles("select a from t join (values (?, ?), (?, ?)) k(a, b) on t.a = k.a", "kkkk");
        assertRoles("select a from t join table(id bigint = ?) k on k.id = t.id", "k");
        assertRoles(
                "select a from t where id in (select id from json_table(?, '$[*]' columns (id int path '$')) x)", "k");
    }

    @Test
    void what_is_written() {
        assertRoles("insert into t (a, b) values (?, lower(?)), (?, ?)", "wwww");
        assertRoles("insert into t select ?, ?, a from u where b = ?", "wwe");
        assertRoles(
                "insert into t (a) values (?) on conflict (a) do update set a = ?, n = t.n + ? where t.v < ?", "wwwr");
        assertRoles("insert into t (a) values (?) on duplicate key update a = values(a), b = ?", "ww");
        assertRoles("update t set a = ?, b = coalesce(?, b), n = n + ? where id = ? and v < ?", "wwwer");
        assertRoles("update t set (a, b) = (?, ?) where id = ?", "wwe");
        assertRoles("update t join u on t.a = u.a and u.b = ? set t.c = ? where u.d in (?, ?)", "ewkk");
        assertRoles("update t set a = (select max(b) from u where u.c = ?) where id = ?", "ee");
        assertRoles("delete from t where a = ? and d < ?", "er");
        assertRoles(
                "merge into t using (values (?, ?)) s(a, b) on t.a = s.a when matched then update set b = ?", "www");
    }

    @Test
    void all_else_is_other() {
        assertRoles("select ?, f(?) from t", "--");
        assertRoles("select a from t where a like ? and b ilike ? || '%' escape ?", "---");
        assertRoles("select a from t where a <> ? and b != ? and c is distinct from ?", "---");
        assertRoles("select a from t where a not in (?, ?) and b <> all(?) and c not in (?)", "----");
        assertRoles("select a from t where a @> ? and b && array[?] and c ~ ? and d ->> ? = 'x'", "----");
        assertRoles("select a from t where f(b, ?) = 1 and a[?] = 2 and (? is null)", "---");
        assertRoles("select a from t order by ?, field(id, ?)", "--");
        assertRoles("{call f(?, ?)}", "--");
        assertRoles("a like (?||'%') or b like concat('%', ?, '%')", "--");
    }

    @Test
    void operators_with_question_marks_are_no_parameters() {
        assertRoles("select a from t where d ?? 'x' and d ??| ? and d ??& array['x'] and e = ?", "-e");
        assertRoles("select a from t where d ?| array['a'] and d ?& array['b'] and d ? 'c'", "");
        assertRoles("select a from t where d ->> 'x' ? 'c' and e @?? '$.a'", "");
        assertRoles("select ?|1, ? || 'x', a from t where ?||b = c", "--e");
        assertRoles("select '?', \"?\", $$?$$ /* ? */ from t -- ?", "");
    }

    // what it is and what it does

    @Test
    void only_what_surely_changes_nothing_is_a_select() {
        assertKind(
                StatementKind.SELECT,
                "select 1",
                " ( (select 1) union (select 2) )",
                "/* x */ SELECT 1;",
                "values (1)");
        assertKind(StatementKind.SELECT, "table t", "with a as (select 1), b as (select 2) select * from a, b");
        assertKind(StatementKind.SELECT, "select a from t for update", "select t.delete, \"insert\" from t");
        assertKind(StatementKind.SELECT, "select a from t for no key update of t skip locked", "select 'into', 'a;b'");
        assertKind(StatementKind.OTHER, "with a as (delete from t returning *) select * from a");
        assertKind(StatementKind.OTHER, "select * from (with a as (update t set b = 1 returning *) select 1) x");
        assertKind(StatementKind.OTHER, "with a as (select 1) insert into t select * from a");
        assertKind(StatementKind.OTHER, "select * from final table (insert into t values (1))");
        assertKind(StatementKind.OTHER, "select a into b from t", "select a from t into outfile '/x'");
        assertKind(StatementKind.OTHER, "select 1; select 2", "explain select 1", "", "(", "select 1 /*! into x */");
        assertKind(StatementKind.OTHER, "merge into t using u on 1 = 1", "call f()", "create table t (a int)", "begin");
        assertKind(StatementKind.INSERT, "insert into t values (1)", "replace into t values (1)");
        assertKind(StatementKind.UPDATE, "update t set a = 1");
        assertKind(StatementKind.DELETE, "DELETE FROM t");
    }

    @Test
    void several_statements_are_seen() {
        assertThat(SqlText.of("select 1;; select 2").several()).isTrue();
        assertThat(SqlText.of("select ';';; -- ; x\n").several()).isFalse();
    }

    @Test
    void locks_are_seen() {
        for (String lock :
                List.of("for update", "for share", "for no key update", "for key share", "lock in share mode")) {
            assertThat(SqlText.of("select a from t where id = ? " + lock).locks())
                    .as(lock)
                    .isTrue();
        }
        assertThat(SqlText.of("select substring(a from 1 for 2) from t").locks())
                .isFalse();
    }

    @Test
    void only_the_outermost_limit_counts() {
        for (String limit : List.of(
                "limit 10", "limit ?", "limit ?, ?", "fetch first row only", "offset 5 rows fetch next ? rows only")) {
            assertThat(SqlText.of("select a from t where id > ? " + limit).limited())
                    .as(limit)
                    .isTrue();
        }
        assertThat(SqlText.of("select top 5 a from t").limited()).isTrue();
        assertThat(SqlText.of("(select a from t limit 5)").limited()).isTrue();
        assertThat(SqlText.of("select a from t where b = ? and exists (select 1 from u limit 1)")
                        .limited())
                .isFalse();
        assertThat(SqlText.of("select a.limit, a.top from t where fetch = first")
                        .limited())
                .isFalse();
        assertThat(SqlText.of("select a from t limit all").limited()).isFalse();
    }

    @Test
    void a_list_of_constants_beside_a_key_is_no_batch() {
        assertThat(SqlText.of("select a from t where id in (?, ?)").batched()).isTrue();
        assertThat(SqlText.of("select a from t where id in (1, 2)").batched()).isTrue();
        assertThat(SqlText.of("select a from t where id in (...)").batched()).isTrue();
        assertThat(SqlText.of("select a from t where id = any('{1,2}')").batched())
                .isTrue();
        assertThat(SqlText.of("select a from t where author = ? and state in ('A', 'B')")
                        .batched())
                .isFalse();
        assertThat(SqlText.of("select a from t where author = ? and state not in (?, ?)")
                        .batched())
                .isFalse();
        assertThat(SqlText.of("select a from t where id in (?)").batched()).isFalse();
    }

    @Test
    void a_comment_asks_to_be_ignored() {
        SqlText ignored = SqlText.of("select 1 /* x tenfold:ignore: nightly */ from t");

        assertThat(ignored.ignored()).isTrue();
        assertThat(ignored.id()).isNotEqualTo(SqlText.of("select 1 from t").id());
        assertThat(SqlText.of("select 1 -- tenfold:ignore").ignored()).isTrue();
        assertThat(SqlText.of("/* a */ select 'tenfold:ignore' /* b */").ignored())
                .isFalse();
    }

    // what others render

    @Test
    void texts_of_hibernate_spring_data_and_mybatis() {
        assertRoles("select b1_0.id,b1_0.author_id,b1_0.title from book b1_0 where b1_0.author_id=?", "e");
        assertRoles("select a1_0.id,a1_0.name from author a1_0 where a1_0.id = any (?)", "k");
        assertRoles("select a1_0.id from author a1_0 where a1_0.id in (?,?,?,?)", "kkkk");
        assertRoles(
                "select b1_0.id from book b1_0 where lower(b1_0.title) like lower(?) escape '\\' order by b1_0.id offset ? rows fetch first ? rows only",
                "-ol");
        assertRoles(
                "select b1_0.id from book b1_0 where (b1_0.deleted = false) and b1_0.author_id=? fetch first ? rows only",
                "el");
        assertRoles("update book set title=?,version=? where id=? and version=?", "wwee");
        assertRoles("insert into book (author_id,title,version,id) values (?,?,?,default)", "www");
        assertRoles("select next value for book_seq", "");
        assertRoles("select nextval('book_seq')", "");
        assertRoles("select b1_0.id from book b1_0 where (?||b1_0.title)=? and b1_0.id in ((?),(?))", "eekk");
        assertRoles("SELECT \"book\".\"id\" AS \"id\" FROM \"book\" WHERE \"book\".\"author\" = ? LIMIT 1", "e");
        assertRoles(
                "SELECT id, title\n         FROM book\n         WHERE  author_id = ?\n \n AND title like CONCAT('%', ?, '%')",
                "e-");
        assertRoles(
                "select `b`.`id` from `book` as `b` where (`b`.`title`, `b`.`id`) > (?, ?) order by `b`.`id` limit ?",
                "rrl");
    }

    @Test
    void texts_of_jooq() {
        Field<Long> id = field(name("t", "id"), SQLDataType.BIGINT);
        Field<String> title = field(name("t", "title"), SQLDataType.VARCHAR);
        var t = table(name("t"));
        for (SQLDialect dialect : List.of(SQLDialect.POSTGRES, SQLDialect.MYSQL, SQLDialect.MARIADB, SQLDialect.H2)) {
            for (Settings settings : List.of(new Settings(), new Settings().withRenderFormatted(true))) {
                var dsl = DSL.using(dialect, settings);
                boolean offsetFirst = dialect != SQLDialect.MYSQL;
                assertRoles(dsl.select(id).from(t).where(id.eq(5L)), "e");
                assertRoles(dsl.select(id).from(t).where(id.in(5L)), "e");
                assertRoles(dsl.select(id).from(t).where(id.in(5L, 6L, 7L)), "kkk");
                assertRoles(
                        dsl.select(id).from(t).where(lower(title).eq(lower("x")).and(id.between(1L, 2L))), "err");
                assertRoles(dsl.select(id).from(t).where(id.ne(5L).and(title.notIn("a", "b"))), "---");
                assertRoles(dsl.select(id).from(t).orderBy(id).limit(5).offset(10), offsetFirst ? "ol" : "lo");
                assertRoles(
                        dsl.select(id).from(t).orderBy(title, id).seek("x", 5L).limit(3), "rrl");
                assertRoles(
                        dsl.select(id).from(t).where(row(title, id).in(List.of(row("a", 1L), row("b", 2L)))), "kkkk");
                assertRoles(dsl.update(t).set(title, "x").where(id.eq(5L)), "we");
                assertRoles(dsl.deleteFrom(t).where(id.eq(5L)), "e");
                assertRoles(dsl.insertInto(t, id, title).values(1L, "a").values(2L, "b"), "wwww");
            }
        }
        var postgres = DSL.using(SQLDialect.POSTGRES);
        assertRoles(postgres.select(id).from(t).where(id.eq(DSL.any(1L, 2L))), "k");
        assertRoles(
                postgres.insertInto(t, id, title)
                        .values(1L, "a")
                        .onDuplicateKeyUpdate()
                        .set(title, "b"),
                "www");
        assertRoles(
                DSL.using(SQLDialect.MYSQL)
                        .insertInto(t, id, title)
                        .values(1L, "a")
                        .onDuplicateKeyUpdate()
                        .set(title, "b"),
                "www");
        assertThat(SqlText.of(postgres.select(id)
                                .from(t)
                                .where(id.eq(5L))
                                .forUpdate()
                                .getSQL())
                        .locks())
                .isTrue();
    }

    // numbered

    @Test
    void parameters_are_numbered_and_nothing_else_changes() {
        assertThat(SqlText.numbered("select '?', \"?\" /* ? */ from t where a=? and b ??| ? and c = ?::int -- ?"))
                .isEqualTo("select '?', \"?\" /* ? */ from t where a=$1 and b ?| $2 and c = $3::int -- ?");
        assertThat(SqlText.numbered("select 1")).isEqualTo("select 1");
        assertThat(SqlText.numbered("where d ?? 'a' and e ?| array['x'] and f=?"))
                .isEqualTo("where d ? 'a' and e ?| array['x'] and f=$1");
    }

    @Test
    void postgres_prepares_what_is_numbered() throws SQLException {
        PostgresServer server = PostgresServer.shared();
        try (Connection connection = server.dataSource(server.createDatabase()).getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("create table t (id bigint, name text, d jsonb, tags text[], at timestamptz)");
            for (String sql : List.of(
                    "select * from t where id = ? and lower(name) = lower(?) -- it's ?",
                    "select * from t where d ?? 'a' and d ??| ? and d ??& array['x'] and name = E'\\'?'",
                    "select * from t where id = any(?) and name like (?||'%') limit ? offset ?",
                    "select * from t where at > now() - ? * interval '1 day' and d #>> '{a}' = ? and id # 1 = ?",
                    "select * from t /* /* ? */ ? */ where id=-?::bigint and $$?$$ = name and tags[?] = ?",
                    "insert into t (id, name) values (?, '\\'), (?, ?)")) {
                SqlText text = SqlText.of(sql);
                statement.execute("prepare p as " + text.numbered());
                try (var found = statement.executeQuery(
                        "select cardinality(parameter_types) from pg_prepared_statements where name = 'p'")) {
                    assertThat(found.next()).isTrue();
                    assertThat(found.getInt(1)).as(sql).isEqualTo(text.parameters());
                }
                statement.execute("deallocate p");
            }
        }
    }

    // any text

    @Test
    void any_soup_of_tokens_is_read() {
        String[] soup =
                ("select|from|where|and|or|not|in|in (|(|)|(|)|,|,|?|?|??|?||?&|'a'|'|''|\\|\"|\"A\"|`|`b`|[|]|[c]|$1|$$|$t$|:n|:|::|.|...|;"
                                + "|=|<|>|<=|-|--|+|#|#>|*|/|/*|*/|/*+|/*!|@|!|%|1|1.5|.5|1e|0x|5x|-1|null|true|default|values|values (|array[|any(|all|unnest(|"
                                + "between|like|limit|offset|fetch|first|top|rownum|case|when|then|end|set|update|insert|into|delete|with|as|(select|for|key|is|"
                                + "distinct|cast(|t|a|A1|É|İ|e'|u&'|{|}|\n|\r|\t| |\0|\ud83d|\ude00|tenfold:ignore|union|on|join|order by")
                        .split("\\|", -1);
        long seed = ThreadLocalRandom.current().nextLong();
        Random random = new Random(seed);
        for (int run = 0; run < 100_000; run++) {
            StringBuilder sql = new StringBuilder();
            for (int i = random.nextInt(24); i >= 0; i--) {
                sql.append(soup[random.nextInt(soup.length)]);
                if (random.nextInt(3) > 0) sql.append(' ');
            }
            String what = "seed " + seed + ", run " + run + ": " + sql;
            SqlText text = SqlText.of(sql.toString());
            SqlText again = SqlText.of(text.normalised());
            if (!again.normalised().equals(text.normalised())) {
                assertThat(again.normalised()).as(what).isEqualTo(text.normalised());
            }
            if (again.kind() != text.kind() && text.kind() == StatementKind.SELECT) {
                assertThat(again.kind()).as(what).isEqualTo(text.kind());
            }
            if (text.roles().length != text.parameters())
                assertThat(text.roles()).as(what).hasSize(text.parameters());
        }
    }

    @Test
    void white_space_comments_case_and_literals_do_not_change_the_fingerprint() {
        String[] statements = {
            "SELECT a . id , \"B\" FROM t AS a JOIN u ON a . x = u . y WHERE a . id = # AND b > # AND c IS NULL LIMIT #",
            "SELECT * FROM t WHERE a IN ( #, #, # ) AND ( b , c ) = ( # , # ) AND d = ? ORDER BY lower ( e ) DESC ;",
            "INSERT INTO t ( a , b ) VALUES ( # , ? ) , ( # , ? ) ON CONFLICT ( a ) DO UPDATE SET b = excluded . b",
            "UPDATE t SET a = a + # , b = ? WHERE id = # AND c :: text <> # AND d BETWEEN # AND ?",
            "WITH x AS ( SELECT a FROM t WHERE b = # ) SELECT count ( * ) FROM x WHERE y || # LIKE ? OFFSET # ROWS"
        };
        String[] spaces = {" ", "\n", "\t ", " /* c */ ", "\n-- c\n", "/*c*/", " /* a /* b */ c */\r\n"};
        String[] literals = {
            "1", "'x'", "-5", "'it''s'", "1.5e-3", "$$a b$$", "$q$'$q$", "E'\\''", "0x1f", "'?'", "'/*'", "'--'"
        };
        long seed = ThreadLocalRandom.current().nextLong();
        Random random = new Random(seed);
        for (String statement : statements) {
            String id = null;
            for (int run = 0; run < 500; run++) {
                StringBuilder sql = new StringBuilder();
                for (String token : statement.replace("#,", "# ,").split(" ", -1)) {
                    String text = token.equals("#") ? literals[random.nextInt(literals.length)] : token;
                    boolean lower = random.nextBoolean() && text.chars().allMatch(c -> c >= 'A' && c <= 'Z');
                    sql.append(lower ? text.toLowerCase(Locale.ROOT) : text)
                            .append(spaces[random.nextInt(spaces.length)]);
                }
                SqlText read = SqlText.of(sql.toString());
                if (id == null) id = read.id();
                assertThat(read.id()).as("seed %s: %s", seed, sql).isEqualTo(id);
                long marks = statement.chars().filter(c -> c == '?').count();
                assertThat(read.parameters()).isEqualTo((int) marks);
                assertThat(SqlText.of(read.numbered()).parameters()).isZero();
                assertThat(read.numbered()).doesNotContain("$" + (marks + 1));
                if (marks > 0) assertThat(read.numbered()).contains("$" + marks);
            }
        }
    }

    @Test
    void time_grows_with_the_length_and_depth_costs_nothing() {
        int length = 200_000;
        for (String part : List.of(
                "(",
                ")",
                "in (",
                "in (1,",
                "/* ",
                "/* */",
                "'",
                "''",
                "$a$",
                "$a",
                "[a",
                "?",
                "? +",
                "f(",
                "f(a,",
                "-",
                "#\n",
                "and ",
                "between ",
                "values (1),",
                ", (1)",
                "\\",
                "\\'",
                "::a",
                "a.",
                "1",
                "1_",
                "1,",
                "tenfold:ignore",
                "/*x*/",
                "case ",
                "\"",
                ";")) {
            String sql = part.repeat(length / part.length());
            assertTimeout(Duration.ofSeconds(5), () -> SqlText.of(sql), () -> "repeated: " + part);
        }
    }

    private static void assertForm(String sql, String form) {
        String found = SqlText.of(sql).normalised();
        assertThat(found).as(sql).isEqualTo(form);
        assertThat(SqlText.of(found).normalised()).as("again: " + sql).isEqualTo(form);
    }

    private static void assertRoles(Query query, String roles) {
        assertRoles(query.getSQL(), roles);
    }

    private static void assertRoles(String sql, String roles) {
        byte[] found = SqlText.of(sql).roles();
        StringBuilder letters = new StringBuilder();
        for (byte role : found) letters.append("-erlokw".charAt(role));
        assertThat(letters.toString()).as(sql + " " + Arrays.toString(found)).isEqualTo(roles);
    }

    private static void assertKind(StatementKind kind, String... texts) {
        for (String sql : texts) assertThat(SqlText.of(sql).kind()).as(sql).isEqualTo(kind);
    }
}
