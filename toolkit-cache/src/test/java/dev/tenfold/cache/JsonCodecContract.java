package dev.tenfold.cache;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonTypeName;
import com.fasterxml.jackson.annotation.JsonValue;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What both versions of Jackson must do for the cache. */
@SuppressWarnings({"SameNameButDifferent", "JavaUtilDate"}) // versions of one class; a class that people still have
abstract class JsonCodecContract {
    abstract <V> Codec<V> codec(Class<V> type);

    abstract <V> Codec<V> codec(Class<V> type, int schema);

    abstract Codec<List<User>> listOfUsers();

    /** Of a type that needs a mapper of its own: in snake case. */
    abstract <V> Codec<V> snakeCase(Class<V> type);

    abstract Codec<User> withDefaultTyping();

    /** What the fingerprint is made from. */
    abstract String shape(Class<?> type);

    // ---- values -----------------------------------------------------------------------------------------------------

    enum Level {
        LOW,
        HIGH {
            @Override
            public String toString() {
                return "LOW"; // for people
            }
        }
    }

    private record Secret(int code) {}

    record User(long id, @Nullable String name, List<Secret> secrets) {}

    record Everything(
            int i,
            long l,
            double d,
            float f,
            boolean b,
            char c,
            Long boxed,
            BigDecimal decimal,
            BigInteger big,
            String text,
            @Nullable String none,
            UUID uuid,
            Level level,
            Map<Level, Integer> byLevel,
            Map<String, List<Secret>> nested,
            Set<Integer> set) {}

    record Times(
            Instant instant,
            LocalDate date,
            LocalDateTime dateTime,
            OffsetDateTime offset,
            ZonedDateTime zoned,
            ZonedDateTime utc,
            Duration duration,
            DayOfWeek day,
            Date old,
            Map<LocalDate, Integer> byDate) {}

    record Maybe(Optional<String> some, Optional<Secret> none, OptionalInt number) {}

    static class Bean {
        private String name = "";
        private int size;

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }

        public int getSize() {
            return size;
        }

        public void setSize(int size) {
            this.size = size;
        }

