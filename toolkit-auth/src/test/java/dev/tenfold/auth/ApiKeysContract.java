package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.auth.ApiKeys.Info;
import dev.tenfold.auth.ApiKeys.Issued;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.SettableClock;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What API keys promise on every database. */
abstract class ApiKeysContract {
    static final Instant START = Instant.parse("2026-03-01T12:00:00.250Z");
    static final byte[] PEPPER_1 = "the first pepper of the tests, 32 bytes".getBytes(UTF_8);
    static final byte[] PEPPER_2 = "the second pepper of the tests, 32 bytes".getBytes(UTF_8);

    private static final AtomicInteger TABLES = new AtomicInteger();

    final SettableClock clock = SettableClock.at(START);
    final String table = "keys_" + TABLES.incrementAndGet();
    final SecureRandom random = new SecureRandom();
    private final List<ApiKeys> open = new ArrayList<>();
    private CountingDataSource counting = CountingDataSource.of(dataSource());
    private ApiKeys keys = open(Map.of(1, PEPPER_1), o -> o);

    /** Always of the same database. */
    abstract DataSource dataSource();

    @BeforeEach
    void create() throws SQLException {
        keys.createTables();
        counting.reset();
    }

    @AfterEach
    void close() {
        open.forEach(ApiKeys::close);
    }

    private ApiKeys open(Map<Integer, byte[]> peppers, UnaryOperator<ApiKeysOptions> change) {
        ApiKeys opened = ApiKeys.on(
                counting,
                peppers,
                o -> change.apply(o.prefix("tk_live_").table(table).clock(clock).flushEvery(Duration.ofHours(1))));
        open.add(opened);
        return opened;
    }

    private Info info(Issued issued) throws SQLException {
        return Objects.requireNonNull(keys.find(issued.id()), issued.id());
    }

    // ---- issuing and verifying --------------------------------------------------------------------------------------

    @Test
    void an_issued_key_is_known_with_all_that_it_was_issued_for() throws SQLException {
        Instant then = Instant.parse("2026-04-01T00:00:00.900Z");
        Issued issued = keys.issue(
                "tenant-7",
                k -> k.name("CI \u2713").scope("orders:read", "orders:write").expiresAt(then));
        assertThat(issued.key()).matches(keys.regex()).startsWith("tk_live_" + issued.id() + "_");
        assertThat(keys.isWellFormed(issued.key())).isTrue();
        assertThat(keys.idOf(issued.key())).isEqualTo(issued.id());

        counting.reset();
        assertThat(keys.introspect(issued.key()))
                .isEqualTo(TokenFacts.of("urn:tenfold:api-key", "tenant-7")
                        .sessionId(issued.id())
                        .tokenId(issued.id())
                        .scope("orders:read", "orders:write")
                        .issuedAt(START)
                        .expiresAt(Instant.parse("2026-04-01T00:00:00Z"))
                        .claim("name", "CI \u2713")
                        .build());
        assertThat(counting.statements()).isEqualTo(1);
        assertThat(counting.connections()).isEqualTo(1);
        assertThat(info(issued)).isEqualTo(issued.info());
    }

    @Test
    void a_key_for_nothing_in_particular_has_no_name_no_scopes_and_no_end() throws SQLException {
        Issued issued = keys.issue("42", k -> k);
        TokenFacts facts = Objects.requireNonNull(keys.introspect(issued.key()));
        assertThat(facts.claims()).isEmpty();
        assertThat(facts.scopes()).isEmpty();
        assertThat(facts.expiresAt()).isNull();
        clock.advance(Duration.ofDays(36_500));
        assertThat(keys.introspect(issued.key())).isNotNull();
    }

    @Test
    void a_wrong_secret_with_the_right_id_is_refused() throws SQLException {
        Issued issued = keys.issue("42", k -> k);
        String forged = new ApiKeyFormat("tk_live_").key(issued.id(), random);
        assertThat(keys.isWellFormed(forged)).isTrue();
        assertThat(keys.introspect(forged)).isNull();
    }

