package dev.tenfold.auth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class EntryCodecTest {
    private final EntryCodec codec = new EntryCodec();

    private static Entry entry(Random random) {
        byte[] key = new byte[TokenKey.BYTES];
        random.nextBytes(key);
        TokenFacts.Builder facts = TokenFacts.of(text(random), text(random))
                .clientId(text(random))
                .sessionId(text(random))
                .tokenId(text(random))
                .issuedAt(time(random))
                .notBefore(time(random))
                .expiresAt(time(random));
        for (int i = random.nextInt(4); i > 0; i--)
            facts.audience("a" + text(random)).scope("s" + text(random));
        for (int i = random.nextInt(3); i > 0; i--) facts.confirmation("c" + i, "t" + text(random));
        for (int i = random.nextInt(3); i > 0; i--) facts.key("k" + i);
        for (int i = random.nextInt(5); i > 0; i--) facts.claim("claim" + i, value(random, 0));
        return new Entry(TokenKey.of(key), facts.build(), random.nextLong());
    }

    private static @Nullable String text(Random random) {
        return random.nextInt(4) == 0
                ? null
                : random.ints(random.nextInt(20), 1, 0xD800)
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString();
    }

    private static @Nullable Instant time(Random random) {
        return random.nextBoolean() ? null : Instant.ofEpochSecond(random.nextInt());
    }

    private static Object value(Random random, int depth) {
        return switch (random.nextInt(depth > 3 ? 4 : 6)) {
            case 0 -> "text" + text(random);
            case 1 -> random.nextLong();
            case 2 -> random.nextDouble();
            case 3 -> random.nextBoolean();
            case 4 -> List.of(value(random, depth + 1), value(random, depth + 1));
            default -> Map.of("name" + random.nextInt(), value(random, depth + 1));
        };
    }

    @Test
    void entries_come_back_as_they_were() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 2_000; i++) {
            Entry entry = entry(random);
            Entry back = codec.decode(codec.encode(entry));
            assertThat(back.key).as("seed %d", seed).isEqualTo(entry.key);
            assertThat(back.facts).as("seed %d", seed).isEqualTo(entry.facts);
            assertThat(back.lookedUpMillis).isEqualTo(entry.lookedUpMillis);
        }
    }

    @Test
    void a_part_of_an_entry_is_none() throws Exception {
        byte[] bytes = codec.encode(entry(new Random(1)));
        for (int length = 0; length < bytes.length; length++) {
            byte[] part = Arrays.copyOf(bytes, length);
            assertThatThrownBy(() -> codec.decode(part)).isInstanceOf(Exception.class);
        }
        assertThatThrownBy(() -> codec.decode(Arrays.copyOf(bytes, bytes.length + 1)))
                .hasMessageContaining("more bytes");
    }

    /** Neither endless nor out of memory, whatever is there. */
    @Test
    void garbage_is_an_error_or_an_entry() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int errors = 0;
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = codec.encode(entry(random));
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            }
            try {
                assertThat(codec.decode(bytes)).as("seed %d", seed).isNotNull();
            } catch (Exception e) {
                errors++;
            }
        }
        assertThat(errors).isPositive();
    }
}
