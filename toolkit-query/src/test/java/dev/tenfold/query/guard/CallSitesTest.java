package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.Await;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is kept of classes, and what of classes that are damaged. */
@Timeout(60)
class CallSitesTest {
    private final CallSites sites = new CallSites(List.of(), List.of());

    /** Public, so that a class of another loader may know it. */
    public static final class Around {
        private Around() {}

        private static Class<?> localClassOf_someMethodName() {
            class Local implements Function<Supplier<Object>, Object> {
                @Override
                public Object apply(Supplier<Object> task) {
                    return task.get();
                }
            }

            return Local.class;
        }
    }

    /** A local class whose method around it was renamed, as by a shrinker that does not keep what reflection needs. */
    private static Class<?> shrunkClass() throws IOException {
        Class<?> whole = Around.localClassOf_someMethodName();
        byte[] code;
        try (InputStream file = Objects.requireNonNull(
                whole.getResourceAsStream(whole.getName().replaceFirst(".*\\.", "") + ".class"))) {
            code = file.readAllBytes();
        }
        byte[] shrunk = new String(code, StandardCharsets.ISO_8859_1)
                .replace("localClassOf_someMethodName", "localClassOf_otherMethodNam")
                .getBytes(StandardCharsets.ISO_8859_1);
        return new ClassLoader(CallSitesTest.class.getClassLoader()) {
            Class<?> define() {
                return defineClass(whole.getName(), shrunk, 0, shrunk.length);
            }
        }.define();
    }

    @Test
    @SuppressWarnings("unchecked")
    void a_class_that_a_shrinker_damaged_counts_as_having_no_annotations() throws Exception {
        Class<?> shrunk = shrunkClass();
        assertThatThrownBy(shrunk::getEnclosingMethod).isInstanceOf(InternalError.class);
        Constructor<?> constructor = shrunk.getDeclaredConstructor();
        constructor.setAccessible(true);
        Function<Supplier<Object>, Object> caller = (Function<Supplier<Object>, Object>) constructor.newInstance();

        for (int i = 0; i < 2; i++) {
            CallSite site = (CallSite) caller.apply(sites::here);
            assertThat(site.ignored).isEmpty();
            assertThat(site.callers()).anyMatch(frame -> frame.getClassName().equals(shrunk.getName()));
        }
    }

    /** What a web application does, in a loader of its own. */
    public static final class WebApplication implements Runnable {
        /** Made by reflection. */
        public WebApplication() {}

        @Override
        public void run() {
            ResultSet rows = proxy(ResultSet.class, (self, method, args) -> nothing(method.getReturnType()));
            PreparedStatement statement = proxy(
                    PreparedStatement.class,
                    (self, method, args) ->
                            method.getName().equals("executeQuery") ? rows : nothing(method.getReturnType()));
            Connection connection = proxy(
                    Connection.class,
                    (self, method, args) ->
                            method.getName().equals("prepareStatement") ? statement : nothing(method.getReturnType()));
            DataSource database = proxy(
                    DataSource.class,
                    (self, method, args) ->
                            method.getName().equals("getConnection") ? connection : nothing(method.getReturnType()));
            QueryGuard guard = QueryGuard.watch(database, Patient::guard);
            List.of(guard).forEach(WebApplication::loop);
            if (guard.findings().isEmpty()) throw new AssertionError("no stack was looked at");
        }

        private static void loop(QueryGuard guard) {
            try (QueryScope scope = QueryScope.open("GET /page");
                    Connection connection = guard.getConnection()) {
                for (int i = 0; i < 20; i++) {
                    try (PreparedStatement each = connection.prepareStatement("select name from author where id = ?")) {
                        each.setInt(1, i);
                        each.executeQuery();
                    }
                }
                if (scope.statements() != 20) throw new AssertionError(scope.statements());
            } catch (SQLException e) {
                throw new AssertionError(e);
            }
        }

        private static @Nullable Object nothing(Class<?> type) {
            if (type == boolean.class) return false;
            if (type == int.class) return 0;
            return null;
        }

        private static <T> T proxy(Class<T> type, InvocationHandler handler) {
            return type.cast(
                    Proxy.newProxyInstance(WebApplication.class.getClassLoader(), new Class<?>[] {type}, handler));
        }
    }

    @Test
    void a_web_applications_loader_can_go_after_stacks_were_looked_at() throws Exception {
        WeakReference<ClassLoader> loader = deployAndUndeploy();

        Await.until("the loader is collected", () -> {
            System.gc();
            return loader.get() == null;
        });
    }

    private static WeakReference<ClassLoader> deployAndUndeploy() throws Exception {
        String[] path =
                Pattern.compile(File.pathSeparator, Pattern.LITERAL).split(System.getProperty("java.class.path"), -1);
        URL[] urls = new URL[path.length];
        for (int i = 0; i < path.length; i++) {
            urls[i] = new File(path[i]).toURI().toURL();
        }
        try (URLClassLoader loader = new URLClassLoader(urls, ClassLoader.getPlatformClassLoader())) {
            Class<?> application = loader.loadClass(WebApplication.class.getName());
            assertThat(application.getClassLoader()).isSameAs(loader);
            Runnable work = (Runnable) application.getDeclaredConstructor().newInstance();
            Throwable[] failure = new Throwable[1];
            Thread thread = new Thread(work);
            thread.setUncaughtExceptionHandler((unused, e) -> failure[0] = e);
            thread.start();
            thread.join();
            assertThat(failure[0]).isNull();
            return new WeakReference<>(loader);
        }
    }
}
