package dev.tenfold.ratelimit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What is wrong with a call that was refused, as a body of RFC 9457 with the types and the member {@code violated-policies} of
 * draft-ietf-httpapi-ratelimit-headers-10, section 5.
 *
 * <p>A refusal by this node's share of a limit is still one by the limit: 429. 503 is left to {@link Outage#CLOSED}, which
 * refuses whatever a client has used; a gateway may take a node that answers 503 out of service, and one busy client must not
 * bring that about.
 */
final class Problem {
    static final String MEDIA_TYPE = "application/problem+json";

    private static final String TYPES = "https://iana.org/assignments/http-problem-types#";
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int SERVICE_UNAVAILABLE = 503;

    final int status;
    final byte[] body;

    private Problem(int status, String body) {
        this.status = status;
        this.body = body.getBytes(UTF_8);
    }

    /** @param retryAfter what the client is told to wait, in seconds, or null if that is of no use */
    static Problem of(Decision refusal, @Nullable String retryAfter) {
        boolean closed = refusal instanceof Decision.Degraded degraded && degraded.outage() == Outage.CLOSED;
        int status = closed ? SERVICE_UNAVAILABLE : TOO_MANY_REQUESTS;
        String type = closed ? "temporary-reduced-capacity" : "quota-exceeded";
        String title = closed ? "The service has less capacity for the moment" : "Too many requests for the quota";
        String detail = retryAfter == null
                ? "This request costs more than the quota ever holds, so waiting is of no use."
                : "Wait " + retryAfter + " s before the next try.";
        String violated = refusal.violated().stream()
                .map(limit -> quoted(limit.name()))
                .collect(Collectors.joining(",", "[", "]"));
        String body = "{\"type\":" + quoted(TYPES + type) + ",\"title\":" + quoted(title) + ",\"status\":" + status
                + ",\"detail\":" + quoted(detail) + ",\"violated-policies\":" + violated + '}';
        return new Problem(status, body);
    }

    static String quoted(String text) {
        StringBuilder json = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ' || Character.isSurrogate(c)) {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        return json.append('"').toString();
    }
}
