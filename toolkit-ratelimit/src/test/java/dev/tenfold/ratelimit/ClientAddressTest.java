package dev.tenfold.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.InetAddress;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClientAddressTest {
    private static final String PEER = "10.0.0.9";

    private static String behind(int proxies, String... lines) {
        return ClientAddress.behind(proxies).of(PEER, List.of(lines));
    }

    private static String forwarded(int proxies, String... lines) {
        return ClientAddress.behind(proxies).forwarded().of(PEER, List.of(lines));
    }

    private static String direct(String peer) {
        return ClientAddress.direct().of(peer, List.of());
    }

    // Whose entry counts.

    @Test
    void without_a_proxy_no_header_is_believed() {
        assertThat(ClientAddress.direct().of(PEER, List.of("1.2.3.4"))).isEqualTo(PEER);
    }

    @Test
    void behind_one_proxy_the_last_entry_counts() {
        assertThat(behind(1, "192.0.2.1")).isEqualTo("192.0.2.1");
        assertThat(behind(1, "6.6.6.6, 7.7.7.7,192.0.2.1 ")).isEqualTo("192.0.2.1");
    }

    @Test
    void behind_two_proxies_the_last_but_one_counts() {
        assertThat(behind(2, "6.6.6.6, 192.0.2.1, 10.0.0.8")).isEqualTo("192.0.2.1");
    }

    @Test
    void all_lines_are_one_list() {
        assertThat(behind(2, "6.6.6.6", "192.0.2.1", "10.0.0.8")).isEqualTo("192.0.2.1");
        assertThat(behind(2, "6.6.6.6, 192.0.2.1", "10.0.0.8")).isEqualTo("192.0.2.1");
        assertThat(behind(1, "6.6.6.6", "192.0.2.1")).isEqualTo("192.0.2.1");
    }

    @Test
    void what_a_client_forges_changes_nothing() {
        for (String forged : List.of("6.6.6.6", "", ",,,", "for=6.6.6.6", "\"", "x".repeat(100_000), "é\u0000")) {
            assertThat(behind(1, forged, "192.0.2.1")).as(forged).isEqualTo("192.0.2.1");
            assertThat(behind(1, forged + ", 192.0.2.1")).as(forged).isEqualTo("192.0.2.1");
        }
    }

    @Test
    void the_nearest_address_counts_if_there_are_too_few_entries() {
        assertThat(behind(1)).isEqualTo(PEER);
        assertThat(behind(3, "192.0.2.1, 10.0.0.8")).isEqualTo("192.0.2.1");
        assertThat(behind(3, "192.0.2.1")).isEqualTo("192.0.2.1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "unknown",
                "_hidden",
                "localhost",
                "example.org",
                "1.2.3",
                "1.2.3.4.5",
                "1.2.3.256",
                "01.2.3.4",
                "1.2.3.4:",
                "1.2.3.4:123456",
                "1.2.3.4:x",
                "1.2.3.4 5",
                "0x7f.1",
                "2130706433",
                "::1::",
                "1:2",
                ":::",
                "1:2:3:4:5:6:7",
                "1:2:3:4:5:6:7:8:9",
                "1::2:3:4:5:6:7:8",
                "12345::",
                "g::",
                "::1.2.3",
                "1.2.3.4::",
                "::1.2.3.4:5",
                "1:2:3:4:5:6:7:1.2.3.4",
                "[::1",
                "::1]",
                "[::1]80",
                "[1.2.3.4]",
                "[]",
                "%",
                "\"1.2.3.4\"",
                "１.2.3.4",
                "::１",
                "1:",
                ":1:2:3:4:5:6:7"
            })
    void what_is_no_address_is_never_a_key(String entry) {
        assertThat(behind(1, entry)).isEqualTo(PEER);
        assertThat(behind(2, "192.0.2.1," + entry + ",10.0.0.8")).isEqualTo("10.0.0.8");
    }

    @Test
    void what_is_too_long_is_not_read() {
        assertThat(behind(1, " ".repeat(10_000) + "192.0.2.1")).isEqualTo(PEER);
        assertThat(behind(1, "::1%" + "z".repeat(10_000))).isEqualTo(PEER);
        assertThat(forwarded(1, "for=192.0.2.1;host=" + "x".repeat(10_000))).isEqualTo(PEER);
        assertThat(forwarded(1, "for=\"" + "\\".repeat(100_000) + "\"")).isEqualTo(PEER);
    }

    @Test
    void a_connection_without_an_address_is_unknown() {
        assertThat(ClientAddress.direct().of(null, List.of())).isEqualTo("unknown");
        assertThat(direct("/run/http.sock")).isEqualTo("unknown");
        assertThat(direct("1".repeat(100_000))).isEqualTo("unknown");
        assertThat(ClientAddress.behind(1).of(null, List.of("192.0.2.1"))).isEqualTo("192.0.2.1");
    }

    // The Forwarded header.

    @ParameterizedTest
    @ValueSource(
            strings = {
                "for=192.0.2.1",
                "For=\"192.0.2.1\"",
                "for=\"192.0.2.1:4711\"",
                "for=\"192.0.2.1:_a.b-c\"",
                "by=203.0.113.43;for=192.0.2.1;proto=http",
                "proto=https; host=\"a;b=c,d\" ; for=192.0.2.1",
                ";;for=192.0.2.1;",
                "host=\"a\\\"b\";for=192.0.2.1",
                "for=6.6.6.6, for=192.0.2.1",
                "for=6.6.6.6, host=\"a\\\"b,c\";for=192.0.2.1",
                "for=\"6.6.6.6, for=192.0.2.1",
                "for=\"a\\\", for=192.0.2.1",
                "for=x\\, for=192.0.2.1"
            })
    void forwarded_is_read(String line) {
        assertThat(forwarded(1, line)).isEqualTo("192.0.2.1");
    }

    @Test
    void forwarded_has_IPv6_in_brackets() {
        assertThat(forwarded(1, "for=\"[2001:db8:cafe::17]:4711\"")).isEqualTo("2001:db8:cafe::/64");
        assertThat(forwarded(1, "FOR=\"[2001:DB8:cafe::17]\"")).isEqualTo("2001:db8:cafe::/64");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "for=unknown",
                "for=_hidden",
                "for=\"_gazonk\"",
                "proto=https",
                "",
                "for",
                "for=",
                "192.0.2.1",
                "for=192.0.2.1;for=6.6.6.6",
                "for=6.6.6.6;FOR=192.0.2.1",
                "for=\"192.0.2.1",
                "for=192.0.2.1\"",
                "x for=1.1.1.1 y",
                "junk;for=192.0.2.1",
                "for=192.0.2.1;junk",
                "for=1\\.2.3.4"
            })
    void what_forwarded_does_not_say_is_not_guessed(String line) {
        assertThat(forwarded(1, line)).isEqualTo(PEER);
    }

    @Test
    void a_quotation_left_open_by_a_client_swallows_nothing() {
        assertThat(forwarded(2, "for=\"6.6.6.6", "for=192.0.2.1", "for=10.0.0.8"))
                .isEqualTo("192.0.2.1");
        assertThat(forwarded(2, "for=\"6.6.6.6, for=192.0.2.1;host=\"x,y\", for=10.0.0.8"))
                .isEqualTo("192.0.2.1");
    }

    @Test
    void only_the_header_that_was_chosen_is_named() {
        assertThat(ClientAddress.behind(1).header()).isEqualTo("X-Forwarded-For");
        assertThat(ClientAddress.behind(1).forwarded().header()).isEqualTo("Forwarded");
    }

    // One address, one spelling.

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1.2.3.4",
                "1.2.3.4:80",
                "::ffff:1.2.3.4",
                "::FFFF:102:304",
                "[::ffff:1.2.3.4]:80",
                "0:0:0:0:0:ffff:1.2.3.4",
                "0000:0000:0000:0000:0000:ffff:0102:0304",
                "::ffff:1.2.3.4%eth0"
            })
    void an_IPv4_address_has_one_spelling(String spelling) {
        assertThat(direct(spelling)).isEqualTo("1.2.3.4");
        assertThat(behind(1, spelling)).isEqualTo("1.2.3.4");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "2001:db8:0:1::1",
                "2001:DB8:0:1:ffff:ffff:ffff:ffff",
                "[2001:db8::1:0:0:0:1]:443",
                "[2001:db8:0:1::2%25en0]",
                "2001:0db8:0000:0001:0000:0000:1.2.3.4",
                "2001:db8:0:1::"
            })
    void an_IPv6_network_has_one_spelling(String spelling) {
        assertThat(direct(spelling)).isEqualTo("2001:db8:0:1::/64");
    }

    @ParameterizedTest
    @CsvSource({
        "32, 2001:db8::/32",
        "48, 2001:db8:aaaa::/48",
        "56, 2001:db8:aaaa:bb00::/56",
        "63, 2001:db8:aaaa:bbba::/63",
        "64, 2001:db8:aaaa:bbbb::/64",
        "65, 2001:db8:aaaa:bbbb:8000::/65",
        "128, 2001:db8:aaaa:bbbb:cccc:0:1:2"
    })
    void the_prefix_is_a_setting(int bits, String expected) {
        assertThat(ClientAddress.direct().ipv6Prefix(bits).of("2001:db8:aaaa:bbbb:cccc:0:1:2", List.of()))
                .isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "0:0:0:0:0:0:0:0, ::",
        "0:0:0:0:0:0:0:1, ::1",
        "1:0:0:0:0:0:0:0, 1::",
        "1:0:0:2:0:0:0:3, 1:0:0:2::3",
        "1:0:0:2:3:0:0:4, 1::2:3:0:0:4",
        "1:2:3:0:5:6:7:8, 1:2:3:0:5:6:7:8",
        "ABCD:0:0:0:0:0:0:000f, abcd::f"
    })
    void text_is_that_of_RFC_5952(String spelling, String expected) {
        assertThat(ClientAddress.direct().ipv6Prefix(128).of(spelling, List.of()))
                .isEqualTo(expected);
    }

    @Test
    void numbers_out_of_range_are_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ClientAddress.behind(0))
                .withMessageContaining("direct()");
        assertThatIllegalArgumentException().isThrownBy(() -> ClientAddress.behind(17));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ClientAddress.direct().ipv6Prefix(31));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ClientAddress.direct().ipv6Prefix(129));
    }

    // Whatever it is given.

    @Test
    void random_addresses_read_like_the_platforms() throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        ClientAddress whole = ClientAddress.behind(1).ipv6Prefix(128);
        for (int round = 0; round < 5_000; round++) {
            byte[] bytes = new byte[random.nextBoolean() ? 4 : 16];
            for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) (random.nextInt(3) == 0 ? random.nextInt() : 0);
            InetAddress address = InetAddress.getByAddress(bytes);
            String spelling = address.getHostAddress();
            String key = whole.of(PEER, List.of(spelling));
            String as = "seed " + seed + ", round " + round + ": " + spelling;
            assertThat(InetAddress.getByName(key)).as(as).isEqualTo(address);
            assertThat(whole.of(key, List.of())).as(as).isEqualTo(key);
            assertThat(whole.of(PEER, List.of('[' + key + "]:1")))
                    .as(as)
                    .isEqualTo(bytes.length == 16 ? mapped(key) : PEER);
        }
    }

    /** {@link InetAddress} knows no mapped addresses, so what looks like one is IPv4, which has no brackets. */
    private static String mapped(String key) {
        return key.contains(":") ? key : PEER;
    }

    @Test
    void random_junk_left_of_the_proxies_changes_nothing_and_throws_nothing() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 5_000; round++) {
            String junk = junk(random);
            String as = "seed " + seed + ", round " + round + ": " + junk;
            assertThat(behind(2, junk, "192.0.2.1, 10.0.0.8")).as(as).isEqualTo("192.0.2.1");
            assertThat(behind(2, junk + ",192.0.2.1", "10.0.0.8")).as(as).isEqualTo("192.0.2.1");
            assertThat(forwarded(2, junk, "for=192.0.2.1", "for=10.0.0.8"))
                    .as(as)
                    .isEqualTo("192.0.2.1");
            assertThat(forwarded(2, junk + ", for=\"192.0.2.1:1\";host=\"a,b\", for=10.0.0.8"))
                    .as(as)
                    .isEqualTo("192.0.2.1");
        }
    }

    @Test
    void random_junk_instead_of_addresses_gives_an_address_or_the_peer() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 5_000; round++) {
            String junk = junk(random);
            for (String key : List.of(behind(3, junk), forwarded(3, junk), direct(junk))) {
                assertThat(key)
                        .as("seed %d, round %d: %s", seed, round, junk)
                        .matches("unknown|[0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9a-f:]+/64");
            }
        }
    }

    private static String junk(Random random) {
        String alphabet = "0123456789abcfF::::...,,;;==\"\"\\\\[[]]%_ \tfor\u0000é";
        StringBuilder junk = new StringBuilder();
        for (int i = random.nextInt(40); i > 0; i--) {
            junk.append(random.nextInt(8) == 0 ? "for=" : "");
            junk.append(alphabet.charAt(random.nextInt(alphabet.length())));
        }
        return junk.toString();
    }
}
