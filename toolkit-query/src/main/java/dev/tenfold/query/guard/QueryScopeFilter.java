package dev.tenfold.query.guard;

import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes each HTTP request one {@link QueryScope}, so that an N+1 is seen that borrows a connection for each of its queries.
 *
 * <p>A scope's name is the method and the path, with what looks like a key replaced: {@code "GET /users/{id}/orders"}. These
 * are what counts as a key: segments with a digit and no letter, UUIDs, at least eight hex digits of which one is no letter,
 * more than 32 characters, and whatever has other characters than letters, digits, {@code -}, {@code _} and {@code .}. At
 * most four segments are named, and at most 1,000 names are made; later ones are {@code "GET other"}. Better names, of few
 * values, are for {@link #named} to give.
 *
 * <p>A request that is forwarded, included, or dispatched again after {@code startAsync} goes on in its scope, which ends when
 * the request is complete. The filter has to be mapped to the ASYNC dispatcher for that, and to support it. What other threads
 * do for the request counts if they were started by it, or given their work by {@link QueryScope#wrap(Runnable)}. Weakness: a
 * request that was dispatched again before its first dispatch has returned to this filter continues in a second scope of the
 * same name; and an error page is one of its own.
 *
 * <p>Register it in front of what reads the database: {@code context.addFilter(new QueryScopeFilter(), "/*",
 * EnumSet.allOf(DispatcherType.class))} in Jetty, a {@code FilterRegistrationBean} in Spring Boot. It costs less than a
 * microsecond. Thread-safe.
 */
public final class QueryScopeFilter implements Filter {
    private static final Logger LOG = LoggerFactory.getLogger(QueryScopeFilter.class);
    private static final String SCOPE = QueryScopeFilter.class.getName() + ".scope";

    private static final int MOST_NAMES = 1_000;
    private static final int MOST_SEGMENTS = 4;
    private static final int LONGEST_SEGMENT = 32;
    private static final Set<String> METHODS =
            Set.of("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT");
    private static final Pattern KEY = Pattern.compile("[0-9._-]*[0-9][0-9._-]*"
            + "|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
            + "|(?=.*[0-9])[0-9a-fA-F]{8,}"
            + "|.*[^A-Za-z0-9._-].*");

    private final Function<? super HttpServletRequest, String> name;
    private final Set<String> names = ConcurrentHashMap.newKeySet();

    /** Makes a filter that names scopes by method and path. */
    public QueryScopeFilter() {
        this(null);
    }

    private QueryScopeFilter(@Nullable Function<? super HttpServletRequest, String> name) {
        this.name = name == null ? this::path : name;
    }

    /**
     * Makes a filter that names scopes otherwise.
     *
     * @param name gives a name of few values; if it throws, or gives null, method and path are the name
     * @return a filter
     */
    public static QueryScopeFilter named(Function<? super HttpServletRequest, String> name) {
        return new QueryScopeFilter(Objects.requireNonNull(name, "name"));
    }

    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        if (!(request instanceof HttpServletRequest http)) {
            chain.doFilter(request, response);
            return;
        }
        ThreadState thread = ThreadState.current();
        QueryScope around = thread.scope();
        QueryScope scope = scopeOf(http, around);
        thread.enter(scope);
        try {
            chain.doFilter(request, response);
        } finally {
            thread.enter(around);
            if (scope != around && !endsLater(http, scope)) scope.end();
        }
    }

    /** That of an earlier dispatch of the same request, or a new one. */
    @SuppressWarnings("ReferenceEquality")
    private QueryScope scopeOf(HttpServletRequest request, @Nullable QueryScope around) {
        if (request.getAttribute(SCOPE) instanceof QueryScope scope && !scope.isClosed()) return scope;
        QueryScope scope = QueryScope.inside(nameOf(request), around, 0);
        request.setAttribute(SCOPE, scope);
        return scope;
    }

    /** Whether the request goes on after this dispatch; its end then ends the scope. */
    private static boolean endsLater(HttpServletRequest request, QueryScope scope) {
        if (!request.isAsyncStarted()) return false;
        try {
            request.getAsyncContext().addListener(new End(scope));
            return true;
        } catch (IllegalStateException e) {
            LOG.trace("{} was completed by another thread meanwhile", scope.name(), e);
            return false;
        }
    }

    private String nameOf(HttpServletRequest request) {
        try {
            String given = name.apply(request);
            if (given != null) return given;
            LOG.debug("the function given to QueryScopeFilter.named gave no name for {}", request.getRequestURI());
        } catch (RuntimeException e) {
            LOG.debug("the function given to QueryScopeFilter.named failed for {}", request.getRequestURI(), e);
        }
        return path(request);
    }

    private String path(HttpServletRequest request) {
        String method = METHODS.contains(request.getMethod()) ? request.getMethod() : "OTHER";
        String path = request.getServletPath();
        if (request.getPathInfo() != null) path += request.getPathInfo();
        StringBuilder pattern = new StringBuilder(64).append(method).append(' ');
        int segments = 0;
        int start = 1;
        while (start < path.length()) {
            int end = path.indexOf('/', start);
            if (end < 0) end = path.length();
            if (end > start) {
                segments++;
                pattern.append('/');
                if (segments > MOST_SEGMENTS) {
                    pattern.append('…');
                    break;
                }
                pattern.append(isKey(path, start, end) ? "{id}" : path.substring(start, end));
            }
            start = end + 1;
        }
        if (segments == 0) pattern.append('/');
        String made = pattern.toString();
        if (names.contains(made)) return made;
        if (names.size() >= MOST_NAMES) return method + " other";
        names.add(made);
        return made;
    }

    private static boolean isKey(String path, int start, int end) {
        return end - start > LONGEST_SEGMENT
                || KEY.matcher(path).region(start, end).matches();
    }

    /** Ends a scope when its request is complete. */
    private static final class End implements AsyncListener {
        private final QueryScope scope;

        private End(QueryScope scope) {
            this.scope = scope;
        }

        @Override
        public void onComplete(AsyncEvent event) {
            scope.end();
        }

        /** A dispatch that goes asynchronous once more has forgotten its listeners. */
        @Override
        public void onStartAsync(AsyncEvent event) {
            event.getAsyncContext().addListener(this);
        }

        @Override
        public void onTimeout(AsyncEvent event) {
            LOG.trace("{} took too long; its completion follows", scope.name());
        }

        @Override
        public void onError(AsyncEvent event) {
            LOG.trace("{} failed; its completion follows", scope.name());
        }
    }
}
