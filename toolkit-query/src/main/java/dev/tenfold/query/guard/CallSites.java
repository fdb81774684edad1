package dev.tenfold.query.guard;

import java.lang.StackWalker.StackFrame;
import java.lang.invoke.MethodType;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the application's frames of a stack.
 *
 * <p>A walk takes some microseconds, more on a deep stack, so it is taken near a verdict only. What a class is, and what its
 * annotations say, is looked up once a class and lives as long as the class.
 */
final class CallSites {
    private static final Logger LOG = LoggerFactory.getLogger(CallSites.class);

    /** Packages that are nobody's application. {@link GuardOptions#libraries} adds to them. */
    private static final String[] LIBRARIES = {
        "java.",
        "javax.",
        "jdk.",
        "sun.",
        "com.sun.",
        "jakarta.",
        "kotlin.",
        "kotlinx.",
        "scala.",
        "groovy.",
        "clojure.",
        "org.hibernate.",
        "org.springframework.",
        "org.jooq.",
        "org.apache.",
        "org.mybatis.",
        "com.baomidou.",
        "org.jdbi.",
        "org.eclipse.",
        "io.ebean.",
        "com.querydsl.",
        "com.blazebit.",
        "org.babyfish.",
        "com.zaxxer.",
        "io.agroal.",
        "com.mchange.",
        "org.vibur.",
        "com.vladmihalcea.",
        "net.ttddyy.",
        "com.p6spy.",
        "io.micrometer.",
        "io.opentelemetry.",
        "org.junit.",
        "junit.",
        "org.testng.",
        "org.mockito.",
        "org.assertj.",
        "com.intellij.",
        "org.gradle.",
        "org.openjdk.jmh.",
        "com.fasterxml.",
        "com.google.common.",
        "com.google.inject.",
        "com.github.benmanes.",
        "com.graphql_java.",
        "graphql.",
        "io.quarkus.",
        "io.smallrye.",
        "io.vertx.",
        "io.netty.",
        "io.undertow.",
        "io.micronaut.",
        "io.helidon.",
        "io.dropwizard.",
        "io.grpc.",
        "io.reactivex.",
        "io.github.resilience4j.",
        "org.jboss.",
        "org.wildfly.",
        "org.glassfish.",
        "org.quartz.",
        "org.jobrunr.",
        "org.flywaydb.",
        "liquibase.",
        "org.aspectj.",
        "net.bytebuddy.",
        "net.sf.cglib.",
        "javassist.",
        "org.thymeleaf.",
        "reactor.",
        "ch.qos.",
        "org.slf4j.",
        "org.postgresql.",
        "org.h2.",
        "com.mysql.",
        "org.mariadb.",
        "oracle.",
        "com.microsoft.sqlserver."
    };

    private static final String OURS = "dev.tenfold.query.";
    private static final @Nullable CodeSource OUR_SOURCE = source(CallSites.class);

    private static final int MOST_FRAMES = 512;
    private static final int MOST_DIFFERENT = 64;
    private static final int MOST_CALLERS = 8;
    private static final List<FindingKind> KINDS = List.of(FindingKind.values());
    private static final long ALL = (1L << KINDS.size()) - 1;

    private static final StackWalker WALKER =
            StackWalker.getInstance(Set.of(StackWalker.Option.RETAIN_CLASS_REFERENCE), 64);

    private final String[] libraries;
    private final List<String> ignored;

    private static final String WHOLE_CLASS = "";
    private static final long HIDDEN = -1;
    private static final long NO_APPLICATION = -2;
    private static final Map<String, Long> OURS_OR_THE_JDKS = Map.of(WHOLE_CLASS, HIDDEN);
    private static final Map<String, Long> LIBRARY = Map.of(WHOLE_CLASS, NO_APPLICATION);

    /**
     * What is known of a class: which kinds to ignore, one bit each, in some of its methods, by name, and by name and types; and
     * in all of them; or that it is not the application's.
     *
     * <p>All objects of it are of the JDK's types: classes of the JDK and of a container keep it for as long as they live, and
     * so would keep the loader of a web application that brought this class.
     */
    private final ClassValue<Map<String, Long>> facts = new ClassValue<>() {
        @Override
        protected Map<String, Long> computeValue(Class<?> type) {
            return facts(type);
        }
    };

    /**
     * Makes it.
     *
     * @param libraries more packages that are not the application's
     * @param ignored patterns of class and method, where everything is ignored
     */
    CallSites(List<String> libraries, List<String> ignored) {
        List<String> prefixes = new ArrayList<>(List.of(LIBRARIES));
        libraries.forEach(each -> prefixes.add(each.endsWith(".") ? each : each + "."));
        this.libraries = prefixes.toArray(String[]::new);
        this.ignored = ignored;
    }

    /**
     * Where this thread is. If no frame is the application's, it is the innermost one outside of this module and the JDK.
     */
    CallSite here() {
        return WALKER.walk(frames -> {
            Seen seen = new Seen();
            frames.limit(MOST_FRAMES).forEach(seen::add);
            return seen.site();
        });
    }

    /** Whether a text is as a pattern says, in which each {@code *} stands for any characters. */
    static boolean matches(String pattern, String text) {
        int p = 0;
        int t = 0;
        int star = -1;
        int from = 0;
        while (t < text.length()) {
            if (p < pattern.length() && pattern.charAt(p) == '*') {
                star = p++;
                from = t;
            } else if (p < pattern.length() && pattern.charAt(p) == text.charAt(t)) {
                p++;
                t++;
            } else if (star >= 0) {
                p = star + 1;
                t = ++from;
            } else {
                return false;
            }
        }
        while (p < pattern.length() && pattern.charAt(p) == '*') {
            p++;
        }
        return p == pattern.length();
    }

