package dev.tenfold.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Names of kinds, and payloads of former versions. */
class KindsTest {
    record SendHTTPRequest2(long id) {}

    @JobKind("send-receipt")
    record Receipt(long orderId, String language) {}

    record ReceiptV1(long orderId) {}

    record SendReceipt(long orderId) {}

    @JobKind("not a name")
    record Misnamed() {}

    record Generic<T>(T value) {}

    private final Kinds kinds =
            new Kinds(new JobStore(new Db(new org.h2.jdbcx.JdbcDataSource(), org.jooq.SQLDialect.H2, null, null)));

    @Test
    void a_kind_is_named_by_its_annotation_or_its_class_in_kebab_case() {
        assertThat(Kind.of(Receipt.class).name).isEqualTo("send-receipt");
        assertThat(Kind.of(SendHTTPRequest2.class).name).isEqualTo("send-http-request2");
    }

    @Test
    void what_is_no_job_is_refused() {
        assertThatThrownBy(() -> Kind.of(String.class)).hasMessageContaining("make it a record");
        assertThatThrownBy(() -> Kind.of(int[].class)).hasMessageContaining("make it a record");
        Runnable lambda = () -> {};
        assertThatThrownBy(() -> Kind.of(lambda.getClass())).hasMessageContaining("make it a record");
        assertThatThrownBy(() -> Kind.of(new Object() {}.getClass())).hasMessageContaining("make it a record");
        assertThatThrownBy(() -> Kind.of(Generic.class)).hasMessageContaining("type parameters");
        assertThatThrownBy(() -> Kind.of(Misnamed.class)).hasMessageContaining("not a name");
    }

    @Test
    void two_classes_of_one_name_are_refused_and_change_nothing() {
        kinds.register(Kind.of(Receipt.class));

        assertThatThrownBy(() -> kinds.of(SendReceipt.class))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("send-receipt")
                .hasMessageContaining(Receipt.class.getName())
                .hasMessageContaining(SendReceipt.class.getName());
        assertThatThrownBy(() ->
                        kinds.register(Kind.of(SendReceipt.class).named("free").alias("send-receipt")))
                .isInstanceOf(IllegalArgumentException.class);

        kinds.register(Kind.of(SendHTTPRequest2.class).named("free")); // was not taken by the one refused
    }

    @Test
    void options_refuse_two_classes_of_one_name() {
        assertThatThrownBy(() ->
                        JobQueueOptions.DEFAULT.kind(Kind.of(Receipt.class)).kind(Kind.of(SendReceipt.class)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("send-receipt");
    }

    @Test
    void an_old_payload_is_changed_into_the_new_shape() throws Exception {
        Kind<Receipt> kind =
                Kind.of(Receipt.class).version(2).upcast(1, ReceiptV1.class, old -> new Receipt(old.orderId(), "en"));

        assertThat(kind.read("{\"orderId\":7}".getBytes(UTF_8), 1, PayloadCodec.json()))
                .isEqualTo(new Receipt(7, "en"));
        assertThat(kind.read("{\"orderId\":7,\"language\":\"fr\"}".getBytes(UTF_8), 2, PayloadCodec.json()))
                .isEqualTo(new Receipt(7, "fr"));
    }

    @Test
    void bad_kinds_are_refused() {
        Kind<Receipt> kind = Kind.of(Receipt.class);
        assertThatThrownBy(() -> kind.version(0)).hasMessageContaining("1 to 30000");
        assertThatThrownBy(() -> kind.version(30_001)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> kind.named("")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> kind.alias("a b")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> kind.upcast(1, ReceiptV1.class, old -> new Receipt(1, ""))
                        .upcast(1, ReceiptV1.class, old -> new Receipt(2, "")))
                .hasMessageContaining("two upcasts");
        assertThat(List.of(kind.version(30_000).version)).containsExactly(30_000);
    }

    @Test
    void headers_come_back_as_they_were() {
        var headers = new java.util.LinkedHashMap<String, String>();
        headers.put("traceparent", "00-a&b=c%d");
        headers.put("name", "Zoë\n€ +");
        headers.put("empty", "");

        assertThat(Headers.decode(Headers.encode(headers))).containsExactlyEntriesOf(headers);
        assertThat(Headers.decode(null)).isEmpty();
    }
}
