package dev.tenfold.ratelimit;

import static java.nio.charset.StandardCharsets.UTF_8;

import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.math.BigInteger;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.Principal;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Refuses HTTP requests beyond a policy, in any servlet container: usually one filter before authentication that counts by
 * address, so that guessing passwords is limited too, and one after it that counts by user.
 *
 * <pre>{@code
 * Filter before = RateLimitFilter.byAddress(limiter, ADDRESS, ClientAddress.behind(1))
 *         .except(request -> request.getServletPath().equals("/health"));
 * Filter after = RateLimitFilter.byPrincipal(limiter, USER)
 *         .internal(request -> request.isUserInRole("service"), SERVICES)
 *         .cost(request -> request.getMethod().equals("GET") ? 1 : 5);
 * }</pre>
 *
 * <p>It limits what an address or a user may do, not what all of them do together: who has many addresses has as many limits.
 * And a request that is refused has reached this server already; a flood has to be stopped in front of it.
 *
 * <p>Register both for all dispatcher types or for REQUEST alone, with asynchronous support. In Jetty that is {@code
 * servletContextHandler.addFilter(new FilterHolder(before), "/*", EnumSet.of(DispatcherType.REQUEST))}, in the order in which
 * they run, the filter that authenticates between them. In Spring Boot, declare a {@code FilterRegistrationBean} for each, with
 * an order below that of Spring Security's filter chain (-100 by default) for the first, and above it for the second.
 *
 * <p><b>A request that is refused</b> gets 429, or 503 if the policy is {@link Outage#CLOSED} in an outage; {@code Retry-After};
 * the other {@link RateLimitHeaders}; and a body of {@code application/problem+json} (RFC 9457). The chain does not run. A
 * request that costs more than a limit ever holds gets 429 without {@code Retry-After}. <b>One that is admitted</b> gets the
 * headers before the chain runs. Two filters both add their items to them, so give their limits different names. A browser's
 * script sees them only if {@code Access-Control-Expose-Headers} has them; a refused preflight request fails as a whole, so let
 * {@link #except} pass {@code OPTIONS}.
 *
 * <p><b>One request is decided once</b> by each filter, also if it is dispatched again, forwarded or included; an error page
 * costs nothing. A copy of a filter that a method here returns is a filter of its own.
 *
 * <p><b>It never throws into a request.</b> If a function given here throws, the request does not count as internal or as
 * excepted, and costs 1; if it has no valid key, all such requests share one. If the limiter itself throws, the policy's {@link
 * Policy#outage()} says whether the request is admitted. Each is logged, once a minute at most.
 *
 * <p>Blocks the request's thread for one decision: with Redis for a round trip, or the link's time-out. Immutable and
 * thread-safe.
 */
public final class RateLimitFilter implements Filter {
    private static final Logger LOG = LoggerFactory.getLogger(RateLimitFilter.class);
    private static final long QUIET_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final AtomicLong COUNT = new AtomicLong();

    private static final String ADDRESS = "address";
    private static final String PRINCIPAL = "principal";
    private static final String SHARED = "invalid";

    private final RateLimiter limiter;
    private final Policy policy;
    private final Function<? super HttpServletRequest, Optional<Key>> keys;

    /** The only part that keys have, if that is known. */
    private final @Nullable String part;

    private final Predicate<? super HttpServletRequest> internal;
    private final Policy internalPolicy;
    private final Predicate<HttpServletRequest> excepted;
    private final ToLongFunction<? super HttpServletRequest> cost;
    private final RateLimitHeaders headers;

    /** Set on requests that this filter has decided, or let pass. */
    private final String decided = RateLimitFilter.class.getName() + '.' + COUNT.incrementAndGet();

    /** When to log again. What clients can bring about must not hide that the limiter fails. */
    private final AtomicLong nextWarning = new AtomicLong(System.nanoTime());

    private final AtomicLong nextFailure = new AtomicLong(System.nanoTime());

    private RateLimitFilter(
            RateLimiter limiter,
            Policy policy,
            Function<? super HttpServletRequest, Optional<Key>> keys,
            @Nullable String part,
            Predicate<? super HttpServletRequest> internal,
            Policy internalPolicy,
            Predicate<HttpServletRequest> excepted,
            ToLongFunction<? super HttpServletRequest> cost,
            RateLimitHeaders headers) {
        this.limiter = limiter;
        this.policy = policy;
        this.keys = keys;
        this.part = part;
        this.internal = internal;
        this.internalPolicy = internalPolicy;
        this.excepted = excepted;
        this.cost = cost;
        this.headers = headers;
    }

    private static RateLimitFilter of(
            RateLimiter limiter,
            Policy policy,
            @Nullable String part,
            Function<? super HttpServletRequest, Optional<Key>> keys) {
        Objects.requireNonNull(limiter, "limiter");
        Objects.requireNonNull(keys, "key");
        requirePart(policy, part);
        return new RateLimitFilter(
                limiter,
                policy,
                keys,
                part,
                request -> false,
                policy,
                request -> false,
                request -> 1,
                RateLimitHeaders.IETF);
    }

    private static void requirePart(Policy policy, @Nullable String part) {
        for (Limit limit : policy.limits()) {
            if (part != null && limit.by != null && !limit.by.equals(part)) {
                throw new IllegalArgumentException(limit + " of policy \"" + policy.name()
                        + "\" counts by a part that this filter's keys do not" + " have, they are just \"" + part
                        + "\"; give keys of your own with RateLimitFilter.by(…)");
            }
        }
    }

    /**
     * Counts by the client's address, under {@code Key.of("address", …)}. It belongs before authentication.
     *
     * @param limiter decides
     * @param policy what each address may do; not so little that an office or a school behind one address is locked out
     * @param address how the address is found
     * @return a filter
     * @throws IllegalArgumentException if a limit is {@link Limit#by} anything but {@code address}
     */
    public static RateLimitFilter byAddress(RateLimiter limiter, Policy policy, ClientAddress address) {
        Objects.requireNonNull(address, "address");
        return of(limiter, policy, ADDRESS, request -> {
            List<String> lines =
                    address.readsHeader() ? Collections.list(request.getHeaders(address.header())) : List.of();
            return Optional.of(Key.of(ADDRESS, address.of(request.getRemoteAddr(), lines)));
        });
    }

    /**
     * Counts by {@link HttpServletRequest#getUserPrincipal()}, under {@code Key.of("principal", name)}. It belongs after
     * authentication. A request without a principal passes, undecided and without headers: the filter by address has counted
     * it. A name that is empty, or longer than {@link Key#LONGEST}, counts under its SHA-256 digest.
     *
     * @param limiter decides
     * @param policy what each user may do
     * @return a filter
     * @throws IllegalArgumentException if a limit is {@link Limit#by} anything but {@code principal}
     */
    public static RateLimitFilter byPrincipal(RateLimiter limiter, Policy policy) {
        return of(limiter, policy, PRINCIPAL, request -> {
            Principal principal = request.getUserPrincipal();
            if (principal == null) return Optional.empty();
            return Optional.of(Key.of(PRINCIPAL, fitting(principal.getName())));
        });
    }

    /**
     * Counts by keys of your own, for example of a tenant and a user.
     *
     * <p>Requests for which it throws share one key: also those for which {@link Key#of} does, as what the client sent is empty
     * or too long. So nobody gets around a limit that way, and nobody gets an error.
     *
     * @param limiter decides
     * @param policy what each key may do
     * @param key finds the key; if empty, the request passes undecided
     * @return a filter
     */
    public static RateLimitFilter by(
            RateLimiter limiter, Policy policy, Function<? super HttpServletRequest, Optional<Key>> key) {
        return of(limiter, policy, null, key);
    }

    /**
     * Gives internal callers a policy of their own, instead of the public one. Default: nobody is internal.
     *
     * @param isInternal true for internal callers; must not believe what anybody can send, such as a header that no proxy
     *     removes
     * @param policy what each of them may do, under the same keys
     * @return a changed filter
     * @throws IllegalArgumentException if it has the public policy's name, under which both would be counted together
     */
    public RateLimitFilter internal(Predicate<? super HttpServletRequest> isInternal, Policy policy) {
        Objects.requireNonNull(isInternal, "isInternal");
        requirePart(policy, part);
        if (policy.name().equals(this.policy.name())) {
            throw new IllegalArgumentException("the policy for internal callers is named \"" + policy.name()
                    + "\" like the public one, and what is used is kept under the name; give it another");
        }
        return new RateLimitFilter(limiter, this.policy, keys, part, isInternal, policy, excepted, cost, headers);
    }

    /**
     * Lets some requests pass undecided, besides those of earlier calls. For health checks and preflight requests.
     *
     * @param passes true for those; default none
     * @return a changed filter
     */
    public RateLimitFilter except(Predicate<? super HttpServletRequest> passes) {
        Objects.requireNonNull(passes, "passes");
        return new RateLimitFilter(
                limiter, policy, keys, part, internal, internalPolicy, excepted.or(passes), cost, headers);
    }

    /**
     * What a request costs.
     *
     * @param cost tokens; less than 1 counts as 1, so that nothing in a request makes it free; default 1
     * @return a changed filter
     */
    public RateLimitFilter cost(ToLongFunction<? super HttpServletRequest> cost) {
        Objects.requireNonNull(cost, "cost");
        return new RateLimitFilter(limiter, policy, keys, part, internal, internalPolicy, excepted, cost, headers);
    }

    /**
     * Which header fields tell the client.
     *
     * @param headers default {@link RateLimitHeaders#IETF}
     * @return a changed filter
     */
    public RateLimitFilter headers(RateLimitHeaders headers) {
        Objects.requireNonNull(headers, "headers");
        return new RateLimitFilter(limiter, policy, keys, part, internal, internalPolicy, excepted, cost, headers);
    }

    /**
     * Decides, and either lets the chain run or answers itself.
     *
     * @throws IOException what the chain throws, or if the refusal cannot be written, as the client is gone
     * @throws ServletException what the chain throws
     */
    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        if (request instanceof HttpServletRequest http && response instanceof HttpServletResponse answer) {
            Decision decision = isDue(http) ? decide(http) : null;
            if (decision != null) {
                http.setAttribute(decided, true);
                Map<String, String> fields = headers.fields(decision);
                tell(fields, decision, answer);
                if (!decision.allowed()) {
                    refuse(decision, fields.get(RateLimitHeaders.RETRY_AFTER), http, answer);
                    return;
                }
            }
        }
        chain.doFilter(request, response);
    }

    private boolean isDue(HttpServletRequest request) {
        if (request.getAttribute(decided) != null || request.getDispatcherType() == DispatcherType.ERROR) return false;
        if (!test(excepted, request)) return true;
        // It may be forwarded to where it would not be excepted.
        request.setAttribute(decided, true);
        return false;
    }

    /** Null if the request has no key. */
    private @Nullable Decision decide(HttpServletRequest request) {
        Policy applied = test(internal, request) ? internalPolicy : policy;
        Key key = key(applied, request);
        if (key == null) return null;
        long tokens = cost(request);
        try {
            return limiter.acquire(applied, key, tokens);
        } catch (RuntimeException e) {
            warn(nextFailure, "A request is decided as in an outage, since the limiter failed", e);
            return new Decision.Degraded(applied, tokens, applied.outage() != Outage.CLOSED);
        }
    }

    private @Nullable Key key(Policy applied, HttpServletRequest request) {
        try {
            Key key = keys.apply(request).orElse(null);
            if (key != null) requireParts(applied, key);
            return key;
        } catch (RuntimeException e) {
            warn(nextWarning, "A request is counted under a key that all without a valid one share", e);
            return sharedKey(applied);
        }
    }

    private static void requireParts(Policy policy, Key key) {
        for (Limit limit : policy.limits()) {
            if (limit.by != null && key.value(limit.by) == null) {
                throw new IllegalArgumentException(limit + " counts by a part that " + key + " does not have");
            }
        }
    }

    private boolean test(Predicate<? super HttpServletRequest> predicate, HttpServletRequest request) {
        try {
            return predicate.test(request);
        } catch (RuntimeException e) {
            warn(nextWarning, "A request is taken for neither internal nor excepted", e);
            return false;
        }
    }

    private long cost(HttpServletRequest request) {
        try {
            return Math.max(1, cost.applyAsLong(request));
        } catch (RuntimeException e) {
            warn(nextWarning, "A request is taken to cost 1", e);
            return 1;
        }
    }

    /** Has all parts that the policy counts by. */
    private static Key sharedKey(Policy policy) {
        Set<String> parts = new LinkedHashSet<>();
        for (Limit limit : policy.limits()) {
            if (limit.by != null) parts.add(limit.by);
        }
        Key key = null;
        for (String name : parts) key = key == null ? Key.of(name, SHARED) : key.and(name, SHARED);
        return key == null ? Key.of(SHARED, SHARED) : key;
    }

    private static String fitting(@Nullable String name) {
        if (name != null && !name.isEmpty() && name.length() <= Key.LONGEST) return name;
        try {
            byte[] bytes = (name == null ? "" : name).getBytes(UTF_8);
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
            return "sha-256:" + String.format("%064x", new BigInteger(1, digest));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    /** {@code RateLimit} and {@code RateLimit-Policy} are lists, to which an earlier filter may have added already. */
    private static void tell(Map<String, String> fields, Decision decision, HttpServletResponse response) {
        String remaining = fields.get(RateLimitHeaders.LEGACY_REMAINING);
        if (decision.allowed() && remaining != null && hasLess(response, remaining)) return;
        fields.forEach((name, value) -> {
            if (name.equals(RateLimitHeaders.POLICY) || name.equals(RateLimitHeaders.LIMIT)) {
                response.addHeader(name, value);
            } else {
                response.setHeader(name, value);
            }
        });
    }

    /** The older fields have room for one limit: that with least left. */
    private static boolean hasLess(HttpServletResponse response, String remaining) {
        String before = response.getHeader(RateLimitHeaders.LEGACY_REMAINING);
        try {
            return before != null && Long.parseLong(before) < Long.parseLong(remaining);
        } catch (NumberFormatException notOurs) {
            return false;
        }
    }

    private static void refuse(
            Decision decision, @Nullable String retryAfter, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        Problem problem = Problem.of(decision, retryAfter);
        response.setStatus(problem.status);
        response.setContentType(Problem.MEDIA_TYPE);
        response.setContentLength(problem.body.length);
        if (request.getMethod().equals("HEAD")) return;
        try {
            response.getOutputStream().write(problem.body);
        } catch (IllegalStateException hasWriter) {
            response.getWriter().print(new String(problem.body, UTF_8));
        }
    }

    private void warn(AtomicLong next, String what, RuntimeException cause) {
        long due = next.get();
        long now = System.nanoTime();
        if (now - due >= 0 && next.compareAndSet(due, now + QUIET_NANOS)) {
            LOG.warn(
                    "{} (policy {}); the next such message comes in a minute at the earliest",
                    what,
                    policy.name(),
                    cause);
        }
    }

    /** For messages. */
    @Override
    public String toString() {
        return "RateLimitFilter[" + (part == null ? "own keys" : part) + ", " + policy + ", " + headers + "]";
    }
}