    @Test
    void no_change_of_one_character_reaches_the_database() throws SQLException {
        String key = keys.issue("42", k -> k).key();
        counting.reset();
        for (int i = 0; i < key.length(); i++) {
            for (char c : (ApiKeyFormat.ALPHABET + "_-. \u0000\u00e9").toCharArray()) {
                if (c == key.charAt(i)) continue;
                assertThat(keys.introspect(key.substring(0, i) + c + key.substring(i + 1)))
                        .isNull();
            }
        }
        assertThat(counting.connections()).isZero();
    }

    @Test
    void made_up_keys_are_refused_by_one_statement_each_the_same_as_for_a_right_one() throws SQLException {
        String right = keys.issue("42", k -> k).key();
        counting.reset();
        ApiKeyFormat format = new ApiKeyFormat("tk_live_");
        for (int i = 0; i < 50; i++) {
            assertThat(keys.introspect(format.key(ApiKeyFormat.random(random, 12), random)))
                    .isNull();
        }
        assertThat(counting.statements()).isEqualTo(50);
        assertThat(keys.introspect(right)).isNotNull();
        assertThat(counting.sql().stream().distinct()).hasSize(1);
    }

    @Test
    void what_is_no_key_reaches_the_database_with_no_method() throws SQLException {
        String key = keys.issue("42", k -> k).key();
        counting.reset();
        for (String bad : List.of(
                "",
                " ",
                "tk_live_",
                key + " ",
                key.toUpperCase(java.util.Locale.ROOT),
                key.replace("tk_live_", "tk_test_"),
                "x".repeat(1 << 20),
                key + "x".repeat(1 << 20),
                "\u0000".repeat(key.length()),
                "\ud83d".repeat(key.length()))) {
            assertThat(keys.introspect(bad)).isNull();
            assertThat(keys.isWellFormed(bad)).isFalse();
            assertThat(keys.idOf(bad)).isNull();
            assertNoId(() -> keys.revoke(bad));
            assertNoId(() -> keys.rotate(bad, Duration.ZERO));
            assertNoId(() -> keys.find(bad));
            assertNoId(() -> keys.used(bad));
        }
        assertThatThrownBy(() -> keys.revoke(key))
                .hasMessageContaining("idOf(key)")
                .hasMessageNotContaining(key);
        assertThat(counting.connections()).isZero();
    }

    private static void assertNoId(ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is no API key's id");
    }

    @Test
    void what_cannot_be_kept_is_refused_before_it_reaches_the_database() {
        for (String bad :
                List.of("", " ", "a\nb", "a\u0000", "a\u007f", "\ud800", "x".repeat(201), "x".repeat(1 << 20))) {
            assertRefused(() -> keys.issue(bad, k -> k), "owner of " + bad.length() + " characters must be 1 to 200");
            assertRefused(() -> keys.list(bad), "owner of");
            assertRefused(() -> keys.issue("42", k -> k.name(bad)), "name of");
        }
        for (String bad : List.of("", "a b", "a\"", "a\\", "\u00e9", "a\n", "x".repeat(101))) {
            assertRefused(() -> keys.issue("42", k -> k.scope(bad)), "a scope of " + bad.length() + " characters");
        }
        assertRefused(
                () -> keys.issue("42", k -> {
                    for (int i = 0; i < 50; i++) k = k.scope("x".repeat(90) + i);
                    return k;
                }),
                "more than 4,000 characters");
        assertRefused(() -> keys.issue("42", k -> k.expiresAt(START)), "must be in the future");
        assertRefused(() -> keys.issue("42", k -> k.expiresAt(START.plusMillis(700))), "must be in the future");
        assertRefused(() -> keys.issue("42", k -> k.expiresAt(Instant.MAX)), "by 100 years at most");
        assertRefused(() -> keys.list("42", 0, null), "limit 0 must be from 1 to 1,000");
        assertRefused(() -> keys.list("42", 1_001, null), "limit 1001 must be");
        String id = "0123456789AB";
        assertRefused(() -> keys.rotate(id, Duration.ofSeconds(59)), "overlap PT59S must be zero");
        assertRefused(() -> keys.rotate(id, Duration.ofDays(-1)), "overlap");
        assertRefused(() -> keys.rotate(id, Duration.ofDays(367)), "overlap");
        assertThat(counting.connections()).isZero();
    }