        /** Written, not read. */
        public String getLabel() {
            return name + size;
        }
    }

    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME)
    @JsonSubTypes({@JsonSubTypes.Type(Circle.class), @JsonSubTypes.Type(Nothing.class)})
    sealed interface Shape {}

    @JsonTypeName("circle")
    record Circle(double radius) implements Shape {}

    @JsonTypeName("nothing")
    record Nothing() implements Shape {}

    record Drawing(List<Shape> shapes) {}

    record Untyped(Object anything) {}

    static class Hidden {
        final int invisible = 1;
    }

    private <V> V roundTrip(Class<V> type, V value) throws Exception {
        Codec<V> codec = codec(type);
        return codec.decode(codec.encode(value));
    }

    @Test
    void records_of_all_sorts_come_back_equal() throws Exception {
        Everything value = new Everything(
                Integer.MIN_VALUE,
                Long.MAX_VALUE,
                0.1 + 0.2,
                1e-30f,
                true,
                'ß',
                7L,
                new BigDecimal("12345678901234567890.1200"),
                BigInteger.TWO.pow(200),
                "quote \" and 😀",
                null,
                new UUID(1, -1),
                Level.HIGH,
                Map.of(Level.HIGH, 2),
                Map.of("a", List.of(new Secret(1), new Secret(2)), "b", List.of()),
                Set.of(3));

        assertThat(roundTrip(Everything.class, value)).isEqualTo(value);
    }

    @Test
    void times_come_back_equal_with_their_zones() throws Exception {
        LocalDateTime time = LocalDateTime.of(2026, 3, 29, 2, 30, 59, 123_456_789);
        Times value = new Times(
                Instant.ofEpochSecond(-1, 1),
                LocalDate.of(-1, 2, 3),
                time,
                OffsetDateTime.of(time, ZoneOffset.ofHoursMinutes(5, 45)),
                time.atZone(ZoneId.of("Europe/Vienna")),
                time.atZone(ZoneId.of("UTC")),
                Duration.ofNanos(-1),
                DayOfWeek.FRIDAY,
                new Date(1_234_567_890_123L),
                Map.of(LocalDate.EPOCH, 1));

        assertThat(roundTrip(Times.class, value)).isEqualTo(value);
    }

    @Test
    void times_are_written_as_iso_8601() throws Exception {
        record Event(Instant at, Duration took) {}

        assertThat(codec(Event.class).encode(new Event(Instant.EPOCH, Duration.ofMillis(1_500))))
                .asString(UTF_8)
                .isEqualTo("{\"at\":\"1970-01-01T00:00:00Z\",\"took\":\"PT1.5S\"}");
    }

    @Test
    void optionals_come_back_equal() throws Exception {
        Maybe value = new Maybe(Optional.of("x"), Optional.empty(), OptionalInt.of(3));

        assertThat(roundTrip(Maybe.class, value)).isEqualTo(value);
    }

    @Test
    void beans_come_back_though_they_have_derived_properties() throws Exception {
        Bean bean = new Bean();
        bean.setName("n");
        bean.setSize(2);

        assertThat(roundTrip(Bean.class, bean)).usingRecursiveComparison().isEqualTo(bean);
    }

    @Test
    void declared_subtypes_come_back_equal() throws Exception {
        Drawing value = new Drawing(List.of(new Circle(1.5), new Nothing()));

        assertThat(roundTrip(Drawing.class, value)).isEqualTo(value);
    }

    @Test
    void generic_types_come_back_with_their_contents() throws Exception {
        List<User> users = List.of(new User(1, "a", List.of(new Secret(3))), new User(2, null, List.of()));

        assertThat(listOfUsers().decode(listOfUsers().encode(users))).isEqualTo(users);
    }

    @Test
    void a_value_is_read_from_within_other_bytes() throws Exception {
        byte[] bytes = "###{\"id\":1,\"name\":\"a\",\"secrets\":[]}###".getBytes(UTF_8);

        assertThat(codec(User.class).decode(bytes, 3, bytes.length - 6)).isEqualTo(new User(1, "a", List.of()));
    }

    @Test
    void enums_are_written_by_name() throws Exception {
        assertThat(codec(Level.class).encode(Level.HIGH)).asString(UTF_8).isEqualTo("\"HIGH\"");
    }

    // ---- what is not believed ---------------------------------------------------------------------------------------

    @Test
    void a_property_that_the_class_does_not_know_is_dropped() throws Exception {
        byte[] newer = "{\"id\":1,\"name\":\"a\",\"secrets\":[],\"added\":{\"x\":[1]}}".getBytes(UTF_8);

        assertThat(codec(User.class).decode(newer)).isEqualTo(new User(1, "a", List.of()));
    }

    @Test
    void a_property_that_is_missing_is_null_or_zero() throws Exception {
        record Older(int count, @Nullable String name) {}

        assertThat(codec(Older.class).decode("{}".getBytes(UTF_8))).isEqualTo(new Older(0, null));
    }

    @Test
    void nulls_that_a_class_leaves_out_come_back() throws Exception {
        @JsonInclude(JsonInclude.Include.NON_DEFAULT)
        record Sparse(int count, @Nullable String name) {}

        assertThat(roundTrip(Sparse.class, new Sparse(0, null))).isEqualTo(new Sparse(0, null));
    }

    @Test
    void bytes_of_another_shape_or_none_are_refused() {
        for (String bytes : List.of(
                "", "null", "[]", "7", "{\"id\":\"x\"}", "{\"id\":1", "{\"id\":1}}", "{\"id\":1} {}", "\u0000")) {
            assertThatExceptionOfType(Exception.class)
                    .as(bytes)
                    .isThrownBy(() -> codec(User.class).decode(bytes.getBytes(UTF_8)));
        }
    }

    @Test
    void bytes_do_not_choose_classes() throws Exception {
        Untyped value = codec(Untyped.class).decode("{\"anything\":[\"java.util.Date\",5]}".getBytes(UTF_8));

        assertThat(value).isEqualTo(new Untyped(List.of("java.util.Date", 5)));
    }

    @Test
    void a_class_without_visible_properties_is_not_written_as_an_empty_one() {
        assertThatExceptionOfType(Exception.class)
                .isThrownBy(() -> codec(Hidden.class).encode(new Hidden()))
                .withMessageContaining("Hidden");
    }

    @Test
    void a_raw_generic_class_is_refused_with_the_remedy() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> codec(List.class))
                .withMessageContaining("List has type parameters")
                .withMessageContaining("new TypeReference<List<…>>() {}");
    }

    @Test
    void a_mapper_with_default_typing_is_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(this::withDefaultTyping)
                .withMessageContaining("default typing")
                .withMessageContaining("User");
    }

    // ---- schemas ----------------------------------------------------------------------------------------------------

    /** One class, and what became of it. */
    static class First {
        record Order(long id, String customer, List<Line> lines, State state) {}

        record Line(String sku, int count) {}

        enum State {
            OPEN,
            PAID
        }
    }

    static class Moved {
        record Purchase(State state, List<Line> lines, String customer, long id) {}

        record Line(int count, String sku) {}

        enum State {
            OPEN,
            PAID
        }
    }

    static class RenamedInside {
        record Order(long id, String customer, List<Line> lines, First.State state) {}

        record Line(String article, int count) {}
    }

    static class RetypedInside {
        record Order(long id, String customer, List<Line> lines, First.State state) {}

        record Line(String sku, long count) {}
    }

    static class NewConstant {
        record Order(long id, String customer, List<First.Line> lines, State state) {}

        enum State {
            OPEN,
            PAID,
            SENT
        }
    }

    record OtherContainer(long id, String customer, Set<First.Line> lines, First.State state) {}

    record Annotated(long id, @JsonProperty("client") String customer, List<First.Line> lines, First.State state) {}

    record Ignoring(long id, @JsonIgnore String customer, List<First.Line> lines, First.State state) {}

    record Tree(String name, List<Tree> children) {}

    record Endless<T>(T here, @Nullable Endless<List<T>> next) {}

    record Root(Endless<String> endless) {}

    record Wrapped(Id id) {}

    record Id(@JsonValue String text) {}

    static class Ambiguous {
        public boolean isOpen() {
            return true;
        }

        public String getSame() {
            return "";
        }

        @JsonProperty("same")
        public String other() {
            return "";
        }

        @JsonProperty("same")
        public String another() {
            return "";
        }
    }

    record HasAmbiguous(Ambiguous ambiguous) {}

    @Test
    void a_class_that_was_moved_renamed_and_reordered_keeps_its_schema() {
        assertThat(shape(Moved.Purchase.class)).isEqualTo(shape(First.Order.class));
        assertThat(codec(Moved.Purchase.class).schema())
                .isEqualTo(codec(First.Order.class).schema());
    }

    @Test
    void what_changes_the_json_changes_the_schema() {
        assertThat(List.of(
                        codec(First.Order.class).schema(),
                        codec(RenamedInside.Order.class).schema(),
                        codec(RetypedInside.Order.class).schema(),
                        codec(NewConstant.Order.class).schema(),
                        codec(OtherContainer.class).schema(),
                        codec(Annotated.class).schema(),
                        codec(Ignoring.class).schema(),
                        snakeCase(Maybe.class).schema(),
                        codec(Maybe.class).schema(),
                        listOfUsers().schema(),
                        codec(User.class).schema()))
                .doesNotHaveDuplicates()
                .doesNotContain(0);
    }

    @Test
    void a_new_subtype_changes_the_schema() {
        assertThat(shape(Drawing.class)).contains("|{6:radius double,}").contains("|{}");
    }

    @Test
    void a_stand_in_is_what_counts() {
        assertThat(shape(Wrapped.class)).contains("2:id =java.lang.String");
    }

    @Test
    void types_that_contain_themselves_have_a_schema() throws Exception {
        Tree tree = new Tree("a", List.of(new Tree("b", List.of())));

        assertThat(shape(Tree.class)).contains("java.util.List<#0,>");
        assertThat(roundTrip(Tree.class, tree)).isEqualTo(tree);
    }

    @Test
    void types_without_end_have_a_schema() {
        assertThat(shape(Root.class)).hasSizeLessThan(1_000_000);
    }

    @Test
    void a_type_that_jackson_cannot_tell_counts_by_name() {
        assertThat(shape(HasAmbiguous.class)).contains("9:ambiguous " + Ambiguous.class.getName());
    }

    @Test
    void a_schema_by_hand_stays() {
        assertThat(codec(First.Order.class, 3).schema()).isEqualTo(3);
    }

    @Test
    void the_schema_is_the_same_on_every_jvm() {
        assertThat(shape(First.Order.class))
                .endsWith(
                        " {8:customer java.lang.String,2:id long,5:lines java.util.List<{5:count int,3:sku java.lang.String,},>,"
                                + "5:state enum(6:\"OPEN\" 6:\"PAID\" ),}");
    }
}
