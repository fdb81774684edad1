package dev.tenfold.auth;

import java.time.Instant;
import java.util.Map;

/**
 * A login session as it was when it was asked for. Its id is not in it; nothing in it lets anybody in. Immutable.
 *
 * @param subject who is logged in
 * @param handle 43 letters, digits, {@code -} and {@code _} that name it in public, for {@link Sessions#endByHandle}. A
 *     keyed digest of the id, so it changes when that does
 * @param createdAt when the subject logged in, to the microsecond; {@link Sessions#rotate} leaves it
 * @param lastSeenAt when it was last touched: up to a tenth of the idle time before it was last asked for
 * @param expiresAt when it ends if it is not touched again
 * @param attributes unmodifiable
 */
public record Session(
        String subject,
        String handle,
        Instant createdAt,
        Instant lastSeenAt,
        Instant expiresAt,
        Map<String, String> attributes) {

    /** Handle and expiry; not whose it is, nor the attributes, as they may be personal data. */
    @Override
    public String toString() {
        return "Session[handle " + handle + ", expires " + expiresAt + "]";
    }
}
