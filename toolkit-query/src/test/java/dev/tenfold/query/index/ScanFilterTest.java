package dev.tenfold.query.index;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is read from filters as PostgreSQL 12 to 18 render them, and that nothing is read into others. */
class ScanFilterTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "(o.customer_id = $1) | EQUAL customer_id",
                "($1 = o.customer_id) | EQUAL customer_id",
                "((o.a = $1) AND (o.b > 5) AND (o.c <= '2026-01-01'::date)) | EQUAL a, RANGE b, RANGE c",
                "((o.a = 1) AND ((o.b = 2) AND (o.c = 3))) | EQUAL a, EQUAL b, EQUAL c",
                "((o.code)::text = ($1)::text) | EQUAL code::text",
                "((o.code)::text = 'x'::text) | EQUAL code::text",
                "((o.code)::text = ANY ('{a,b}'::text[])) | EQUAL code::text",
                "((o.code)::character varying(20) = $1) | EQUAL code::character varying",
                "((o.at)::timestamp(3) without time zone = $1) | EQUAL at::timestamp without time zone",
                "((o.t)::\"Shop.x\".\"Odd Type\"[] = $1) | EQUAL t::\"Shop.x\".\"Odd Type\"[]",
                "(o.a = ANY ($1)) | EQUAL a",
                "(o.a = ANY (ARRAY[$1, ($2)::bigint])) | EQUAL a",
                "(o.a IS NULL) | EQUAL a",
                "(o.\"Odd \"\"Name\" = '-5'::integer) | EQUAL Odd \"Name",
                "(o.\"AND\" = ') AND (o.b = 1'::text) | EQUAL AND",
                "(o.a = E'\\' AND (o.b = 1) --'::text) | EQUAL a",
                "(o.a = c.id) | EQUAL a",
                "(o.a = (c.id + 1)) | EQUAL a",
                "(o.a = (InitPlan 1).col1) | EQUAL a",
                "(o.a = $0) | EQUAL a",
                "(o.at > (now() - '1 day'::interval)) | RANGE at",
                "(o.at >= CURRENT_DATE) | RANGE at",
                "(o.at >= date_trunc('day'::text, now())) | RANGE at",
                "(ROW(o.at, o.id) > ROW($1, $2)) | RANGE at",
                "(o.a = (-1)) | EQUAL a",
                "(o.a = 1.5e10) | EQUAL a",
                // What a B-tree of the column does not serve.
                "((o.a = 1) OR (o.b = 2)) | OTHER",
                "((o.a = 1) AND ((o.b = 2) OR (o.b = 3))) | EQUAL a, OTHER b",
                "(o.a <> $1) | OTHER a",
                "(o.a IS NOT NULL) | OTHER a",
                "((o.a IS NULL) = true) | OTHER a",
                "(NOT o.active) | OTHER active",
                "o.active | OTHER active",
                "(o.a <> ALL ('{1,2}'::integer[])) | OTHER a",
                "(o.a > ANY ($1)) | OTHER a",
                "(lower(o.a) = $1) | OTHER a",
                "((o.a + 1) = $1) | OTHER a",
                "((o.a COLLATE \"C\") = $1) | OTHER a",
                "(o.a = ($1 COLLATE \"C\")) | OTHER a",
                "(o.a ~~ 'x%'::text) | OTHER a",
                "(o.a = o.b) | OTHER",
                "(o.a = random()) | OTHER a",
                "(o.a = shop.price(1)) | OTHER a",
                "(o.a = (SubPlan 1)) | OTHER a",
                "(hashed SubPlan 1) | OTHER",
                "(ROW(o.a, o.b) = ROW($1, $2)) | OTHER",
                "(ROW((o.a + 1), o.b) > ROW($1, $2)) | OTHER",
                "(o.* = $1) | OTHER",
                "(o.doc @> $1) | OTHER doc",
                "((o.doc ->> 'a'::text) = $1) | OTHER doc",
                "((o.a = 1) = (o.b = 2)) | OTHER",
                "(CASE WHEN (o.a = 1) THEN 1 ELSE 2 END = $1) | OTHER a",
                "(other.a = $1) | OTHER",
            })
    void terms_are_read_as_they_are(String filter, String expected) {
        String read = ScanFilter.terms(filter, "o").stream()
                .map(ScanFilterTest::rendered)
                .collect(Collectors.joining(", "));

        assertThat(read).isEqualTo(expected);
    }

    @Test
    void an_alias_in_quotes_is_the_tables_own() {
        assertThat(ScanFilter.terms("(\"Line Item\".\"Order Id\" = $1)", "Line Item"))
                .containsExactly(new ScanFilter.Term(ScanFilter.Test.EQUAL, "Order Id", null, ""));
    }

    @Test
    void no_text_is_too_odd_or_too_deep() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<String> soup = List.of(
                "(",
                ")",
                "o.",
                "a",
                ".",
                "::",
                "'",
                "''",
                "\"",
                "=",
                " AND ",
                " OR ",
                "ROW",
                "ANY",
                "$1",
                "[",
                "]",
                ",",
                " IS NULL",
                "E'",
                "\\",
                "1",
                "InitPlan",
                " ",
                "text");
        for (int i = 0; i < 5_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int j = random.nextInt(30); j > 0; j--) text.append(soup.get(random.nextInt(soup.size())));
            assertThat(ScanFilter.terms(text.toString(), "o"))
                    .as("seed %s, %s", seed, text)
                    .isNotNull();
        }
        assertThat(ScanFilter.terms("((o.a = 1) AND ".repeat(3_000) + "true" + ")".repeat(3_000), "o"))
                .isNotEmpty();
        assertThat(ScanFilter.terms("(".repeat(5_000), "o")).isNotEmpty();
    }

    @Test
    void a_sort_key_is_a_column_with_the_order_that_an_index_needs() {
        assertThat(ScanFilter.sortColumn("o.created")).isEqualTo(new ScanFilter.SortColumn("created", ""));
        assertThat(ScanFilter.sortColumn("o.created DESC")).isEqualTo(new ScanFilter.SortColumn("created", ""));
        assertThat(ScanFilter.sortColumn("o.\"At\" NULLS FIRST"))
                .isEqualTo(new ScanFilter.SortColumn("At", " nulls first"));
        assertThat(ScanFilter.sortColumn("o.created DESC NULLS LAST"))
                .isEqualTo(new ScanFilter.SortColumn("created", " desc nulls last"));
        assertThat(ScanFilter.sortColumn("o.name COLLATE \"C\"")).isNull();
        assertThat(ScanFilter.sortColumn("(lower(o.name))")).isNull();
        assertThat(ScanFilter.sortColumn("o.name USING ~<~")).isNull();
    }

    private static String rendered(ScanFilter.Term term) {
        String column = term.column() == null ? "" : " " + term.column();
        return term.test() + column + (term.cast() == null ? "" : "::" + term.cast());
    }
}
