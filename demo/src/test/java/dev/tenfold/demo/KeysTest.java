package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which pages are asked for: Zipf's law, or a trace. */
class KeysTest {
    @TempDir
    Path directory;

    @Test
    void a_plain_trace_is_replayed_in_order_and_then_anew() throws IOException {
        Path file = Files.writeString(directory.resolve("keys"), "7\n\n  b \n7\n");

        Keys keys = Keys.trace(file);

        assertThat(IntStream.range(0, 5).mapToObj(keys::at)).containsExactly("7", "b", "7", "7", "b");
        assertThat(keys.describe()).isEqualTo("trace keys, 3 requests for 2 distinct keys");
    }

    @Test
    void a_gzip_trace_is_known_by_its_content() throws IOException {
        Path file = directory.resolve("keys.txt");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
            out.write("a\nb\n".getBytes(StandardCharsets.UTF_8));
        }

        assertThat(Keys.trace(file).at(1)).isEqualTo("b");
    }

    @Test
    void a_file_without_keys_is_refused() throws IOException {
        Path file = Files.writeString(directory.resolve("empty"), "\n");

        assertThatThrownBy(() -> Keys.trace(file))
                .isInstanceOf(IOException.class)
                .hasMessage("holds no key");
    }

    @Test
    void zipf_asks_for_the_first_key_twice_as_often_as_for_the_second() {
        Keys keys = Keys.zipf(1_000, 1);
        long first = IntStream.range(0, 100_000)
                .filter(n -> keys.at(n).equals("page-1"))
                .count();
        long second = IntStream.range(0, 100_000)
                .filter(n -> keys.at(n).equals("page-2"))
                .count();

        assertThat((double) first / second).isBetween(1.8, 2.2);
    }
}
