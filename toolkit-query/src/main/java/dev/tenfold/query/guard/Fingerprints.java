package dev.tenfold.query.guard;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The fingerprints of one guard, at most some megabytes of them, however many texts there are.
 *
 * <p>A statement that is no longer used is forgotten, and with it what its executions took; if it comes again, it is another
 * object of the same {@link Fingerprint#id}. What is promised: between two changes of the generation, {@link #of} gives one
 * object for one normalised form, on all threads, and a fingerprint that was asked for in one generation is still the same
 * object all through the next. A generation ends when {@value #MAX_FORMS} characters of normalised forms have been new to it,
 * so literals in texts, however many, do not end one.
 *
 * <p>Texts that are known cost one look-up in a hash table, no lock and no memory. Texts of more than {@value #MAX_LENGTH}
 * characters are read each time.
 *
 * <p>Safe for use by many threads.
 */
final class Fingerprints {
    /** The longest text that is kept. */
    static final int MAX_LENGTH = 8_192;
    /** Characters of texts in a generation of texts, {@link #TEXT} for each text included. */
    static final int MAX_TEXTS = 2_000_000;
    /** Characters of normalised forms in a generation of fingerprints, {@link #FORM} for each included. */
    static final int MAX_FORMS = 2_000_000;
    /** What a text takes besides its characters: a string, its array's head and a node of the table. */
    static final int TEXT = 100;
    /** What a fingerprint takes besides its characters. */
    static final int FORM = 600;

    /*
     * Two tables, text → fingerprint and hash of the form → fingerprint, each in two generations. A new entry goes into the
     * young one; when that is full, it becomes the old one, and the old one is dropped. What is found in the old one is put
     * into the young one, too. So a table holds what was used since the last change, and forgets what was not used for a
     * whole generation.
     *
     * A look-up that finds the text does not touch the second table, so this must hold: the fingerprint of each young text
     * is a young fingerprint. It does, as the texts change their generation with the fingerprints (and by themselves, in
     * between). For the same reason an old text's fingerprint is at least an old one.
     *
     * All changes are made with the lock, by threads that met a text that is not young. The text is read before.
     */
    private final ReentrantLock lock = new ReentrantLock();

    private volatile Map<String, Fingerprint> youngTexts = new ConcurrentHashMap<>();
    private Map<String, Fingerprint> oldTexts = new ConcurrentHashMap<>();
    private int sizeOfTexts;
    private long distinctTexts;
    /** By {@link Fingerprint#id}. */
    private Map<String, Fingerprint> young = new HashMap<>();

    private Map<String, Fingerprint> old = new HashMap<>();
    private int sizeOfForms;

    /**
     * The fingerprint of a text as the application sends it.
     *
     * @param sql any text, also one that no database would take
     */
    Fingerprint of(String sql) {
        Fingerprint known = youngTexts.get(sql);
        return known != null ? known : find(sql);
    }

    private static final int MOST_WHOLE = 4_096;

    private final ConcurrentHashMap<String, Text> whole = new ConcurrentHashMap<>();

    /** The text with its fingerprint; all its literals together are one more value. */
    Text text(String sql) {
        Text known = whole.get(sql);
        if (known != null && known.fingerprint == of(sql)) return known;
        Fingerprint fingerprint = of(sql);
        boolean hasLiterals = fingerprint.literals != 0;
        byte[] roles = fingerprint.roles;
        if (hasLiterals) {
            roles = Arrays.copyOf(roles, roles.length + 1);
            roles[roles.length - 1] = role(fingerprint.literals);
        }
        Text text = new Text(sql, fingerprint, roles, hasLiterals ? new long[] {sql.hashCode()} : Text.NO_LITERALS);
        if (sql.length() > MAX_LENGTH) return text;
        if (whole.size() >= MOST_WHOLE) whole.clear();
        whole.put(sql, text);
        return text;
    }

    private static byte role(int bits) {
        for (byte role : new byte[] {Fingerprint.EQUAL, Fingerprint.OTHER, Fingerprint.WRITTEN, Fingerprint.RANGE}) {
            if ((bits & (1 << role)) != 0) return role;
        }
        return Fingerprint.LIMIT;
    }

    /** All that are remembered, in no order. */
    List<Fingerprint> all() {
        lock.lock();
        try {
            List<Fingerprint> all = new ArrayList<>(young.values());
            for (Fingerprint one : old.values()) {
                if (!young.containsKey(one.id)) all.add(one);
            }
            return all;
        } finally {
            lock.unlock();
        }
    }

    /** How many different texts there were; one that was forgotten, or is too long to be kept, counts each time. */
    long distinctTexts() {
        lock.lock();
        try {
            return distinctTexts;
        } finally {
            lock.unlock();
        }
    }

    /** Characters that are kept, with what each entry takes besides. */
    int size() {
        lock.lock();
        try {
            int size = 0;
            for (Map<String, Fingerprint> texts : List.of(youngTexts, oldTexts)) {
                for (String text : texts.keySet()) size += size(text);
            }
            for (Fingerprint one : all()) size += size(one);
            return size;
        } finally {
            lock.unlock();
        }
    }

    private Fingerprint find(String sql) {
        Fingerprint known = known(sql);
        if (known != null) return known;
        SqlText text = SqlText.of(sql);
        lock.lock();
        try {
            Fingerprint meanwhile = known(sql);
            if (meanwhile != null) return meanwhile;
            distinctTexts++;
            Fingerprint same = young.getOrDefault(text.id(), old.get(text.id()));
            return keep(sql, same != null ? same : text.fingerprint());
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Fingerprint known(String sql) {
        lock.lock();
        try {
            Fingerprint known = youngTexts.get(sql);
            if (known != null) return known;
            Fingerprint before = oldTexts.get(sql);
            return before == null ? null : keep(sql, before);
        } finally {
            lock.unlock();
        }
    }

    /** Puts both into the young generations. With the lock. */
    private Fingerprint keep(String sql, Fingerprint fingerprint) {
        if (!young.containsKey(fingerprint.id)) {
            if (sizeOfForms >= MAX_FORMS) {
                old = young;
                young = new HashMap<>();
                sizeOfForms = 0;
                ageTexts();
            }
            young.put(fingerprint.id, fingerprint);
            sizeOfForms += size(fingerprint);
        }
        if (sql.length() <= MAX_LENGTH) {
            if (sizeOfTexts >= MAX_TEXTS) ageTexts();
            youngTexts.put(sql, fingerprint);
            sizeOfTexts += size(sql);
        }
        return fingerprint;
    }

    private void ageTexts() {
        oldTexts = youngTexts;
        youngTexts = new ConcurrentHashMap<>();
        sizeOfTexts = 0;
    }

    private static int size(String text) {
        return text.length() + TEXT;
    }

    private static int size(Fingerprint fingerprint) {
        return fingerprint.text.length() + fingerprint.roles.length + FORM;
    }
}
