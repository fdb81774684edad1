package dev.tenfold.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.benchmarks.FkIndexSchemas.Schema;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class FkIndexSchemasTest {
    @Test
    void schemas_come_from_the_file_of_the_index_check_with_what_is_expected() throws IOException {
        assertThat(FkIndexSchemas.read())
                .hasSizeGreaterThanOrEqualTo(40)
                .anySatisfy(schema -> {
                    assertThat(schema.name()).isEqualTo("plain index");
                    assertThat(schema.expected()).isEmpty();
                })
                .anySatisfy(schema -> {
                    assertThat(schema.name()).isEqualTo("no index at all");
                    assertThat(schema.expected()).containsExactly("child_fk");
                })
                .extracting(Schema::name)
                .doesNotHaveDuplicates();
    }
}
