package dev.tenfold.auth;

import static org.assertj.core.api.Assertions.assertThat;

import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ApiKeyFormatTest {
    private final ApiKeyFormat format = new ApiKeyFormat("tk_live_");
    private final SecureRandom random = new SecureRandom();

    @Test
    void the_checksum_is_that_of_the_catalogue_in_base_62() {
        // The check value of CRC-32/ISO-HDLC, 0xcbf43926, and its digits.
        assertThat(ApiKeyFormat.checksum("123456789", 9)).isEqualTo("3jZRME");
        assertThat(ApiKeyFormat.checksum("", 0)).isEqualTo("000000");
    }

    @Test
    void a_key_has_its_parts_where_they_belong() {
        String id = ApiKeyFormat.random(random, ApiKeyFormat.ID_LENGTH);
        String key = format.key(id, random);
        assertThat(key).hasSize(8 + 12 + 1 + 32 + 6).startsWith("tk_live_" + id + "_");
        assertThat(format.fits(key)).isTrue();
        assertThat(format.id(key)).isEqualTo(id);
        assertThat(format.signed(key) + ApiKeyFormat.checksum(key, key.length() - 6))
                .isEqualTo(key);
        assertThat(ApiKeyFormat.isId(id)).isTrue();
    }

    @Test
    void the_regular_expression_finds_keys_and_the_checksum_tells_them_from_their_likes() {
        Pattern pattern = Pattern.compile("tk_live_" + ApiKeys.REGEX_AFTER_PREFIX);
        for (int i = 0; i < 100; i++) {
            String key = format.key(ApiKeyFormat.random(random, 12), random);
            var found = pattern.matcher("API_KEY=\"" + key + "\" # do not commit");
            assertThat(found.find()).isTrue();
            assertThat(found.group()).isEqualTo(key);
        }
        String like = "tk_live_EXAMPLEkeyID_" + "x".repeat(32) + "000000";
        assertThat(pattern.matcher(like).matches()).isTrue();
        assertThat(format.fits(like)).isFalse();
    }

    @Test
    void no_change_of_one_character_fits() {
        String key = format.key(ApiKeyFormat.random(random, 12), random);
        for (int i = 0; i < key.length(); i++) {
            for (char c = 0; c < 256; c++) {
                if (c == key.charAt(i)) continue;
                String changed = key.substring(0, i) + c + key.substring(i + 1);
                assertThat(format.fits(changed))
                        .as("position %d is %d", i, (int) c)
                        .isFalse();
            }
        }
    }

    @Test
    void no_neighbours_that_changed_places_and_no_other_length_fit() {
        String key = format.key("0123456789AB", random);
        for (int i = 1; i < key.length(); i++) {
            char[] chars = key.toCharArray();
            chars[i - 1] = key.charAt(i);
            chars[i] = key.charAt(i - 1);
            String swapped = new String(chars);
            if (!swapped.equals(key)) assertThat(format.fits(swapped)).isFalse();
            assertThat(format.fits(key.substring(0, i))).isFalse();
        }
        assertThat(format.fits("")).isFalse();
        assertThat(format.fits(key + "0")).isFalse();
        assertThat(format.fits(key + key)).isFalse();
    }

    @Test
    void digits_of_other_scripts_do_not_fit_even_with_a_checksum_to_match() {
        // CRC-32 looks at the lowest eight bits only: U+0130 has those of '0'.
        String signed = "tk_live_\u0130123456789AB_" + "x".repeat(32);
        assertThat(format.fits(signed + ApiKeyFormat.checksum(signed, signed.length())))
                .isFalse();
        assertThat(ApiKeyFormat.isId("\u0130123456789AB")).isFalse();
        assertThat(ApiKeyFormat.isId("0123456789A_")).isFalse();
        assertThat(ApiKeyFormat.isId("0123456789A")).isFalse();
    }

    @Test
    void each_of_the_62_digits_is_as_likely() throws GeneralSecurityException {
        long seed = System.nanoTime();
        SecureRandom seeded = SecureRandom.getInstance("SHA1PRNG");
        seeded.setSeed(seed); // before the first number: the numbers follow from it alone
        double fair = chiSquare(() -> ApiKeyFormat.random(seeded, ApiKeyFormat.SECRET_LENGTH));
        // With 61 degrees of freedom, one run in 500 million gets above 150.
        assertThat(fair).as("chi-square, seed %d", seed).isLessThan(150);

        double modulo = chiSquare(() -> {
            byte[] bytes = new byte[ApiKeyFormat.SECRET_LENGTH];
            seeded.nextBytes(bytes);
            StringBuilder text = new StringBuilder();
            for (byte one : bytes) text.append(ApiKeyFormat.ALPHABET.charAt((one & 255) % 62));
            return text.toString();
        });
        assertThat(modulo)
                .as("the test sees what it is for: a remainder by 62, seed %d", seed)
                .isGreaterThan(1_000);
    }

    private static double chiSquare(Supplier<String> secrets) {
        int count = 20_000;
        long[] seen = new long[128];
        for (int i = 0; i < count; i++) secrets.get().chars().forEach(c -> seen[c]++);
        double expected = count * (double) ApiKeyFormat.SECRET_LENGTH / 62;
        double sum = 0;
        for (char digit : ApiKeyFormat.ALPHABET.toCharArray()) {
            sum += (seen[digit] - expected) * (seen[digit] - expected) / expected;
        }
        return sum;
    }

    @Test
    void a_hundred_thousand_ids_differ() {
        Set<String> ids = new HashSet<>();
        for (int i = 0; i < 100_000; i++) ids.add(ApiKeyFormat.random(random, ApiKeyFormat.ID_LENGTH));
        assertThat(ids).hasSize(100_000);
    }
}
