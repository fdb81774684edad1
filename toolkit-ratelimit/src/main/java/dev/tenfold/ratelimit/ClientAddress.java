package dev.tenfold.ratelimit;

import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * From where a request comes, as a key: the connection's address, or what a known number of proxies in front have noted.
 *
 * <pre>{@code
 * ClientAddress.direct()                       // no proxy
 * ClientAddress.behind(1)                      // a load balancer that adds to X-Forwarded-For
 * ClientAddress.behind(2).forwarded()          // a CDN and a load balancer that add to Forwarded (RFC 7239)
 * }</pre>
 *
 * <p><b>The count must be right.</b> Each proxy notes at the end of the header who has called it, so with {@code n} of them the
 * client is the {@code n}th from the right, and what it wrote itself stands further left, and is never looked at. If you count
 * more proxies than a client has to pass, since it can reach the inner one directly, it can write what it likes there and gets a
 * new limit for each request. If you count fewer, all clients share the limit of an outer proxy. Count what nobody can get
 * around.
 *
 * <p>If a proxy noted nothing, or what is no address ({@code unknown}, {@code _hidden}, a host's name), the nearest address that
 * is known counts: then those behind that proxy share a limit. Names are never looked up.
 *
 * <p>One address has one spelling here: {@code 1.2.3.4} is also {@code 1.2.3.4:5678}, {@code ::ffff:1.2.3.4} and {@code
 * [::ffff:102:304]:80}. IPv6 counts by {@link #ipv6Prefix network}, as one client has all addresses of one. Ports and zones are
 * dropped.
 *
 * <p>A server that looks at forwarded headers itself, such as Jetty's {@code ForwardedRequestCustomizer} or Spring's {@code
 * ForwardedHeaderFilter}, has replaced the connection's address before: see that it does not take the leftmost entry, which
 * clients forge, and use {@link #direct()}.
 *
 * <p>Immutable and thread-safe. A function of strings that blocks nobody, throws nothing whatever they are, and reads at most
 * {@value #LONGEST_ELEMENT} characters for each proxy.
 */
public final class ClientAddress {
    /** The most proxies: {@value}. */
    public static final int MOST_PROXIES = 16;

    /** The length of what one proxy may have noted: {@value} characters. */
    public static final int LONGEST_ELEMENT = 512;

    /** What stands for a connection without an address, for example through a Unix socket. */
    private static final String UNKNOWN = "unknown";

    private static final int DEFAULT_PREFIX = 64;
    private static final int WHOLE = 128;
    private static final int GROUPS = 8;

    private final int proxies;
    private final boolean forwarded;
    private final int prefix;

    private ClientAddress(int proxies, boolean forwarded, int prefix) {
        this.proxies = proxies;
        this.forwarded = forwarded;
        this.prefix = prefix;
    }

    /**
     * The connection's own address; no header is looked at.
     *
     * @return with IPv6 by /64
     */
    public static ClientAddress direct() {
        return new ClientAddress(0, false, DEFAULT_PREFIX);
    }

    /**
     * The address that the outermost of some proxies has noted in {@code X-Forwarded-For}.
     *
     * @param trustedProxies how many every client has to pass: 1 to {@value #MOST_PROXIES}
     * @return with IPv6 by /64
     * @throws IllegalArgumentException for another number
     */
    public static ClientAddress behind(int trustedProxies) {
        if (trustedProxies < 1 || trustedProxies > MOST_PROXIES) {
            throw new IllegalArgumentException("trustedProxies " + trustedProxies + " must be from 1 to " + MOST_PROXIES
                    + "; without a proxy, take direct()");
        }
        return new ClientAddress(trustedProxies, false, DEFAULT_PREFIX);
    }

    /**
     * Reads the {@code Forwarded} header of RFC 7239, and {@code X-Forwarded-For} no more: only one of them is what your
     * proxies write, and the other is all the client's.
     *
     * @return a changed setting
     */
    public ClientAddress forwarded() {
        return new ClientAddress(proxies, true, prefix);
    }

    /**
     * How much of an IPv6 address counts.
     *
     * @param bits 32 to 128; default 64, the least that one customer gets; many get 56 or 48
     * @return a changed setting
     * @throws IllegalArgumentException for another number
     */
    public ClientAddress ipv6Prefix(int bits) {
        if (bits < 32 || bits > WHOLE) {
            throw new IllegalArgumentException("an IPv6 prefix of " + bits + " bits must be from 32 to " + WHOLE);
        }
        return new ClientAddress(proxies, forwarded, bits);
    }

    /**
     * The header to read.
     *
     * @return its name; {@link #direct()} ignores it
     */
    public String header() {
        return forwarded ? "Forwarded" : "X-Forwarded-For";
    }

    /** Whether it looks at the header at all. */
    boolean readsHeader() {
        return proxies > 0;
    }

    /**
     * The client's address.
     *
     * @param peer the connection's remote address, or null if it has none
     * @param lines all lines of the {@link #header()} in their order; empty if there are none
     * @return for example {@code 192.0.2.1} or {@code 2001:db8:1:2::/64}; {@code unknown} if not even the peer is an address
     */
    public String of(@Nullable String peer, List<String> lines) {
        Objects.requireNonNull(lines, "lines");
        String known = peer == null || peer.length() > LONGEST_ELEMENT ? null : canonical(peer);
        FromTheRight elements = new FromTheRight(lines, forwarded);
        for (int proxy = 0; proxy < proxies; proxy++) {
            String element = elements.next();
            String node = element == null || !forwarded ? element : forwardedFor(element);
            String address = node == null ? null : canonical(node.strip());
            if (address == null) break;
            known = address;
        }
        return known == null ? UNKNOWN : known;
    }

    /**
     * The elements of a header, the last one first. From that end, since a client may have left a quotation open further
     * left, which would swallow what the proxies have added; what they add is whole in itself.
     */
    private static final class FromTheRight {
        private final List<String> lines;
        private final boolean quotations;
        private int line;
        private int end;

        FromTheRight(List<String> lines, boolean quotations) {
            this.lines = lines;
            this.quotations = quotations;
            toLine(lines.size() - 1);
        }

        private void toLine(int number) {
            line = number;
            end = number < 0 ? 0 : lines.get(number).length();
        }

        /** Null if there is none, or it is too long. */
        @Nullable
        String next() {
            if (line < 0) return null;
            String text = lines.get(line);
            boolean quoted = false;
            for (int i = end - 1; i >= 0; i--) {
                if (end - i > LONGEST_ELEMENT) return null;
                char c = text.charAt(i);
                if (c == ',' && !quoted) {
                    String element = text.substring(i + 1, end);
                    end = i;
                    return element;
                }
                if (quotations && c == '"' && !isEscaped(text, i)) quoted = !quoted;
            }
            String element = text.substring(0, end);
            toLine(line - 1);
            return element;
        }

        private boolean isEscaped(String text, int at) {
            int first = at;
            while (first > 0 && at - first < LONGEST_ELEMENT && text.charAt(first - 1) == '\\') first--;
            return (at - first) % 2 == 1;
        }
    }

    /** The value of {@code for} in {@code by=…;for="[2001:db8::1]:80";proto=https}; null unless there is exactly one. */
    private static @Nullable String forwardedFor(String element) {
        String value = null;
        int at = 0;
        while (at < element.length()) {
            int equals = element.indexOf('=', at);
            int semicolon = element.indexOf(';', at);
            if (semicolon >= 0 && (equals < 0 || semicolon < equals)) {
                // Empty pairs are allowed.
                if (!element.substring(at, semicolon).isBlank()) return null;
                at = semicolon + 1;
                continue;
            }
            if (equals < 0) return element.substring(at).isBlank() ? value : null;
            String name = element.substring(at, equals).strip();
            int end = endOfValue(element, equals + 1);
            if (end < 0) return null;
            if (name.equalsIgnoreCase("for")) {
                if (value != null) return null;
                value = unquoted(element.substring(equals + 1, end).strip());
            }
            at = end + 1;
        }
        return value;
    }

    /** Where the next semicolon is, or the end; -1 if a quotation is not closed. */
    private static int endOfValue(String element, int from) {
        boolean quoted = false;
        for (int i = from; i < element.length(); i++) {
            char c = element.charAt(i);
            if (c == '"') {
                quoted = !quoted;
            } else if (quoted && c == '\\') {
                i++;
            } else if (!quoted && c == ';') {
                return i;
            }
        }
        return quoted ? -1 : element.length();
    }

    /** No address has anything to escape. */
    private static String unquoted(String value) {
        boolean quoted = value.length() >= 2 && value.startsWith("\"") && value.endsWith("\"");
        return quoted ? value.substring(1, value.length() - 1) : value;
    }

    /** The one spelling of an address that may have a port; null if it is none. */
    private @Nullable String canonical(String node) {
        if (node.startsWith("[")) {
            int close = node.indexOf(']');
            if (close < 0 || !isPort(node, close + 1)) return null;
            return canonicalIpv6(node.substring(1, close));
        }
        int colon = node.indexOf(':');
        if (colon >= 0 && node.indexOf(':', colon + 1) >= 0) return canonicalIpv6(node);
        if (colon >= 0 && !isPort(node, colon)) return null;
        long ipv4 = ipv4(node, 0, colon < 0 ? node.length() : colon);
        return ipv4 < 0 ? null : text(ipv4);
    }

    /** Whether there is nothing from here on, or a colon and a port; RFC 7239 also has ports like {@code _a1}. */
    private static boolean isPort(String node, int from) {
        if (from == node.length()) return true;
        if (node.charAt(from) != ':' || from + 1 == node.length()) return false;
        boolean hidden = node.charAt(from + 1) == '_';
        if (!hidden && node.length() - from > 6) return false;
        for (int i = from + 1; i < node.length(); i++) {
            char c = node.charAt(i);
            boolean digit = c >= '0' && c <= '9';
            boolean letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || "._-".indexOf(c) >= 0;
            if (!digit && !(hidden && letter)) return false;
        }
        return true;
    }

    private @Nullable String canonicalIpv6(String host) {
        int zone = host.indexOf('%');
        int[] groups = ipv6(zone < 0 ? host : host.substring(0, zone));
        if (groups == null) return null;
        if (isMapped(groups)) return text((long) groups[6] << 16 | groups[7]);
        for (int i = 0; i < GROUPS; i++) {
            int kept = Math.max(0, Math.min(16, prefix - 16 * i));
            groups[i] &= 0xffff << (16 - kept) & 0xffff;
        }
        return prefix == WHOLE ? text(groups) : text(groups) + '/' + prefix;
    }

    /** {@code ::ffff:1.2.3.4}. */
    private static boolean isMapped(int[] groups) {
        for (int i = 0; i < 5; i++) {
            if (groups[i] != 0) return false;
        }
        return groups[5] == 0xffff;
    }

    /**
     * Four decimal numbers; -1 if it is anything else. Without leading noughts, which some read as octal: one address must not
     * be two keys.
     */
    private static long ipv4(String text, int from, int to) {
        long address = 0;
        int at = from;
        for (int part = 0; part < 4; part++) {
            if (part > 0) {
                if (at >= to || text.charAt(at) != '.') return -1;
                at++;
            }
            int start = at;
            int number = 0;
            while (at < to && at - start < 3 && isDigit(text.charAt(at))) {
                number = number * 10 + (text.charAt(at++) - '0');
            }
            boolean leadingNought = at - start > 1 && text.charAt(start) == '0';
            if (at == start || number > 255 || leadingNought) return -1;
            address = address << 8 | number;
        }
        return at == to ? address : -1;
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    /** Eight groups of RFC 4291, section 2.2; null if it is anything else. */
    private static int @Nullable [] ipv6(String text) {
        int[] groups = new int[GROUPS];
        int count = 0;
        int gap = -1;
        int at = 0;
        if (text.startsWith("::")) {
            gap = 0;
            at = 2;
        }
        while (at < text.length()) {
            int colon = text.indexOf(':', at);
            int end = colon < 0 ? text.length() : colon;
            if (colon < 0 && text.indexOf('.', at) >= 0) {
                long ipv4 = ipv4(text, at, end);
                if (ipv4 < 0 || count > GROUPS - 2) return null;
                groups[count++] = (int) (ipv4 >> 16);
                groups[count++] = (int) (ipv4 & 0xffff);
                break;
            }
            int group = hex(text, at, end);
            if (group < 0 || count == GROUPS) return null;
            groups[count++] = group;
            if (colon < 0) break;
            at = colon + 1;
            if (text.startsWith(":", at)) {
                if (gap >= 0) return null;
                gap = count;
                at++;
            } else if (at == text.length()) {
                return null;
            }
        }
        if (gap < 0) return count == GROUPS ? groups : null;
        if (count == GROUPS) return null;
        int tail = count - gap;
        int[] whole = new int[GROUPS];
        System.arraycopy(groups, 0, whole, 0, gap);
        System.arraycopy(groups, gap, whole, GROUPS - tail, tail);
        return whole;
    }

    /** One to four digits; -1 if it is anything else. */
    private static int hex(String text, int from, int to) {
        if (from == to || to - from > 4) return -1;
        int number = 0;
        for (int i = from; i < to; i++) {
            char c = text.charAt(i);
            // Character.digit also takes digits of other scripts.
            int digit = c < 128 ? Character.digit(c, 16) : -1;
            if (digit < 0) return -1;
            number = number << 4 | digit;
        }
        return number;
    }

    private static String text(long ipv4) {
        return (ipv4 >> 24 & 255) + "." + (ipv4 >> 16 & 255) + "." + (ipv4 >> 8 & 255) + "." + (ipv4 & 255);
    }

    /** As RFC 5952 wants it: the first of the longest runs of noughts left out, if there are at least two. */
    private static String text(int[] groups) {
        int run = 0;
        int from = -1;
        for (int i = 0; i < GROUPS; i++) {
            int end = i;
            while (end < GROUPS && groups[end] == 0) end++;
            if (end - i > Math.max(1, run)) {
                run = end - i;
                from = i;
            }
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < GROUPS; i++) {
            if (i == from) {
                text.append("::");
                i += run - 1;
            } else {
                if (i > 0 && text.charAt(text.length() - 1) != ':') text.append(':');
                text.append(Integer.toHexString(groups[i]));
            }
        }
        return text.toString();
    }

    /** For messages. */
    @Override
    public String toString() {
        String ipv6 = ", IPv6 by /" + prefix;
        return proxies == 0 ? "direct" + ipv6 : "behind " + proxies + " by " + header() + ipv6;
    }
}
