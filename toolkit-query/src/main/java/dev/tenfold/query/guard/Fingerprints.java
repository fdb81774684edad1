package dev.tenfold.query.guard;

import java.util.ArrayList;
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
 * object of the same {@link Fingerprint#id}. What is promised: between two changes of the generation, {@link #text} gives one
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
    /** What a text takes besides its characters: objects, up to 16 literals and a node of the table. */
    static final int TEXT = 300;
    /** What a fingerprint takes besides its form, and a text as long as that: counters, windows, columns. */
    static final int FORM = 1_500;

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

    private volatile Map<String, Text> youngTexts = new ConcurrentHashMap<>();
    private Map<String, Text> oldTexts = new ConcurrentHashMap<>();
    private int sizeOfTexts;
    private long distinctTexts;
    /** By {@link Fingerprint#id}. */
    private Map<String, Fingerprint> young = new HashMap<>();

    private Map<String, Fingerprint> old = new HashMap<>();
    private int sizeOfForms;

    /**
     * A text as the application sends it, with its fingerprint.
     *
     * @param sql any text, also one that no database would take
     */
    Text text(String sql) {
        Text known = youngTexts.get(sql);
        return known != null ? known : find(sql);
    }

    /** The fingerprint of a text. */
    Fingerprint of(String sql) {
        return text(sql).fingerprint;
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
            for (Map<String, Text> texts : List.of(youngTexts, oldTexts)) {
                for (String text : texts.keySet()) size += size(text);
            }
            for (Fingerprint one : all()) size += size(one);
            return size;
        } finally {
            lock.unlock();
        }
    }

    private Text find(String sql) {
        Text known = known(sql);
        if (known != null) return known;
        SqlText read = SqlText.of(sql);
        lock.lock();
        try {
            Text meanwhile = known(sql);
            if (meanwhile != null) return meanwhile;
            distinctTexts++;
            String id = read.id();
            Fingerprint same = young.getOrDefault(id, old.get(id));
            return keep(read.text(same != null ? same : read.fingerprint()));
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Text known(String sql) {
        lock.lock();
        try {
            Text known = youngTexts.get(sql);
            if (known != null) return known;
            Text before = oldTexts.get(sql);
            return before == null ? null : keep(before);
        } finally {
            lock.unlock();
        }
    }

    /** Puts both into the young generations. With the lock. */
    private Text keep(Text text) {
        Fingerprint fingerprint = text.fingerprint;
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
        if (text.sql.length() <= MAX_LENGTH) {
            if (sizeOfTexts >= MAX_TEXTS) ageTexts();
            youngTexts.put(text.sql, text);
            sizeOfTexts += size(text.sql);
        }
        return text;
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
        return 2 * fingerprint.text.length() + fingerprint.roles.length + FORM;
    }
}
