package dev.tenfold.query.keyset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.File;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** jOOQ is an optional dependency: who uses plain JDBC compiles and runs without it. */
class WithoutJooqTest {
    private static final String PROGRAM = """
            import dev.tenfold.query.keyset.*;
            import java.sql.*;

            public class Program {
                public static String run() throws Exception {
                    org.h2.jdbcx.JdbcDataSource database = new org.h2.jdbcx.JdbcDataSource();
                    database.setURL("jdbc:h2:mem:without-jooq");
                    try (Connection connection = database.getConnection(); Statement statement = connection.createStatement()) {
                        statement.execute("create table post (id bigint primary key, title varchar(9))");
                        statement.execute("insert into post values (1, 'a'), (2, 'b'), (3, 'c')");
                        Keyset keyset = Keyset.columns("id desc unique").signedWith(new byte[32]).named("posts").limit(2);
                        String sql = "select * from post where id > ? and {keyset}";
                        Page<String> first = keyset.fetch(connection, sql, row -> row.getString("title"), 0);
                        Page<String> second = keyset.after(first.next().get())
                                .fetch(database, sql, row -> row.getString("title"), 0);
                        try {
                            Object unused = keyset.before("forged");
                        } catch (InvalidCursorException e) {
                            return first.items() + " " + second.items();
                        }
                        return "a forged cursor was accepted";
                    }
                }
            }
            """;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path classes;

    @Test
    void a_program_of_plain_jdbc_compiles_and_runs() throws Exception {
        List<Path> classPath = List.of(place(Keyset.class), place(JdbcDataSource.class));
        compile(classPath);

        URL[] urls = {
            classes.toUri().toURL(),
            classPath.get(0).toUri().toURL(),
            classPath.get(1).toUri().toURL()
        };
        try (URLClassLoader loader = new URLClassLoader(urls, ClassLoader.getPlatformClassLoader())) {
            assertThatExceptionOfType(ClassNotFoundException.class)
                    .isThrownBy(() -> loader.loadClass("org.jooq.SortField"));
            Object result = loader.loadClass("Program").getMethod("run").invoke(null);
            assertThat(result).isEqualTo("[c, b] [a]");
        }
    }

    private void compile(List<Path> classPath) {
        JavaCompiler compiler = Objects.requireNonNull(ToolProvider.getSystemJavaCompiler(), "a JDK is needed");
        DiagnosticCollector<JavaFileObject> said = new DiagnosticCollector<>();
        List<String> options = List.of(
                "-proc:none",
                "-d",
                classes.toString(),
                "-classpath",
                classPath.get(0) + File.pathSeparator + classPath.get(1));
        JavaFileObject source =
                new SimpleJavaFileObject(URI.create("string:///Program.java"), JavaFileObject.Kind.SOURCE) {
                    @Override
                    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                        return PROGRAM;
                    }
                };
        boolean compiled = compiler.getTask(null, null, said, options, null, List.of(source))
                .call();
        assertThat(compiled).as("%s", said.getDiagnostics()).isTrue();
    }

    private static Path place(Class<?> type) throws URISyntaxException {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    }
}
