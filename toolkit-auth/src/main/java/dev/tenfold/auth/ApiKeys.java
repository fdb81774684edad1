package dev.tenfold.auth;

import java.security.MessageDigest;
import java.security.SecureRandom;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * API keys: issues, verifies, rotates and revokes them, and keeps them in PostgreSQL or H2, hashed.
 *
 * <pre>{@code
 * ApiKeys keys = ApiKeys.on(dataSource, Map.of(1, pepper), o -> o.prefix("tk_live_"));
 * keys.createTables();
 * ApiKeys.Issued issued = keys.issue("tenant-7", k -> k.name("ci").scope("orders:read").expiresAt(then));
 * show(issued.key());                                            // now or never: nobody can look it up again
 *
 * TokenFacts facts = keys.introspect(text);                      // null if it is unknown, wrong, revoked or expired
 * ApiKeys.Issued next = keys.rotate(issued.id(), ofDays(7));     // the old one works for another week
 * keys.revoke(issued.id());
 * }</pre>
 *
 * <p><b>What it does not.</b> A revoked key is refused here at once, and by a cache in front when that is told: {@link
 * #onRevoked}. Nobody who can write to the table <em>and</em> knows the pepper is kept from anything. It does not check who
 * may revoke or rotate a key: {@link #find} tells whose it is. It deletes nothing.
 *
 * <p><b>How a key looks.</b> The prefix, a public id of 12 characters, an underscore, a secret of 32, and a checksum of 6, all
 * but the underscores letters and digits: {@code tk_live_3bQ9xTz0LmPa_…}. A double click selects all of it. Secret scanners
 * find keys by the prefix and {@value #REGEX_AFTER_PREFIX}, see {@link #regex}. The checksum (CRC-32, as in GitHub's tokens)
 * keeps what is mistyped or made up from costing a query; it is no authentication, as anybody can compute it.
 *
 * <p><b>What is kept of it.</b> HMAC-SHA-256 of all but the checksum by a pepper, a secret that is not in the database. That
 * takes microseconds. A slow hash, as passwords need, would gain nothing: the secret has 190 random bits, and nobody tries
 * that many. The hash covers prefix and id as well, so it fits no other row and no key of another environment.
 *
 * <p><b>A new pepper.</b> Give it to all nodes with {@link ApiKeysOptions#issueWith} still naming the old one; then leave that
 * out, and keys are hashed anew as they are used; drop the old one when {@link #countHashedWith} of it is 0. Keys that are
 * not used until then have to be replaced.
 *
 * <p><b>Cost.</b> {@link #introspect}: one select by primary key, none for what does not look like a key. {@link #used}: no
 * statement; what it notes is written by one daemon thread. Give the DataSource's driver a connect and a socket time-out:
 * statements end after 2 s, but only if the network delivers that.
 *
 * <p>Thread-safe. To be closed before the DataSource, which stays open.
 */
public final class ApiKeys implements Introspector, AutoCloseable {
    /** Who issued the keys, in {@link TokenFacts#issuer}, if {@link ApiKeysOptions#issuer} names nobody else: {@value}. */
    public static final String ISSUER = "urn:tenfold:api-key";

    /** What follows the prefix, as a regular expression that every secret scanner understands: {@value}. */
    public static final String REGEX_AFTER_PREFIX = "[0-9A-Za-z]{12}_[0-9A-Za-z]{38}";

    /** The most that {@link #list(String)} returns: {@value}. */
    public static final int LONGEST_LIST = 1_000;

    private static final Logger LOG = LoggerFactory.getLogger(ApiKeys.class);
    private static final int LONGEST_OWNER = 200;
    private static final int LONGEST_NAME = 100;
    private static final int LONGEST_SCOPE = 100;
    private static final int LONGEST_SCOPES = 4_000;
    private static final Duration SHORTEST_OVERLAP = Duration.ofMinutes(1);
    private static final Duration LONGEST_OVERLAP = Duration.ofDays(366);
    private static final Duration LONGEST_LIFE = Duration.ofDays(36_525);

    /** Compared with where there is no key, so that this takes as long. */
    private static final byte[] NO_HASH = new byte[32];

    private final ApiKeysOptions options;
    private final ApiKeyFormat format;
    private final ApiKeyPeppers peppers;
    private final ApiKeyTable table;
    private final ApiKeyWrites writes;
    private final InstantSource clock;
    private final SecureRandom random = new SecureRandom();
    private final List<Consumer<? super String>> listeners = new CopyOnWriteArrayList<>();

    private ApiKeys(DataSource dataSource, ApiKeyPeppers peppers, ApiKeysOptions options) {
        this.options = options;
        this.peppers = peppers;
        clock = options.clock;
        format = new ApiKeyFormat(options.prefix);
        table = new ApiKeyTable(dataSource, options.table);
        writes = new ApiKeyWrites(table, options.flushEvery, ApiKeyWrites.MOST_IDS);
    }

    /**
     * API keys in a database. Starts a daemon thread; does not ask the database yet.
     *
     * @param dataSource of PostgreSQL or H2; best a pool
     * @param peppers by version: secrets of 32 bytes or more from a random generator, which are not in the database; copied.
     *     New keys are hashed with the highest version, or with {@link ApiKeysOptions#issueWith}
     * @param change of the default options
     * @return to be closed
     * @throws IllegalArgumentException if there is no pepper, or one is too short, or an option does not fit
     */
    public static ApiKeys on(
            DataSource dataSource, Map<Integer, byte[]> peppers, UnaryOperator<ApiKeysOptions> change) {
        Objects.requireNonNull(dataSource, "dataSource");
        ApiKeysOptions options = change.apply(ApiKeysOptions.DEFAULT);
        return new ApiKeys(dataSource, new ApiKeyPeppers(peppers, options.pepperInUse), options);
    }

    /**
     * Creates the table and its index unless they are there: applies {@code dev/tenfold/auth/api-keys.sql}, which you can
     * apply yourself instead. Several nodes may do so at once.
     *
     * @throws SQLException if the database refuses
     * @throws IllegalStateException if it is neither PostgreSQL nor H2
     */
    public void createTables() throws SQLException {
        table.create();
    }

    /**
     * What this application's keys look like, for the configuration of a secret scanner. What it finds, {@link
     * #isWellFormed} tells from its likes.
     *
     * @return a regular expression: the prefix and {@value #REGEX_AFTER_PREFIX}
     */
    public String regex() {
        return options.prefix + REGEX_AFTER_PREFIX;
    }

    // ---- issuing ----------------------------------------------------------------------------------------------------

    /** What a new key is for. Immutable: each method returns a changed one. */
    public static final class NewKey {
        private static final NewKey DEFAULT = new NewKey(null, Set.of(), null);

        private final @Nullable String name;
        private final Set<String> scopes;
        private final @Nullable Instant expiresAt;

        private NewKey(@Nullable String name, Set<String> scopes, @Nullable Instant expiresAt) {
            this.name = name;
            this.scopes = scopes;
            this.expiresAt = expiresAt;
        }

        /**
         * What people call the key.
         *
         * @param newName 1 to 100 characters, no control characters; default none
         * @return a changed one
         * @throws IllegalArgumentException for anything else
         */
        public NewKey name(String newName) {
            return new NewKey(checkText("name", newName, LONGEST_NAME), scopes, expiresAt);
        }

        /**
         * Adds what the key permits.
         *
         * @param values of up to 100 printable ASCII characters without blanks, quotes and backslashes (RFC 6749, 3.3); 4,000
         *     characters all together, with a blank between two; default none
         * @return a changed one
         * @throws IllegalArgumentException for anything else
         */
        public NewKey scope(String... values) {
            return scope(Arrays.asList(values));
        }

        /**
         * Adds what the key permits.
         *
         * @param values as in {@link #scope(String...)}
         * @return a changed one
         * @throws IllegalArgumentException for anything else
         */
        public NewKey scope(Collection<String> values) {
            Set<String> all = new LinkedHashSet<>(scopes);
            int length = scopes.stream().mapToInt(scope -> scope.length() + 1).sum();
            for (String value : values) {
                if (!isScope(value)) {
                    throw new IllegalArgumentException(
                            "a scope of " + value.length() + " characters must be 1 to "
                                    + LONGEST_SCOPE
                                    + " printable ASCII characters, without blanks, quotes and backslashes: give one at a time");
                }
                if (all.add(value)) length += value.length() + 1;
                if (length > LONGEST_SCOPES) {
                    throw new IllegalArgumentException(
                            "the scopes have more than 4,000 characters; name groups of them");
                }
            }
            return new NewKey(name, Collections.unmodifiableSet(all), expiresAt);
        }

        private static boolean isScope(String text) {
            return !text.isEmpty()
                    && text.length() <= LONGEST_SCOPE
                    && text.chars().allMatch(c -> c > ' ' && c <= '~' && c != '"' && c != '\\');
        }

        /**
         * From when the key no longer works.
         *
         * @param time in the future, by 100 years at most; parts of a second are dropped; default never
         * @return a changed one; {@link ApiKeys#issue} refuses another time
         */
        public NewKey expiresAt(Instant time) {
            return new NewKey(name, scopes, time.truncatedTo(ChronoUnit.SECONDS));
        }

        /** For messages. */
        @Override
        public String toString() {
            return "NewKey[name " + name + ", scopes " + scopes + ", expires " + expiresAt + "]";
        }
    }

    /** A key that was just made: the only time that it can be seen. Immutable. */
    public static final class Issued {
        private final String key;
        private final Info info;

        private Issued(String key, Info info) {
            this.key = key;
            this.info = info;
        }

        /**
         * The key itself. Show it to its owner and forget it.
         *
         * @return all of it
         */
        public String key() {
            return key;
        }

        /**
         * The public part, which names the key ever after.
         *
         * @return 12 letters and digits
         */
        public String id() {
            return info.id();
        }

        /**
         * What the table says of it.
         *
         * @return without a secret
         */
        public Info info() {
            return info;
        }

        /** Not the key. */
        @Override
        public String toString() {
            return "Issued[id " + info.id() + "]";
        }
    }

    /**
     * What may be known of a key: neither its secret nor the hash. Immutable.
     *
     * @param id the public part, 12 letters and digits
     * @param owner whom it speaks for
     * @param name what people call it, or null
     * @param scopes what it permits; unmodifiable
     * @param createdAt when it was issued, to the millisecond
     * @param expiresAt from when it no longer works, in whole seconds; null for never
     * @param revokedAt when it was revoked, or null
     * @param replacedBy the id of the key that it was rotated to, or null
     * @param lastUsedAt when it was used last, in whole seconds, {@link ApiKeysOptions#flushEvery} late; null for not yet
     */
    public record Info(
            String id,
            String owner,
            @Nullable String name,
            Set<String> scopes,
            Instant createdAt,
            @Nullable Instant expiresAt,
            @Nullable Instant revokedAt,
            @Nullable String replacedBy,
            @Nullable Instant lastUsedAt) {
        /**
         * Whether the key works.
         *
         * @param time when
         * @return false if it is revoked, or has expired by then
         */
        public boolean worksAt(Instant time) {
            return revokedAt == null && (expiresAt == null || time.isBefore(expiresAt));
        }
    }

    /**
     * Makes a key. Blocks for one insert.
     *
     * @param owner whom it speaks for, the {@link TokenFacts#subject}: 1 to 200 characters, no control characters
     * @param change what it is for
     * @return the key, for the only time
     * @throws IllegalArgumentException if the owner or what it is for does not fit; nothing was asked of the database
     * @throws SQLException if the database refuses; there is no new key then, or nobody knows it
     */
    public Issued issue(String owner, UnaryOperator<NewKey> change) throws SQLException {
        checkText("owner", owner, LONGEST_OWNER);
        NewKey wanted = change.apply(NewKey.DEFAULT);
        Instant now = now();
        Instant expiresAt = wanted.expiresAt;
        if (expiresAt != null && (!expiresAt.isAfter(now) || expiresAt.isAfter(now.plus(LONGEST_LIFE)))) {
            throw new IllegalArgumentException("expiresAt " + expiresAt
                    + " must be in the future, by 100 years at most, and it is " + now + "; leave it out for never");
        }
        Made made = make(owner, wanted.name, wanted.scopes, now, expiresAt);
        table.insert(made.row);
        return made.issued;
    }

    /** A key, and its row to be. */
    private static final class Made {
        final Issued issued;
        final ApiKeyTable.Row row;

        Made(Issued issued, ApiKeyTable.Row row) {
            this.issued = issued;
            this.row = row;
        }
    }

    private Made make(
            String owner, @Nullable String name, Set<String> scopes, Instant now, @Nullable Instant expiresAt) {
        String id = ApiKeyFormat.random(random, ApiKeyFormat.ID_LENGTH);
        String key = format.key(id, random);
        Info info = new Info(id, owner, name, scopes, now, expiresAt, null, null, null);
        ApiKeyTable.Row row = new ApiKeyTable.Row(info, peppers.hash(format.signed(key)), peppers.inUse());
        return new Made(new Issued(key, info), row);
    }

    // ---- verifying --------------------------------------------------------------------------------------------------

    /** Looks at prefix, length, alphabet and checksum; no I/O. That it looks right proves nothing. */
    @Override
    public boolean isWellFormed(String token) {
        return format.fits(token);
    }

    /**
     * The public id in a key, as for revoking a key that was found in public. Nothing but the looks of the key is checked:
     * who knows an id can make up such a text.
     *
     * @param key all of it
     * @return the id, or null if it is not {@linkplain #isWellFormed well-formed}
     */
    public @Nullable String idOf(String key) {
        return format.fits(key) ? format.id(key) : null;
    }

    /**
     * Looks a key up, and notes that it was {@link #used}. Blocks for one select by primary key, for 2 s at most if the
     * network delivers; not at all for what is not {@linkplain #isWellFormed well-formed}.
     *
     * @param token the key, or any text
     * @return issuer, subject (the owner), session and token id (both the key's id), scopes, times, and the claim
     *     {@code name}; null if the key is unknown, wrong, revoked or expired, which is not told apart
     * @throws SQLException if the database cannot tell
     * @throws IllegalStateException if this node was not given the pepper that the key is hashed with
     */
    @Override
    public @Nullable TokenFacts introspect(String token) throws SQLException {
        if (!format.fits(token)) return null;
        String id = format.id(token);
        String signed = format.signed(token);
        ApiKeyTable.Row row = table.find(id);
        byte[] hash = peppers.hash(row == null ? peppers.inUse() : row.pepper, signed);
        if (hash == null) {
            throw new IllegalStateException(
                    "API key " + id + " is hashed with a pepper that this node was not given; it has " + peppers
                            + ": give it all that are in use");
        }
        boolean right = MessageDigest.isEqual(hash, row == null ? NO_HASH : row.hash);
        Instant now = clock.instant();
        if (row == null || !right || !row.info.worksAt(now)) return null;

        writes.used(id, now.getEpochSecond());
        if (row.pepper < peppers.inUse() && writes.wantsRehash(id)) {
            writes.rehash(id, new ApiKeyTable.Rehash(row.hash, peppers.hash(signed), peppers.inUse()));
        }
        return facts(row.info);
    }

    private TokenFacts facts(Info info) {
        return TokenFacts.of(options.issuer, info.owner())
                .sessionId(info.id())
                .tokenId(info.id())
                .scope(info.scopes())
                .issuedAt(info.createdAt())
                .expiresAt(info.expiresAt())
                .claim("name", info.name())
                .build();
    }

    /** The same for the same issuer, prefix and table. */
    @Override
    public String id() {
        return "api-keys " + options.issuer + ' ' + options.prefix + ' ' + options.table;
    }

    /**
     * Notes that a key was used. For whoever accepts a request by facts from a cache, so that {@link Info#lastUsedAt} is true
     * all the same. Does not block and does no I/O; allocates for the first use in an interval only.
     *
     * @param id of an accepted key, {@link TokenFacts#tokenId}
     * @throws IllegalArgumentException if it is not an id
     */
    public void used(String id) {
        requireId(id);
        writes.used(id, Math.floorDiv(clock.millis(), 1_000L));
    }

    // ---- ending -----------------------------------------------------------------------------------------------------

    /**
     * Names who is to hear of keys that no longer work, as a cache in front: {@code keys.onRevoked(id ->
     * cache.revokeSession(ApiKeys.ISSUER, id))}. Called after the commit, on the thread that revokes or rotates, on this node
     * only. Not called when a key expires by itself: its facts say when.
     *
     * @param listener is given the id; may block
     */
    public void onRevoked(Consumer<? super String> listener) {
        listeners.add(Objects.requireNonNull(listener, "listener"));
    }

    /**
     * Replaces a key by a new one with the same owner, name, scopes and length of life. In one transaction; of several calls
     * at once, one succeeds.
     *
     * @param id of a key that works
     * @param overlap how long the old one works from now on, unless it expires sooner: zero, or 1 minute to 366 days, as a
     *     cache may remember the old expiry for some seconds. With zero, the {@linkplain #onRevoked listeners} are called; if
     *     one fails, that is logged, as the new key must not get lost
     * @return the new key, for the only time
     * @throws IllegalArgumentException if there is no such key, or the overlap does not fit
     * @throws IllegalStateException if the key is revoked, has expired, or was rotated before
     * @throws SQLException if the database refuses; unless the commit's answer got lost, nothing has changed
     */
    public Issued rotate(String id, Duration overlap) throws SQLException {
        requireId(id);
        boolean atOnce = overlap.isZero();
        if (!atOnce && (overlap.compareTo(SHORTEST_OVERLAP) < 0 || overlap.compareTo(LONGEST_OVERLAP) > 0)) {
            throw new IllegalArgumentException(
                    "overlap " + overlap + " must be zero, to end the old key at once, or from 1 minute to 366 days");
        }
        Rotation rotation = new Rotation(now(), overlap);
        if (!table.replace(id, rotation)) {
            throw new IllegalArgumentException("there is no API key " + id + "; list(owner) has an owner's");
        }
        if (atOnce) {
            try {
                tellRevoked(id);
            } catch (RuntimeException e) {
                LOG.error(
                        "API key {} was rotated without overlap, but a listener failed: a cache may take the key for good"
                                + " until it forgets; call revoke(\"{}\") to tell it again",
                        id,
                        id,
                        e);
            }
        }
        return Objects.requireNonNull(rotation.issued, "replaced");
    }

    private final class Rotation implements ApiKeyTable.Replacement {
        private final Instant now;
        private final Instant end;

        @Nullable
        Issued issued;

        Rotation(Instant now, Duration overlap) {
            this.now = now;
            end = now.plus(overlap).truncatedTo(ChronoUnit.SECONDS);
        }

        @Override
        public ApiKeyTable.Row of(Info old) {
            if (old.revokedAt() != null) {
                throw new IllegalStateException(
                        "API key " + old.id() + " was revoked at " + old.revokedAt() + "; issue a new one");
            }
            if (old.replacedBy() != null) {
                throw new IllegalStateException(
                        "API key " + old.id() + " was rotated before; rotate its successor " + old.replacedBy());
            }
            if (!old.worksAt(now)) {
                throw new IllegalStateException(
                        "API key " + old.id() + " expired at " + old.expiresAt() + "; issue a new one");
            }
            Instant expiresAt = old.expiresAt() == null
                    ? null
                    : now.plus(Duration.between(old.createdAt(), old.expiresAt()))
                            .truncatedTo(ChronoUnit.SECONDS);
            Made made = make(old.owner(), old.name(), old.scopes(), now, expiresAt);
            issued = made.issued;
            return made.row;
        }

        @Override
        public Instant end(Info old) {
            Instant before = old.expiresAt();
            return before != null && before.isBefore(end) ? before : end;
        }
    }

    /**
     * Ends a key at once, and tells the {@linkplain #onRevoked listeners}, each time: call it again if one of them failed.
     *
     * @param id of a key
     * @return true if it no longer works; false if there is no such key
     * @throws IllegalArgumentException if it is not an id, as when it is the whole key: {@link #idOf} has its id
     * @throws SQLException if the database refuses
     * @throws RuntimeException what a listener throws; the key is revoked in the database by then
     */
    public boolean revoke(String id) throws SQLException {
        requireId(id);
        if (!table.revoke(id, now())) return false;
        tellRevoked(id);
        return true;
    }

    private void tellRevoked(String id) {
        RuntimeException failure = null;
        for (Consumer<? super String> listener : listeners) {
            try {
                listener.accept(id);
            } catch (RuntimeException e) {
                if (failure == null) failure = e;
                else failure.addSuppressed(e);
            }
        }
        if (failure != null) throw failure;
    }

    // ---- looking ----------------------------------------------------------------------------------------------------

    /**
     * What is known of one key, as for asking whose it is before it is revoked.
     *
     * @param id of a key
     * @return null if there is no such key
     * @throws IllegalArgumentException if it is not an id
     * @throws SQLException if the database cannot tell
     */
    public @Nullable Info find(String id) throws SQLException {
        requireId(id);
        ApiKeyTable.Row row = table.find(id);
        return row == null ? null : row.info;
    }

    /**
     * An owner's keys, oldest first, with those that no longer work; {@value #LONGEST_LIST} at most.
     *
     * @param owner whose
     * @return unmodifiable; if it is full, ask {@link #list(String, int, Info)} for the rest
     * @throws IllegalArgumentException if that can be no owner
     * @throws SQLException if the database cannot tell
     */
    public List<Info> list(String owner) throws SQLException {
        return list(owner, LONGEST_LIST, null);
    }

    /**
     * A page of an owner's keys, oldest first.
     *
     * @param owner whose
     * @param limit how many at most, 1 to {@value #LONGEST_LIST}
     * @param after the last one of the page before; null for the first page
     * @return unmodifiable; with fewer than the limit, the last page
     * @throws IllegalArgumentException if that can be no owner, or the limit does not fit
     * @throws SQLException if the database cannot tell
     */
    public List<Info> list(String owner, int limit, @Nullable Info after) throws SQLException {
        checkText("owner", owner, LONGEST_OWNER);
        if (limit < 1 || limit > LONGEST_LIST) {
            throw new IllegalArgumentException("limit " + limit + " must be from 1 to 1,000");
        }
        return after == null
                ? table.list(owner, Instant.EPOCH, "", limit)
                : table.list(owner, after.createdAt(), after.id(), limit);
    }

    /**
     * How many keys that work are hashed with a pepper: as long as there are any, that pepper is needed. Reads all the table.
     *
     * @param pepperVersion of a pepper
     * @return a count
     * @throws SQLException if the database cannot tell
     */
    public long countHashedWith(int pepperVersion) throws SQLException {
        return table.count(pepperVersion, now());
    }

    /** Writes when keys were used last, waiting 5 s at most, and ends the thread. Keys can be verified ever after. */
    @Override
    public void close() {
        writes.close();
    }

    /** Writes now what the thread writes from time to time. */
    void flush() {
        writes.flush();
    }

    /** The options and the versions of the peppers, not the peppers. */
    @Override
    public String toString() {
        return "ApiKeys[" + options + ", " + peppers + "]";
    }

    /** As exact as the table. */
    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    private static void requireId(String id) {
        if (!ApiKeyFormat.isId(id)) {
            throw new IllegalArgumentException("a text of " + id.length()
                    + " characters is no API key's id, which is 12 letters and digits; idOf(key) has that of a key");
        }
    }

    private static String checkText(String what, String text, int longest) {
        if (text.isBlank()
                || text.length() > longest
                || text.chars().anyMatch(Character::isISOControl)
                || isBroken(text)) {
            throw new IllegalArgumentException(what + " of " + text.length() + " characters must be 1 to " + longest
                    + " characters, not all blank, without control characters and halves of surrogate pairs");
        }
        return text;
    }

    private static boolean isBroken(String text) {
        return text.codePoints().anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
    }
}
