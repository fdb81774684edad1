package dev.tenfold.jobs;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What jobs of a class are called in the database, and how old ones are read.
 *
 * <pre>{@code
 * Kind<SendReceipt> receipts = Kind.of(SendReceipt.class)
 *         .named("send-receipt").alias("mail-receipt")                              // what it was called before
 *         .version(2).upcast(1, SendReceiptV1.class, old -> new SendReceipt(old.orderId(), "en"));
 * }</pre>
 *
 * <p>Deploy a new version to the workers before anybody enqueues it: a worker that meets a version above its own leaves the
 * job to others. Immutable.
 *
 * @param <T> the payload's class
 */
public final class Kind<T> {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._:/-]{1,200}");
    private static final int HIGHEST_VERSION = 30_000;

    /** How a payload of an older version is read. */
    record Upcast<O, T>(Class<O> type, Function<? super O, ? extends T> change) {}

    final Class<T> type;
    final String name;
    final List<String> aliases;
    final int version;
    final Map<Integer, Upcast<?, T>> upcasts;

    private Kind(Class<T> type, String name, List<String> aliases, int version, Map<Integer, Upcast<?, T>> upcasts) {
        this.type = type;
        this.name = name;
        this.aliases = List.copyOf(aliases);
        this.version = version;
        this.upcasts = Map.copyOf(upcasts);
    }

    /**
     * The kind of a class: named by its {@link JobKind}, else by its simple name in kebab case; version 1.
     *
     * @param type a record or class that the codec can write and read
     * @param <T> the payload's class
     * @return the kind
     * @throws IllegalArgumentException if the class has no name, type parameters, or is a primitive, array or interface of
     *     the platform
     */
    public static <T> Kind<T> of(Class<T> type) {
        Objects.requireNonNull(type, "type");
        JobKind given = type.getAnnotation(JobKind.class);
        boolean isNameless = type.isAnonymousClass() || type.isHidden() || type.isArray() || type.isPrimitive();
        if (isNameless || (given == null && type.getName().startsWith("java."))) {
            throw new IllegalArgumentException("a job is a record or class of your own, which gives it a name; "
                    + type.getName() + " is none: make it a record of what its handler needs to know");
        }
        if (type.getTypeParameters().length > 0) {
            throw new IllegalArgumentException(
                    type.getName() + " has type parameters, which are not stored: make a record" + " without them");
        }
        String name = given == null ? kebab(type.getSimpleName()) : given.value();
        return new Kind<>(type, checked(name, type), List.of(), 1, Map.of());
    }

    /**
     * Another name.
     *
     * @param newName 1 to 200 characters, letters, digits, {@code . _ : / -}
     * @return a kind of that name
     */
    public Kind<T> named(String newName) {
        return new Kind<>(type, checked(newName, type), aliases, version, upcasts);
    }

    /**
     * A name that it had before: jobs that wait under it are run, too.
     *
     * @param formerName as {@link #named}
     * @return a kind with one alias more
     */
    public Kind<T> alias(String formerName) {
        List<String> more = new ArrayList<>(aliases);
        more.add(checked(formerName, type));
        return new Kind<>(type, name, more, version, upcasts);
    }

    /**
     * The version of the payload's shape.
     *
     * @param newVersion 1 to 30,000; default 1
     * @return a kind of that version
     */
    public Kind<T> version(int newVersion) {
        if (newVersion < 1 || newVersion > HIGHEST_VERSION) {
            throw new IllegalArgumentException(
                    "version " + newVersion + " of " + name + " must be 1 to " + HIGHEST_VERSION);
        }
        return new Kind<>(type, name, aliases, newVersion, upcasts);
    }

    /**
     * How payloads of an older version are read: by the class that they had, which is then changed into the new one. A version
     * without its own upcast is read as it is.
     *
     * @param from the old version
     * @param old the class that its payloads can be read as
     * @param change makes the new one
     * @param <O> the old class
     * @return a kind that reads that version
     */
    public <O> Kind<T> upcast(int from, Class<O> old, Function<? super O, ? extends T> change) {
        Objects.requireNonNull(old, "old");
        Objects.requireNonNull(change, "change");
        Map<Integer, Upcast<?, T>> more = new TreeMap<>(upcasts);
        if (more.put(from, new Upcast<>(old, change)) != null) {
            throw new IllegalArgumentException("version " + from + " of " + name + " has two upcasts; keep one");
        }
        return new Kind<>(type, name, aliases, version, more);
    }

    /** The present name and the former ones: its jobs are stored under any of them. */
    Stream<String> names() {
        return Stream.concat(Stream.of(name), aliases.stream());
    }

    /** Reads a payload of any version up to this one's. */
    T read(byte[] payload, int payloadVersion, PayloadCodec codec) throws Exception {
        Upcast<?, T> upcast = upcasts.get(payloadVersion);
        return upcast == null || payloadVersion == version ? codec.decode(payload, type) : read(payload, upcast, codec);
    }

    private static <O, T> T read(byte[] payload, Upcast<O, T> upcast, PayloadCodec codec) throws Exception {
        return upcast.change().apply(codec.decode(payload, upcast.type()));
    }

    @Override
    public String toString() {
        return name + " (version " + version + ", " + type.getName() + ")";
    }

    private static String checked(String name, Class<?> type) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("\"" + name + "\" is no name for jobs of " + type.getName()
                    + ": 1 to 200 letters, digits and . _ : / - ; name it with @JobKind or named(…)");
        }
        return name;
    }

    private static String kebab(String simple) {
        return simple.replaceAll("([a-z0-9])([A-Z])", "$1-$2")
                .replaceAll("([A-Z])([A-Z][a-z])", "$1-$2")
                .toLowerCase(Locale.ROOT);
    }
}
