package dev.tenfold.auth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;

class ApiKeysOptionsTest {
    private static final ApiKeysOptions DEFAULT = ApiKeysOptions.DEFAULT;

    @Test
    void a_prefix_that_no_scanner_could_find_is_refused() {
        for (String bad :
                List.of("", "_", "tk", "1k_", "tk-live_", "tk.live_", "tk_live", "täk_", "t".repeat(32) + "_")) {
            assertThatThrownBy(() -> DEFAULT.prefix(bad))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("prefix \"" + bad + "\"")
                    .hasMessageContaining("end with an underscore");
        }
        assertThat(DEFAULT.prefix("t_").prefix).isEqualTo("t_");
        assertThat(DEFAULT.prefix("t".repeat(31) + "_").prefix).hasSize(32);
    }

    @Test
    void a_table_that_is_more_than_a_name_is_refused() {
        for (String bad : List.of("", "a.b.c", "a b", "a;drop table a", "\"a\"", "1a", ".a", "a.", "a".repeat(51))) {
            assertThatThrownBy(() -> DEFAULT.table(bad))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("schema.name");
        }
        assertThat(DEFAULT.table("security.api_keys").table).isEqualTo("security.api_keys");
    }

    @Test
    void other_values_are_refused_by_name() {
        assertThatThrownBy(() -> DEFAULT.issuer("")).hasMessageContaining("issuer");
        assertThatThrownBy(() -> DEFAULT.issuer("a b")).hasMessageContaining("issuer");
        assertThatThrownBy(() -> DEFAULT.issueWith(0)).hasMessageContaining("pepper version 0");
        assertThatThrownBy(() -> DEFAULT.flushEvery(Duration.ofMillis(99))).hasMessageContaining("flushEvery PT0.099S");
        assertThatThrownBy(() -> DEFAULT.flushEvery(Duration.ofHours(2))).hasMessageContaining("flushEvery PT2H");
    }

    @Test
    void peppers_are_refused_that_are_missing_short_or_misnumbered() {
        byte[] good = new byte[32];
        assertRefused(Map.of(), o -> o, "no pepper; give at least one");
        assertRefused(Map.of(1, new byte[31]), o -> o, "pepper 1 has 31 bytes; give at least 32");
        assertRefused(Map.of(0, good), o -> o, "pepper version 0 must be from 1 to 1,000,000");
        assertRefused(Map.of(1, good), o -> o.issueWith(2), "issueWith(2) names a pepper that was not given");
    }

    private static void assertRefused(
            Map<Integer, byte[]> peppers, UnaryOperator<ApiKeysOptions> change, String message) {
        assertThatThrownBy(() -> ApiKeys.on(new JdbcDataSource(), peppers, change))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void peppers_are_copied_and_do_not_show() {
        byte[] secret =
                "a pepper of more than 32 bytes, all of them letters".getBytes(java.nio.charset.StandardCharsets.UTF_8);
        ApiKeyPeppers peppers = new ApiKeyPeppers(Map.of(7, secret), 0);
        byte[] before = peppers.hash("text");
        Arrays.fill(secret, (byte) 0);
        assertThat(peppers.hash("text")).isEqualTo(before);
        assertThat(peppers.hash(8, "text")).isNull();
        assertThat(peppers).hasToString("peppers [7], new keys with 7");
    }

    @Test
    void each_change_leaves_the_options_before_as_they_were() {
        ApiKeysOptions changed =
                DEFAULT.prefix("a_").table("b").issuer("c").issueWith(4).flushEvery(Duration.ofSeconds(5));
        assertThat(changed).hasToString("prefix a_, table b, issuer c, flushEvery PT5S");
        assertThat(changed.pepperInUse).isEqualTo(4);
        assertThat(DEFAULT)
                .hasToString("prefix tk_, table tenfold_api_keys, issuer urn:tenfold:api-key, flushEvery PT1M");
    }
}
