package dev.tenfold.query.replica;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class TokenTest {
    @Test
    void a_token_comes_back_from_its_text_which_is_short_and_safe_in_cookies() {
        Random random = new Random(8);
        for (int i = 0; i < 1_000; i++) {
            Token token = new Token(random.nextLong(), random.nextInt(), random.nextLong());
            assertThat(token.text()).matches("[A-Za-z0-9_-]{28}");
            assertThat(Token.parse(token.text())).isEqualTo(token);
        }
    }

    @Test
    void what_is_no_token_is_none() {
        String good = new Token(1, 1, 1).text();
        assertThat(Token.parse("")).isNull();
        assertThat(Token.parse("uncertain")).isNull();
        assertThat(Token.parse(good.substring(1))).isNull();
        assertThat(Token.parse("!" + good.substring(1))).isNull();
        assertThat(Token.parse("_" + good.substring(1))).isNull(); // of a version that does not exist
    }

    @Test
    void a_place_just_past_a_pages_header_is_the_end_of_the_page_before() {
        long file = Token.lsn("0/5000000");
        assertThat(Wal.lastEnd(file + 40, 40, 8_192)).isEqualTo(file);
        assertThat(Wal.lastEnd(file + 8_192 + 24, 8_192 + 24, 8_192)).isEqualTo(file + 8_192);
        assertThat(Wal.lastEnd(file + 8_192 + 40, 8_192 + 40, 8_192)).isEqualTo(file + 8_192 + 40);
        assertThat(Wal.lastEnd(file + 64, 64, 8_192)).isEqualTo(file + 64);
    }

    @Test
    void positions_compare_as_unsigned_numbers_on_the_same_line_alone() {
        Token high = new Token(1, 1, Token.lsn("FFFFFFFF/0"));
        Token low = new Token(1, 1, Token.lsn("16/B374D848"));

        assertThat(low.lsn()).isEqualTo(0x16_B374D848L);
        assertThat(high.covers(low)).isTrue();
        assertThat(low.covers(high)).isFalse();
        assertThat(low.covers(low)).isTrue();
        assertThat(high.covers(new Token(1, 2, 0))).isFalse();
        assertThat(high.covers(new Token(2, 1, 0))).isFalse();
    }
}
