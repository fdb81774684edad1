package dev.tenfold.query.guard;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.channels.FileLock;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The findings that a project has and knows of, in a text file: they pass, and new ones fail the test.
 *
 * <pre>{@code
 * # The report reads author by author until #123.
 * N_PLUS_ONE 3f1c0a9be2d47755 com.acme.PostService.view  # select * from author where id = ?
 * }</pre>
 *
 * <p>A line is a kind, a fingerprint and a call site, without its line number, so that editing the class breaks nothing; what
 * follows {@code #} is for the reader. A line of N_PLUS_ONE covers a LOOP of the same statement and method too, and the other
 * way round: which of them it is depends on whether the query before it was seen. Lines are sorted, so that two branches
 * seldom meet in one place. Lines that begin with {@code #} are kept, with the finding that follows them.
 *
 * <p>Tests that run with {@code -Dtenfold.baseline=write} add what they find, and pass. Nothing is ever removed: of that
 * a run of some tests knows too little. Findings that did not show up are told by {@link #unseen}, which {@link WatchQueries}
 * logs at the end of the run.
 *
 * <p>The file is read when it is needed first, and once a process. It is replaced as a whole, so that nobody sees half of it,
 * and under a lock, so that parallel tests and processes do not lose each other's lines. Thread-safe.
 */
public final class Baseline {
    private static final Logger LOG = LoggerFactory.getLogger(Baseline.class);
    private static final String PROPERTY = "tenfold.baseline";
    private static final ConcurrentHashMap<Path, Baseline> BASELINES = new ConcurrentHashMap<>();
    private static final Pattern BLANKS = Pattern.compile("\\s+");
    private static final Pattern CONFLICT = Pattern.compile("(<{7}|={7}|>{7}|\\|{7})( .*)?");
    private static final Pattern LAMBDA = Pattern.compile("lambda\\$(.+)\\$\\d+");
    private static final Pattern GENERATED_CLASS = Pattern.compile("\\$\\$.*");

    private final Path file;
    private final ReentrantLock lock = new ReentrantLock();
    /** What the file says; null until it is read. */
    private @Nullable Content content;

    private final Set<String> seen = new TreeSet<>();

    /** By kind, fingerprint and site: the whole line, and the comments before it. Guarded by the lock. */
    private static final class Content {
        private final TreeMap<String, String> lines = new TreeMap<>();
        private final TreeMap<String, List<String>> comments = new TreeMap<>();
        private final List<String> last = new ArrayList<>();

        private boolean covers(Finding finding) {
            return lines.containsKey(key(finding)) || lines.containsKey(twin(finding));
        }
    }

    private Baseline(Path file) {
        this.file = file;
    }

    /**
     * The baseline in a file, which need not exist: then no finding is known.
     *
     * @param path where it is, as {@code "src/test/resources/queries.baseline"}: relative to the module's folder, which is the
     *     system property {@code basedir}, as Maven sets it, or else the working directory
     * @return the same object for the same file
     * @throws IllegalArgumentException if the path is empty or a folder
     */
    public static Baseline at(String path) {
        Objects.requireNonNull(path, "path");
        if (path.isBlank()) throw new IllegalArgumentException("the baseline's path is empty");
        String module = System.getProperty("basedir");
        Path file = Path.of(module == null ? "" : module)
                .resolve(path)
                .toAbsolutePath()
                .normalize();
        if (Files.isDirectory(file)) {
            throw new IllegalArgumentException(file + " is a folder; name the baseline's file in it");
        }
        return BASELINES.computeIfAbsent(file, Baseline::new);
    }

    /**
     * The lines of the file of which nothing was found in this process so far. If all tests have run, they can be removed.
     *
     * @return the lines
     * @throws IllegalStateException if the file has lines that are no findings
     * @throws UncheckedIOException if it cannot be read
     */
    public List<String> unseen() {
        lock.lock();
        try {
            List<String> unseen = new ArrayList<>();
            read().lines.forEach((key, line) -> {
                if (!seen.contains(key)) unseen.add(line);
            });
            return unseen;
        } finally {
            lock.unlock();
        }
    }

    /** Those that are not in the file; none if they are to be written, as they are in it then. */
    List<Finding> unknown(Collection<Finding> findings) {
        boolean write = isToBeWritten();
        lock.lock();
        try {
            Content known = read();
            List<Finding> unknown = new ArrayList<>();
            for (Finding finding : findings) {
                seen.add(key(finding));
                seen.add(twin(finding));
                if (!known.covers(finding)) unknown.add(finding);
            }
            if (unknown.isEmpty() || !write) return unknown;
            add(unknown);
            return List.of();
        } finally {
            lock.unlock();
        }
    }

    /** Refuses a file that is no baseline, and a mode that is none. */
    void check() {
        boolean unused = isToBeWritten();
        lock.lock();
        try {
            Content unusedContent = read();
        } finally {
            lock.unlock();
        }
    }

    private static boolean isToBeWritten() {
        String mode = System.getProperty(PROPERTY);
        if (mode == null || mode.isEmpty()) return false;
        if (mode.equals("write")) return true;
        throw new IllegalArgumentException("-D" + PROPERTY + "=" + mode + ": leave it out, or say 'write'");
    }

    /** Says what to do about findings that are new. */
    String howToAccept(Collection<Finding> fresh) {
        StringBuilder how = new StringBuilder(200)
                .append(System.lineSeparator())
                .append("Mend them; or let them be, by -D")
                .append(PROPERTY)
                .append(Files.exists(file) ? "=write or by these lines:" : "=write or by a new file of these lines:");
        fresh.stream()
                .map(Baseline::line)
                .sorted()
                .distinct()
                .forEach(line -> how.append(System.lineSeparator()).append(line));
        return how.toString();
    }

    // ---- lines ------------------------------------------------------------------------------------------------------

    private static String key(Finding finding) {
        return key(finding.kind(), finding);
    }

    private static String key(FindingKind kind, Finding finding) {
        String fingerprint = finding.fingerprint().isEmpty() ? "-" : finding.fingerprint();
        return kind + " " + fingerprint + " " + site(finding.site());
    }

    /** The key under which the same loop may be known, whose query before it was seen, or was not. */
    private static String twin(Finding finding) {
        return switch (finding.kind()) {
            case N_PLUS_ONE -> key(FindingKind.LOOP, finding);
            case LOOP -> key(FindingKind.N_PLUS_ONE, finding);
            default -> key(finding);
        };
    }

    /** Class and method as in the source; what the compiler calls a lambda depends on the others in its class. */
    private static String site(@Nullable StackTraceElement site) {
        if (site == null) return "-";
        String type = GENERATED_CLASS.matcher(site.getClassName()).replaceFirst("");
        String method = LAMBDA.matcher(site.getMethodName()).replaceFirst("$1");
        return type + "." + method;
    }

    private static String line(Finding finding) {
        String statement = Tally.shortened(finding.statement(), 100);
        return key(finding) + (statement.isEmpty() ? "" : "  # " + statement);
    }

    private Content read() {
        Content known = content;
        if (known == null) {
            known = parse(text());
            content = known;
        }
        return known;
    }

    private List<String> text() {
        if (!Files.exists(file)) return List.of();
        try {
            return Files.readAllLines(file);
        } catch (CharacterCodingException e) {
            throw new IllegalStateException(file + " is not text in UTF-8, so it is no baseline", e);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the baseline " + file, e);
        }
    }

    private Content parse(List<String> text) {
        Content parsed = new Content();
        List<String> comments = new ArrayList<>();
        for (int i = 0; i < text.size(); i++) {
            String line = text.get(i).strip();
            if (line.isEmpty() || line.startsWith("#")) {
                comments.add(line);
                continue;
            }
            String key = key(line, i + 1);
            parsed.lines.putIfAbsent(key, line);
            parsed.comments.computeIfAbsent(key, k -> new ArrayList<>()).addAll(comments);
            comments.clear();
        }
        parsed.last.addAll(comments);
        return parsed;
    }

    private String key(String line, int number) {
        if (CONFLICT.matcher(line).matches()) {
            throw new IllegalStateException(file + ":" + number
                    + ": left from a merge conflict: keep the lines of both sides, and remove this one");
        }
        int comment = line.indexOf('#');
        String finding = (comment < 0 ? line : line.substring(0, comment)).strip();
        String[] parts = BLANKS.split(finding, -1);
        if (parts.length != 3) {
            throw new IllegalStateException(file + ":" + number + ": '" + line
                    + "' is no finding: a line is KIND fingerprint com.acme.Class.method  # statement");
        }
        if (Arrays.stream(FindingKind.values()).noneMatch(kind -> kind.name().equals(parts[0]))) {
            throw new IllegalStateException(file + ":" + number + ": '" + parts[0]
                    + "' is no kind of finding: it is one of " + Arrays.toString(FindingKind.values()));
        }
        return String.join(" ", parts);
    }

    // ---- writing ----------------------------------------------------------------------------------------------------

    /** Adds to what is in the file by now, whoever wrote it. */
    private void add(List<Finding> findings) {
        try {
            Files.createDirectories(file.resolveSibling("."));
            // The file is replaced, so what is locked is another one, which stays.
            Path key = Path.of(System.getProperty("java.io.tmpdir"), lockName());
            try (RandomAccessFile guard = new RandomAccessFile(key.toFile(), "rw")) {
                FileLock unused = guard.getChannel().lock(); // until it is closed
                Content now = parse(text());
                int before = now.lines.size();
                for (Finding finding : findings) {
                    if (!now.covers(finding)) now.lines.put(key(finding), line(finding));
                }
                replace(now);
                content = now;
                LOG.info("added {} findings to {}", now.lines.size() - before, file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the baseline " + file, e);
        }
    }

    private String lockName() {
        return "tenfold-baseline-" + Integer.toHexString(file.hashCode()) + "-" + System.getProperty("user.name")
                + ".lock";
    }

    private void replace(Content now) throws IOException {
        List<String> text = new ArrayList<>();
        now.lines.forEach((key, line) -> {
            text.addAll(now.comments.getOrDefault(key, List.of()));
            text.add(line);
        });
        text.addAll(now.last);
        Path fresh = Files.createTempFile(file.getParent(), file.getFileName() + ".", ".new");
        try {
            Files.write(fresh, text, StandardCharsets.UTF_8);
            move(fresh);
        } finally {
            Files.deleteIfExists(fresh);
        }
    }

    private void move(Path fresh) throws IOException {
        try {
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            LOG.debug("{} is on a file system that cannot replace a file at once", file, e);
            Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    /** The file's path. */
    @Override
    public String toString() {
        return file.toString();
    }
}
