package dev.tenfold.query.guard;

import java.lang.StackWalker.StackFrame;
import java.lang.invoke.MethodType;
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

/**
 * Finds the application's frames of a stack.
 *
 * <p>A walk takes some microseconds, more on a deep stack, so it is taken near a verdict only. What a class is, and what its
 * annotations say, is looked up once a class and lives as long as the class.
 */
final class CallSites {
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
    private static final Set<FindingKind> ALL = EnumSet.allOf(FindingKind.class);

    private static final StackWalker WALKER =
            StackWalker.getInstance(Set.of(StackWalker.Option.RETAIN_CLASS_REFERENCE), 64);

    private final String[] libraries;
    private final List<String> ignored;

    private final ClassValue<Facts> facts = new ClassValue<>() {
        @Override
        protected Facts computeValue(Class<?> type) {
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

    /** What is known of a class. */
    private static final class Facts {
        static final Facts OURS_OR_THE_JDKS = new Facts(false, true);
        static final Facts LIBRARY = new Facts(false, false);

        final boolean isApplication;
        final boolean isHidden;
        /** What to ignore in all of its methods. */
        final Set<FindingKind> ignored = EnumSet.noneOf(FindingKind.class);
        /** What to ignore in some methods, by name, and by name and types. */
        final Map<String, Set<FindingKind>> byMethod = new HashMap<>(0);

        Facts(boolean isApplication, boolean isHidden) {
            this.isApplication = isApplication;
            this.isHidden = isHidden;
        }
    }

    private Facts facts(Class<?> type) {
        String name = type.getName();
        if (name.startsWith(OURS) && Objects.equals(source(type), OUR_SOURCE)) return Facts.OURS_OR_THE_JDKS;
        if (isGenerated(type, name)) return Facts.OURS_OR_THE_JDKS;
        for (String library : libraries) {
            if (!name.startsWith(library)) continue;
            return library.startsWith("java") || library.startsWith("jdk") ? Facts.OURS_OR_THE_JDKS : Facts.LIBRARY;
        }
        Facts application = new Facts(true, false);
        readAnnotations(type, application);
        return application;
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

    private static void readAnnotations(Class<?> type, Facts facts) {
        try {
            for (Class<?> each = type; each != null; each = each.getEnclosingClass()) {
                IgnoreQueries ofAll = each.getDeclaredAnnotation(IgnoreQueries.class);
                if (ofAll != null) facts.ignored.addAll(kinds(ofAll));
                Method around = each.getEnclosingMethod();
                IgnoreQueries ofIt = around == null ? null : around.getDeclaredAnnotation(IgnoreQueries.class);
                if (ofIt != null) facts.ignored.addAll(kinds(ofIt));
            }
            for (Method method : type.getDeclaredMethods()) {
                IgnoreQueries ofOne = method.getDeclaredAnnotation(IgnoreQueries.class);
                if (ofOne == null) continue;
                String types = MethodType.methodType(method.getReturnType(), method.getParameterTypes())
                        .toMethodDescriptorString();
                add(facts, method.getName() + types, ofOne);
                // Of lambdas only the name of the method around them is known.
                add(facts, method.getName(), ofOne);
            }
        } catch (LinkageError aTypeIsMissing) {
            // A class whose signatures cannot be loaded has no annotations for us; its frames count as ever.
            facts.byMethod.clear();
        }
    }

    private static void add(Facts facts, String method, IgnoreQueries annotation) {
        facts.byMethod
                .computeIfAbsent(method, unused -> EnumSet.noneOf(FindingKind.class))
                .addAll(kinds(annotation));
    }

    private static Set<FindingKind> kinds(IgnoreQueries annotation) {
        return annotation.kinds().length == 0 ? ALL : Set.of(annotation.kinds());
    }

    /** The application's different frames of one stack. */
    private final class Seen {
        private final List<StackFrame> callers = new ArrayList<>(MOST_CALLERS);
        private long[] different = new long[16];
        private int count;
        private long id;
        private @Nullable StackFrame instead;
        private @Nullable Set<FindingKind> toIgnore;

        void add(StackFrame frame) {
            Facts its = facts.get(frame.getDeclaringClass());
            if (!its.isApplication) {
                if (instead == null && !its.isHidden) instead = frame;
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
            ignore(frame, its);
        }

        private void ignore(StackFrame frame, Facts its) {
            if (!its.ignored.isEmpty()) ignore(its.ignored);
            if (!its.byMethod.isEmpty()) {
                String name = frame.getMethodName();
                Set<FindingKind> kinds = name.startsWith("lambda$")
                        ? its.byMethod.get(name.substring(7, Math.max(7, name.lastIndexOf('$'))))
                        : its.byMethod.get(name + frame.getDescriptor());
                if (kinds != null) ignore(kinds);
            }
            for (String pattern : ignored) {
                if (matches(pattern, frame.getClassName() + '.' + frame.getMethodName())) ignore(ALL);
            }
        }

        private void ignore(Set<FindingKind> kinds) {
            if (toIgnore == null) toIgnore = EnumSet.noneOf(FindingKind.class);
            toIgnore.addAll(kinds);
        }

        CallSite site() {
            if (callers.isEmpty() && instead != null) {
                id = mix(((long) instead.getClassName().hashCode() << 32) ^ instead.getByteCodeIndex());
                callers.add(instead);
            }
            return new CallSite(id, List.copyOf(callers), toIgnore == null ? Set.of() : toIgnore);
        }
    }

    /** Murmur3's finalizer, Austin Appleby. */
    private static long mix(long value) {
        long mixed = (value ^ (value >>> 33)) * 0xff51afd7ed558ccdL;
        mixed = (mixed ^ (mixed >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return mixed ^ (mixed >>> 33);
    }
}
