package dev.tenfold.query.replica;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.PublicTypes;
import org.junit.jupiter.api.Test;

class PublicTypesTest {
    @Test
    void the_packages_list_is_the_compilers() {
        String name = getClass().getPackageName();
        assertThat(PublicTypes.listed(name)).isNotEmpty().isEqualTo(PublicTypes.compiled(name));
    }
}