    private static void assertRefused(ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessageContaining(message);
    }

    @Test
    void the_longest_of_everything_is_kept_as_it_was() throws SQLException {
        String owner = "\ud83d\ude00".repeat(100);
        String name = "\u00fc".repeat(100);
        List<String> scopes = new ArrayList<>();
        for (int i = 0; i < 39; i++) scopes.add("x".repeat(98) + (10 + i));
        Issued issued = keys.issue(owner, k -> k.name(name).scope(scopes));
        assertThat(info(issued)).isEqualTo(issued.info());
        assertThat(issued.info().scopes()).containsExactlyElementsOf(scopes);
        assertThat(keys.list(owner)).containsExactly(issued.info());
    }

    @Test
    void a_key_works_until_the_second_it_expires() throws SQLException {
        Issued issued = keys.issue("42", k -> k.expiresAt(START.plusSeconds(60)));
        clock.set(Instant.parse("2026-03-01T12:00:59.999Z"));
        assertThat(keys.introspect(issued.key())).isNotNull();
        clock.set(Instant.parse("2026-03-01T12:01:00Z"));
        assertThat(keys.introspect(issued.key())).isNull();
    }

    // ---- what is kept -----------------------------------------------------------------------------------------------

    @Test
    void neither_the_key_nor_its_secret_is_in_the_table_or_in_any_text() throws SQLException {
        Issued issued = keys.issue("42", k -> k.name("ci").scope("a"));
        keys.introspect(issued.key());
        String secret =
                issued.key().substring(issued.key().length() - 38, issued.key().length() - 6);
        StringBuilder all = new StringBuilder();
        ask("select * from " + table, row -> {
            for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
                Object value = row.getObject(i);
                all.append(value instanceof byte[] bytes ? new String(bytes, UTF_8) : value)
                        .append('|');
            }
        });
        all.append(issued)
                .append(issued.info())
                .append(keys)
                .append(keys.introspect(issued.key()))
                .append(keys.list("42"))
                .append(keys.id())
                .append(counting.sql());
        keys.issue("42", k -> {
            all.append(k.name("ci").scope("b"));
            return k;
        });
        assertThat(all.toString())
                .contains(issued.id())
                .doesNotContain(secret)
                .doesNotContain(new String(PEPPER_1, UTF_8));
    }

    @Test
    void a_hash_fits_its_own_row_only() throws SQLException {
        Issued mine = keys.issue("mallory", k -> k);
        Issued theirs = keys.issue("alice", k -> k);
        execute("update " + table + " set hash = (select hash from " + table + " where id = '" + mine.id()
                + "') where id = '" + theirs.id() + "'");
        String signed = "tk_live_" + theirs.id() + mine.key().substring(20, 53);
        String forged = signed + ApiKeyFormat.checksum(signed, signed.length());
        assertThat(keys.isWellFormed(forged)).isTrue();
        assertThat(keys.introspect(forged)).isNull();
    }

    @Test
    void a_key_of_another_environment_does_not_fit_when_its_prefix_is_changed() throws SQLException {
        ApiKeys tests = open(Map.of(1, PEPPER_1), o -> o.prefix("tk_test_"));
        Issued issued = tests.issue("42", k -> k);
        String signed = issued.key().substring(0, 53).replace("tk_test_", "tk_live_");
        String relabelled = signed + ApiKeyFormat.checksum(signed, signed.length());
        assertThat(keys.isWellFormed(relabelled)).isTrue();
        assertThat(keys.introspect(relabelled)).isNull();
        assertThat(tests.introspect(issued.key())).isNotNull();
        assertThat(tests.id()).isNotEqualTo(keys.id());
    }

    // ---- rotating ---------------------------------------------------------------------------------------------------

    @Test
    void both_keys_work_while_a_rotation_overlaps() throws SQLException {
        List<String> told = new ArrayList<>();
        keys.onRevoked(told::add);
        Issued old = keys.issue("42", k -> k.name("ci").scope("a", "b"));
        clock.advance(Duration.ofDays(30));
        Issued next = keys.rotate(old.id(), Duration.ofDays(7));

        assertThat(next.info().owner()).isEqualTo("42");
        assertThat(next.info().name()).isEqualTo("ci");
        assertThat(next.info().scopes()).containsExactly("a", "b");
        assertThat(next.info().expiresAt()).isNull();
        assertThat(next.info().createdAt()).isEqualTo(START.plus(Duration.ofDays(30)));
        assertThat(info(old).replacedBy()).isEqualTo(next.id());
        Instant end = Instant.parse("2026-04-07T12:00:00Z");
        assertThat(Objects.requireNonNull(keys.introspect(old.key())).expiresAt())
                .isEqualTo(end);
        assertThat(keys.introspect(next.key())).isNotNull();

        clock.set(end);
        assertThat(keys.introspect(old.key())).isNull();
        assertThat(keys.introspect(next.key())).isNotNull();
        assertThat(told).isEmpty();
    }

    @Test
    void a_rotation_never_makes_the_old_key_last_longer_and_the_new_one_lasts_as_long() throws SQLException {
        Instant end = START.plusSeconds(3_600).minusMillis(250);
        Issued old = keys.issue("42", k -> k.expiresAt(end));
        clock.advance(Duration.ofMinutes(50));
        Issued next = keys.rotate(old.id(), Duration.ofDays(7));
        assertThat(info(old).expiresAt()).isEqualTo(end);
        assertThat(next.info().expiresAt()).isEqualTo(end.plus(Duration.ofMinutes(50)));
        assertThat(info(next)).isEqualTo(next.info());
    }

    @Test
    void without_overlap_the_old_key_ends_at_once_and_no_listener_can_lose_the_new_one() throws SQLException {
        Issued old = keys.issue("42", k -> k);
        List<String> told = new ArrayList<>();
        keys.onRevoked(id -> {
            told.add(id);
            throw new IllegalStateException("on purpose");
        });
        List<Issued> next = new ArrayList<>();
        String log = ApiKeyWritesTest.logOf(() -> {
            try {
                next.add(keys.rotate(old.id(), Duration.ZERO));
            } catch (SQLException e) {
                throw new AssertionError(e);
            }
        });
        assertThat(log).contains("but a listener failed", "call revoke(\"" + old.id() + "\")", "on purpose");
        assertThat(told).containsExactly(old.id());
        assertThat(keys.introspect(old.key())).isNull();
        assertThat(keys.introspect(next.get(0).key())).isNotNull();
    }

    @Test
    void what_no_longer_works_cannot_be_rotated() throws SQLException {
        assertRefused(() -> keys.rotate("0123456789AB", Duration.ZERO), "there is no API key 0123456789AB");

        Issued revoked = keys.issue("42", k -> k);
        keys.revoke(revoked.id());
        assertThatThrownBy(() -> keys.rotate(revoked.id(), Duration.ZERO))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("API key " + revoked.id() + " was revoked at " + START + "; issue a new one");

        Issued rotated = keys.issue("42", k -> k);
        Issued next = keys.rotate(rotated.id(), Duration.ofDays(1));
        assertThatThrownBy(() -> keys.rotate(rotated.id(), Duration.ofDays(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("rotate its successor " + next.id());

        Issued expired = keys.issue("42", k -> k.expiresAt(START.plusSeconds(60)));
        clock.advance(Duration.ofMinutes(1));
        assertThatThrownBy(() -> keys.rotate(expired.id(), Duration.ofDays(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("expired at 2026-03-01T12:01:00Z");
        assertThat(keys.list("42")).as("no refusal has left a key").hasSize(4);
    }

    @Test
    void of_sixteen_that_rotate_one_key_one_succeeds() throws Exception {
        Issued old = keys.issue("42", k -> k);
        List<Issued> won = new ArrayList<>();
        List<Throwable> lost = new ArrayList<>();
        for (Object outcome : together(16, () -> keys.rotate(old.id(), Duration.ofDays(1)))) {
            if (outcome instanceof Issued issued) won.add(issued);
            else lost.add((Throwable) outcome);
        }
        assertThat(won).hasSize(1);
        assertThat(lost)
                .hasSize(15)
                .allSatisfy(e -> assertThat(e)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining(
                                "rotate its successor " + won.get(0).id()));
        assertThat(keys.list("42")).hasSize(2);
        assertThat(keys.introspect(won.get(0).key())).isNotNull();
    }

    /** What each returned or threw. */
    private static List<Object> together(int threads, Callable<?> call) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            CyclicBarrier start = new CyclicBarrier(threads);
            List<Future<Object>> all = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                all.add(pool.submit(() -> {
                    Await.barrier(start);
                    try {
                        return call.call();
                    } catch (SQLException | RuntimeException e) {
                        return e;
                    }
                }));
            }
            List<Object> outcomes = new ArrayList<>();
            for (Future<Object> one : all) outcomes.add(one.get());
            return outcomes;
        } finally {
            pool.shutdownNow();
        }
    }

    // ---- revoking ---------------------------------------------------------------------------------------------------

    @Test
    void a_revoked_key_is_refused_before_the_listeners_hear_of_it() throws SQLException {
        Issued issued = keys.issue("42", k -> k);
        Issued other = keys.issue("42", k -> k);
        List<String> told = new ArrayList<>();
        keys.onRevoked(id -> {
            try {
                assertThat(keys.introspect(issued.key())).as("after the commit").isNull();
            } catch (SQLException e) {
                throw new AssertionError(e);
            }
            told.add(id);
        });
        assertThat(keys.revoke(issued.id())).isTrue();
        assertThat(told).containsExactly(issued.id());
        assertThat(info(issued).revokedAt()).isEqualTo(START);
        assertThat(keys.introspect(other.key())).isNotNull();

        clock.advance(Duration.ofDays(1));
        assertThat(keys.revoke(issued.id()))
                .as("again, for a listener that failed")
                .isTrue();
        assertThat(told).hasSize(2);
        assertThat(info(issued).revokedAt()).as("when it was revoked first").isEqualTo(START);
    }

    @Test
    void revoking_what_is_unknown_returns_false_and_tells_nobody() throws SQLException {
        List<String> told = new ArrayList<>();
        keys.onRevoked(told::add);
        assertThat(keys.revoke("0123456789AB")).isFalse();
        assertThat(keys.find("0123456789AB")).isNull();
        assertThat(told).isEmpty();
    }

    @Test
    void a_listener_that_fails_is_heard_of_and_keeps_no_other_from_hearing() throws SQLException {
        Issued issued = keys.issue("42", k -> k);
        List<String> told = new ArrayList<>();
        IllegalStateException failure = new IllegalStateException("the cache is away");
        keys.onRevoked(id -> {
            throw failure;
        });
        keys.onRevoked(told::add);
        assertThatThrownBy(() -> keys.revoke(issued.id())).isSameAs(failure);
        assertThat(told).containsExactly(issued.id());
        assertThat(keys.introspect(issued.key())).isNull();
    }

    @Test
    void a_key_revoked_while_it_overlaps_is_refused() throws SQLException {
        Issued old = keys.issue("42", k -> k);
        Issued next = keys.rotate(old.id(), Duration.ofDays(7));
        keys.revoke(old.id());
        assertThat(keys.introspect(old.key())).isNull();
        assertThat(keys.introspect(next.key())).isNotNull();
    }

    // ---- listing ----------------------------------------------------------------------------------------------------

    @Test
    void a_list_has_an_owners_keys_page_by_page_also_those_of_one_instant() throws SQLException {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            ids.add(keys.issue("42", k -> k).id());
            if (i % 3 == 2) clock.advance(Duration.ofMillis(1));
        }
        keys.issue("43", k -> k);
        keys.revoke(ids.get(0));

        List<Info> paged = new ArrayList<>();
        List<Info> page = keys.list("42", 2, null);
        while (!page.isEmpty() && paged.size() < 20) {
            assertThat(page).hasSizeLessThanOrEqualTo(2);
            paged.addAll(page);
            page = keys.list("42", 2, page.get(page.size() - 1));
        }
        assertThat(paged)
                .isEqualTo(keys.list("42"))
                .isSortedAccordingTo((a, b) -> a.createdAt().compareTo(b.createdAt()));
        assertThat(paged).extracting(Info::id).containsExactlyInAnyOrderElementsOf(ids);
        assertThat(keys.list("nobody")).isEmpty();
    }

    // ---- peppers ----------------------------------------------------------------------------------------------------

    @Test
    void keys_move_to_a_new_pepper_as_they_are_used() throws SQLException {
        Issued used = keys.issue("42", k -> k);
        Issued unused = keys.issue("42", k -> k);
        ApiKeys both = open(Map.of(1, PEPPER_1, 2, PEPPER_2), o -> o);
        ApiKeys second = open(Map.of(2, PEPPER_2), o -> o);
        Issued fresh = both.issue("42", k -> k);
        assertThat(second.introspect(fresh.key())).isNotNull();
        assertThat(both.countHashedWith(1)).isEqualTo(2);

        counting.reset();
        for (int i = 0; i < 10; i++) assertThat(both.introspect(used.key())).isNotNull();
        assertThat(counting.statements())
                .as("nothing is written while requests wait")
                .isEqualTo(10);
        both.flush();
        assertThat(counting.statements())
                .as("one for the hash, one for the use")
                .isEqualTo(12);

        assertThat(second.introspect(used.key())).isNotNull();
        assertThat(both.introspect(unused.key())).isNotNull();
        assertThat(both.countHashedWith(1)).isEqualTo(1);
        assertThat(both.countHashedWith(2)).isEqualTo(2);
        counting.reset();
        both.introspect(used.key());
        second.flush();
        both.flush();
        both.flush();
        assertThat(both.countHashedWith(1)).isZero();
        assertThat(second.introspect(unused.key())).isNotNull();
    }

    @Test
    void a_node_without_the_pepper_says_that_it_cannot_tell() throws SQLException {
        Issued issued = open(Map.of(2, PEPPER_2), o -> o).issue("42", k -> k);
        assertThatThrownBy(() -> keys.introspect(issued.key()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(issued.id())
                .hasMessageContaining("peppers [1]")
                .hasMessageNotContaining(issued.key().substring(21));
    }

    @Test
    void a_new_pepper_is_not_used_before_all_nodes_have_it() throws SQLException {
        ApiKeys prepared = open(Map.of(1, PEPPER_1, 2, PEPPER_2), o -> o.issueWith(1));
        Issued issued = prepared.issue("42", k -> k);
        assertThat(keys.introspect(issued.key())).isNotNull();
        ApiKeys second = open(Map.of(1, PEPPER_1, 2, PEPPER_2), o -> o);
        Issued later = second.issue("42", k -> k);
        assertThat(prepared.introspect(later.key())).isNotNull();
        prepared.flush();
        assertThat(prepared.countHashedWith(2)).as("no hash goes back").isEqualTo(1);
    }

    @Test
    void a_key_does_not_fit_another_pepper_of_the_same_version() throws SQLException {
        Issued issued = keys.issue("42", k -> k);
        ApiKeys wrong = open(Map.of(1, PEPPER_2), o -> o);
        assertThat(wrong.introspect(issued.key())).isNull();
    }

    // ---- last use ---------------------------------------------------------------------------------------------------

    @Test
    void uses_are_written_together_and_by_no_request() throws SQLException {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 20; i++) ids.add(keys.issue("42", k -> k).id());
        counting.reset();
        for (int i = 0; i < 1_000; i++) {
            clock.advance(Duration.ofMillis(10));
            for (String id : ids) keys.used(id);
        }
        assertThat(counting.connections()).isZero();
        keys.flush();
        assertThat(counting.statements()).isEqualTo(1);
        assertThat(keys.list("42"))
                .hasSize(20)
                .allSatisfy(info -> assertThat(info.lastUsedAt()).isEqualTo("2026-03-01T12:00:10Z"));
        counting.reset();
        keys.flush();
        assertThat(counting.connections()).as("nothing to write").isZero();
    }

    @Test
    void verifying_is_using_and_refusing_is_not() throws SQLException {
        Issued one = keys.issue("42", k -> k);
        Issued two = keys.issue("42", k -> k);
        keys.introspect(one.key());
        keys.introspect(new ApiKeyFormat("tk_live_").key(two.id(), random));
        keys.flush();
        assertThat(info(one).lastUsedAt()).isEqualTo("2026-03-01T12:00:00Z");
        assertThat(info(two).lastUsedAt()).isNull();
    }

    @Test
    void the_last_use_never_goes_back() throws SQLException {
        Issued issued = keys.issue("42", k -> k);
        ApiKeys late = open(Map.of(1, PEPPER_1), o -> o);
        late.used(issued.id());
        clock.advance(Duration.ofMinutes(1));
        keys.used(issued.id());
        clock.set(START.minusSeconds(5));
        keys.used(issued.id());
        keys.flush();
        late.flush();
        assertThat(info(issued).lastUsedAt()).isEqualTo("2026-03-01T12:01:00Z");
    }

    @Test
    void closing_writes_what_is_noted_and_verifying_goes_on() throws SQLException {
        Issued issued = keys.issue("42", k -> k);
        keys.used(issued.id());
        keys.close();
        keys.close();
        assertThat(info(issued).lastUsedAt()).isEqualTo("2026-03-01T12:00:00Z");
        assertThat(keys.introspect(issued.key())).isNotNull();
    }

    @Test
    void the_thread_writes_by_itself() throws SQLException {
        ApiKeys busy = open(Map.of(1, PEPPER_1), o -> o.flushEvery(Duration.ofMillis(100)));
        Issued issued = busy.issue("42", k -> k);
        busy.used(issued.id());
        Await.until("the use is written", () -> info(issued).lastUsedAt() != null);
    }

    // ---- the database -----------------------------------------------------------------------------------------------

    @Test
    void tables_are_created_once_by_however_many_nodes() throws Exception {
        ApiKeys other = open(Map.of(1, PEPPER_1), o -> o.table(table + "_more"));
        assertThat(together(8, () -> {
                    other.createTables();
                    return "created";
                }))
                .containsOnly("created");
        Issued issued = other.issue("42", k -> k);
        other.createTables();
        assertThat(other.introspect(issued.key())).isNotNull();
        assertThat(keys.introspect(issued.key())).as("another table").isNull();
    }

    @Test
    void a_table_may_be_in_a_schema() throws SQLException {
        execute("create schema if not exists security");
        ApiKeys other = open(Map.of(1, PEPPER_1), o -> o.table("security." + table));
        other.createTables();
        other.createTables();
        Issued issued = other.issue("42", k -> k);
        Issued next = other.rotate(issued.id(), Duration.ofDays(1));
        assertThat(other.introspect(next.key())).isNotNull();
        assertThat(other.list("42")).hasSize(2);
    }

    @Test
    void the_resource_can_be_applied_as_it_is_twice() throws Exception {
        try (InputStream in = Objects.requireNonNull(ApiKeys.class.getResourceAsStream("api-keys.sql"))) {
            String sql = new String(in.readAllBytes(), UTF_8);
            execute(sql);
            execute(sql);
        }
        ApiKeys other = open(Map.of(1, PEPPER_1), o -> o.table("tenfold_api_keys"));
        other.createTables();
        assertThat(other.introspect(other.issue("42", k -> k).key())).isNotNull();
    }

    @Test
    void a_pool_whose_connections_do_not_commit_by_themselves_will_do() throws SQLException {
        ApiKeys other = ApiKeys.on(
                withoutAutoCommit(dataSource()),
                Map.of(1, PEPPER_1),
                o -> o.prefix("tk_live_").table(table).clock(clock));
        open.add(other);
        Issued issued = other.issue("42", k -> k);
        assertThat(other.introspect(issued.key())).isNotNull();
        other.flush();
        assertThat(info(issued).lastUsedAt()).isNotNull();
        Issued next = other.rotate(issued.id(), Duration.ZERO);
        assertThat(keys.introspect(next.key())).isNotNull();
        assertThat(other.revoke(next.id())).isTrue();
        assertThat(keys.introspect(next.key())).isNull();
    }

    private static DataSource withoutAutoCommit(DataSource plain) {
        return changing(DataSource.class, plain, (name, result) -> {
            if (result instanceof Connection connection) connection.setAutoCommit(false);
            return result;
        });
    }

    @Test
    void connections_come_back_as_they_were() throws SQLException {
        try (Connection one = dataSource().getConnection()) {
            Connection pooled = (Connection) Proxy.newProxyInstance(
                    ApiKeysContract.class.getClassLoader(),
                    new Class<?>[] {Connection.class},
                    (proxy, method, args) -> method.getName().equals("close") ? null : invoke(one, method, args));
            DataSource pool = changing(DataSource.class, dataSource(), (name, result) -> {
                if (result instanceof Connection unused) unused.close();
                return pooled;
            });
            ApiKeys other =
                    ApiKeys.on(pool, Map.of(1, PEPPER_1), o -> o.table(table).clock(clock));
            open.add(other);
            Issued issued = other.issue("42", k -> k);
            assertThat(one.getAutoCommit()).isTrue();
            other.revoke(issued.id());
            assertThatThrownBy(() -> other.rotate(issued.id(), Duration.ZERO)).hasMessageContaining("was revoked");
            assertThat(one.getAutoCommit()).isTrue();
            other.close();
        }
    }

    @Test
    void another_database_is_refused_before_a_table_is_made() throws SQLException {
        DataSource claims = changing(
                DataSource.class,
                counting,
                (get, connection) -> changing(
                        Connection.class,
                        connection,
                        (name, result) -> result instanceof DatabaseMetaData data
                                ? changing(
                                        DatabaseMetaData.class,
                                        data,
                                        (ask, value) -> ask.equals("getDatabaseProductName") ? "Oracle" : value)
                                : result));
        ApiKeys other = ApiKeys.on(claims, Map.of(1, PEPPER_1), o -> o);
        open.add(other);
        assertThatThrownBy(other::createTables)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("PostgreSQL or H2, and this is Oracle");
        assertThat(counting.statements()).isZero();
    }

    interface Change {
        @Nullable
        Object of(String method, @Nullable Object result) throws SQLException;
    }

    /** What a real one returns, changed. */
    private static <T> T changing(Class<T> type, @Nullable Object target, Change change) {
        Objects.requireNonNull(target);
        return type.cast(Proxy.newProxyInstance(
                ApiKeysContract.class.getClassLoader(),
                new Class<?>[] {type},
                (proxy, method, args) -> change.of(method.getName(), invoke(target, method, args))));
    }

    private static @Nullable Object invoke(Object target, Method method, Object[] args) throws Throwable {
        try {
            return method.invoke(target, args);
        } catch (InvocationTargetException e) {
            throw e.getTargetException();
        }
    }

    @Test
    void what_the_database_refuses_is_no_verdict_and_tells_no_secret() throws SQLException {
        Issued issued = keys.issue("42", k -> k);
        ApiKeys other = open(Map.of(1, PEPPER_1), o -> o.table("missing"));
        assertThatThrownBy(() -> other.introspect(issued.key()))
                .isInstanceOf(SQLException.class)
                .hasStackTraceContaining("missing")
                .satisfies(e -> assertThat(String.valueOf(e.getMessage()).toLowerCase(java.util.Locale.ROOT))
                        .doesNotContain(issued.key().substring(21).toLowerCase(java.util.Locale.ROOT)));
        assertThatThrownBy(() -> other.issue("42", k -> k)).isInstanceOf(SQLException.class);
        assertThatThrownBy(() -> other.rotate(issued.id(), Duration.ZERO)).isInstanceOf(SQLException.class);
    }

    // ---- SQL of the tests -------------------------------------------------------------------------------------------

    interface Reader {
        void read(ResultSet row) throws SQLException;
    }

    void ask(String sql, Reader reader) throws SQLException {
        try (Connection connection = dataSource().getConnection();
                PreparedStatement statement = connection.prepareStatement(sql);
                ResultSet rows = statement.executeQuery()) {
            while (rows.next()) reader.read(rows);
        }
    }

    void execute(String sql) throws SQLException {
        try (Connection connection = dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