    private Map<String, Long> facts(Class<?> type) {
        String name = type.getName();
        if (name.startsWith(OURS) && Objects.equals(source(type), OUR_SOURCE)) return OURS_OR_THE_JDKS;
        if (isGenerated(type, name)) return OURS_OR_THE_JDKS;
        for (String library : libraries) {
            if (!name.startsWith(library)) continue;
            return library.startsWith("java") || library.startsWith("jdk") ? OURS_OR_THE_JDKS : LIBRARY;
        }
        Map<String, Long> application = new HashMap<>(0);
        readAnnotations(type, application);
        return application.isEmpty() ? Map.of() : application;
    }

    private static @Nullable CodeSource source(Class<?> type) {
        return type.getProtectionDomain().getCodeSource();
    }

    /** Proxies of Spring, Hibernate, Byte Buddy, Weld and Quarkus. */
    private static boolean isGenerated(Class<?> type, String name) {
        return type.isHidden()
                || name.contains("$$")
                || name.contains("$Proxy")
                || name.contains("$ByteBuddy$")
                || name.contains("$HibernateProxy")
                || name.endsWith("_ClientProxy")
                || name.endsWith("_Subclass");
    }

    /**
     * A class that cannot be looked into, as its signatures name what is missing, or a shrinker took what is around it, has no
     * annotations for us; its frames count as ever.
     */
    private static void readAnnotations(Class<?> type, Map<String, Long> facts) {
        try {
            for (Class<?> each = type; each != null; each = each.getEnclosingClass()) {
                add(facts, WHOLE_CLASS, each);
                Method around = each.getEnclosingMethod();
                if (around != null) add(facts, WHOLE_CLASS, around);
            }
            for (Method method : type.getDeclaredMethods()) {
                String types = MethodType.methodType(method.getReturnType(), method.getParameterTypes())
                        .toMethodDescriptorString();
                add(facts, method.getName() + types, method);
                // Of lambdas only the name of the method around them is known.
                add(facts, method.getName(), method);
            }
        } catch (RuntimeException | Error e) {
            facts.clear();
            LOG.debug("cannot read the annotations of {}, which counts as having none", type, e);
        }
    }

    private static void add(Map<String, Long> facts, String where, AnnotatedElement annotated) {
        IgnoreQueries annotation = annotated.getDeclaredAnnotation(IgnoreQueries.class);
        if (annotation != null) facts.merge(where, bits(annotation), (one, other) -> one | other);
    }

    private static long bits(IgnoreQueries annotation) {
        if (annotation.kinds().length == 0) return ALL;
        long bits = 0;
        for (FindingKind kind : annotation.kinds()) {
            bits |= 1L << KINDS.indexOf(kind);
        }
        return bits;
    }

    private static Set<FindingKind> kinds(long bits) {
        if (bits == 0) return Set.of();
        Set<FindingKind> kinds = EnumSet.noneOf(FindingKind.class);
        for (int i = 0; i < KINDS.size(); i++) {
            if ((bits >>> i & 1) != 0) kinds.add(KINDS.get(i));
        }
        return kinds;
    }

    /** The application's different frames of one stack. */
    private final class Seen {
        private final List<StackFrame> callers = new ArrayList<>(MOST_CALLERS);
        private long[] different = new long[16];
        private int count;
        private long id;
        private @Nullable StackFrame instead;
        private long toIgnore;

        void add(StackFrame frame) {
            Map<String, Long> its = facts.get(frame.getDeclaringClass());
            long ofAll = its.getOrDefault(WHOLE_CLASS, 0L);
            if (ofAll < 0) {
                if (instead == null && ofAll != HIDDEN) instead = frame;
                return;
            }
            // Not the line, which costs much more than its place in the byte code; and that tells calls in a line
            // apart.
            long hash = mix(((long) frame.getClassName().hashCode() << 32)
                    ^ ((long) frame.getMethodName().hashCode() * 31)
                    ^ frame.getByteCodeIndex());
            for (int i = 0; i < count; i++) {
                if (different[i] == hash) return;
            }
            if (count == MOST_DIFFERENT) return;
            if (count == different.length) different = Arrays.copyOf(different, count * 2);
            different[count++] = hash;
            id += hash;
            if (callers.size() < MOST_CALLERS) callers.add(frame);
            toIgnore |= ofAll;
            ignore(frame, its);
        }

        private void ignore(StackFrame frame, Map<String, Long> its) {
            if (!its.isEmpty()) {
                String name = frame.getMethodName();
                String method = name.startsWith("lambda$")
                        ? name.substring(7, Math.max(7, name.lastIndexOf('$')))
                        : name + frame.getDescriptor();
                toIgnore |= its.getOrDefault(method, 0L);
            }
            for (String pattern : ignored) {
                if (matches(pattern, frame.getClassName() + '.' + frame.getMethodName())) toIgnore = ALL;
            }
        }

        CallSite site() {
            if (callers.isEmpty() && instead != null) {
                id = mix(((long) instead.getClassName().hashCode() << 32) ^ instead.getByteCodeIndex());
                callers.add(instead);
            }
            return new CallSite(id, List.copyOf(callers), kinds(toIgnore));
        }
    }

    /** Murmur3's finalizer, Austin Appleby. */
    private static long mix(long value) {
        long mixed = (value ^ (value >>> 33)) * 0xff51afd7ed558ccdL;
        mixed = (mixed ^ (mixed >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return mixed ^ (mixed >>> 33);
    }
}
