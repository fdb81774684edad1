package dev.tenfold.auth;

import java.time.Duration;
import java.time.InstantSource;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * How {@link ApiKeys} look, where they are kept, and what they are hashed with. Immutable: each method returns changed
 * options.
 *
 * <pre>{@code
 * ApiKeys keys = ApiKeys.on(dataSource, Map.of(1, pepper), o -> o.prefix("shop_live_").table("security.api_keys"));
 * }</pre>
 */
public final class ApiKeysOptions {
    static final ApiKeysOptions DEFAULT = new ApiKeysOptions(
            "tk_", "tenfold_api_keys", ApiKeys.ISSUER, 0, Duration.ofMinutes(1), InstantSource.system());

    private static final Pattern PREFIX = Pattern.compile("[A-Za-z][0-9A-Za-z_]{0,30}_");
    private static final Pattern TABLE =
            Pattern.compile("([A-Za-z_][0-9A-Za-z_]{0,49}\\.)?[A-Za-z_][0-9A-Za-z_]{0,49}");
    private static final Duration SHORTEST_FLUSH = Duration.ofMillis(100);
    private static final Duration LONGEST_FLUSH = Duration.ofHours(1);

    final String prefix;
    final String table;
    final String issuer;

    /** Zero for the newest. */
    final int pepperInUse;

    final Duration flushEvery;
    final InstantSource clock;

    private ApiKeysOptions(
            String prefix, String table, String issuer, int pepperInUse, Duration flushEvery, InstantSource clock) {
        this.prefix = prefix;
        this.table = table;
        this.issuer = issuer;
        this.pepperInUse = pepperInUse;
        this.flushEvery = flushEvery;
        this.clock = clock;
    }

    /**
     * What all keys begin with: the company, and perhaps the environment, so that people and secret scanners know whose key
     * they have found. Keys of another prefix are refused, also if they are in the table.
     *
     * @param prefix 2 to 32 letters, digits and underscores, the first a letter, the last an underscore; default {@code tk_}
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ApiKeysOptions prefix(String prefix) {
        if (!PREFIX.matcher(prefix).matches()) {
            throw new IllegalArgumentException("prefix \"" + prefix
                    + "\" must be 2 to 32 ASCII letters, digits and underscores, begin with a letter and end with an"
                    + " underscore, as \"shop_live_\" does");
        }
        return new ApiKeysOptions(prefix, table, issuer, pepperInUse, flushEvery, clock);
    }

    /**
     * The table that the keys are in.
     *
     * @param table a name, or {@code schema.name}, each of up to 50 letters, digits and underscores; it is not quoted, so the
     *     database sees to its case; default {@code tenfold_api_keys}
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ApiKeysOptions table(String table) {
        if (!TABLE.matcher(table).matches()) {
            throw new IllegalArgumentException("table \"" + table
                    + "\" must be a name or schema.name, each of up to 50 ASCII letters, digits and underscores");
        }
        return new ApiKeysOptions(prefix, table, issuer, pepperInUse, flushEvery, clock);
    }

    /**
     * Who is told to have issued the keys.
     *
     * @param issuer 1 to 200 printable ASCII characters without blanks; default {@value ApiKeys#ISSUER}
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ApiKeysOptions issuer(String issuer) {
        if (issuer.isEmpty() || issuer.length() > 200 || issuer.chars().anyMatch(c -> c <= ' ' || c > '~')) {
            throw new IllegalArgumentException("issuer must be 1 to 200 printable ASCII characters without blanks");
        }
        return new ApiKeysOptions(prefix, table, issuer, pepperInUse, flushEvery, clock);
    }

    /**
     * Which pepper new keys are hashed with, and old ones as they are used. A node that was not given a key's pepper can
     * tell nothing of that key. So bring a new one in two deployments: first give it to all nodes while they issue with the
     * old one, then leave this out.
     *
     * @param pepperVersion one of those given; default the highest
     * @return changed options; {@link ApiKeys#on} refuses a version that was not given
     * @throws IllegalArgumentException if it is not from 1 to 1,000,000
     */
    public ApiKeysOptions issueWith(int pepperVersion) {
        if (pepperVersion < 1 || pepperVersion > ApiKeyPeppers.LAST_VERSION) {
            throw new IllegalArgumentException("pepper version " + pepperVersion + " must be from 1 to 1,000,000");
        }
        return new ApiKeysOptions(prefix, table, issuer, pepperVersion, flushEvery, clock);
    }

    /**
     * How often it is written which keys have been used last when. A process that dies loses what it has not written.
     *
     * @param interval 100 ms to 1 hour; default 1 minute
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public ApiKeysOptions flushEvery(Duration interval) {
        if (interval.compareTo(SHORTEST_FLUSH) < 0 || interval.compareTo(LONGEST_FLUSH) > 0) {
            throw new IllegalArgumentException("flushEvery " + interval + " must be from 100 ms to 1 hour");
        }
        return new ApiKeysOptions(prefix, table, issuer, pepperInUse, interval, clock);
    }

    /**
     * What time it is, by which keys expire. The database's clock is not asked.
     *
     * @param clock default the system's
     * @return changed options
     */
    public ApiKeysOptions clock(InstantSource clock) {
        Objects.requireNonNull(clock, "clock");
        return new ApiKeysOptions(prefix, table, issuer, pepperInUse, flushEvery, clock);
    }

    /** For messages. */
    @Override
    public String toString() {
        return "prefix " + prefix + ", table " + table + ", issuer " + issuer + ", flushEvery " + flushEvery;
    }
}
