package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tenfold.auth.Verification.Cause;
import dev.tenfold.auth.Verification.Reason;
import dev.tenfold.redis.RedisUnavailableException;
import io.lettuce.core.RedisException;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.security.Principal;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out who sends an HTTP request, in a servlet container: by a bearer token (RFC 6750), an API key or a session's cookie.
 *
 * <pre>{@code
 * AuthFilter filter = AuthFilter.builder()
 *         .bearer(tokens)
 *         .apiKeys("X-API-Key", keys)
 *         .require(request -> ORDERS)
 *         .lookups(request -> limiter.acquire(LOOKUPS, request.getRemoteAddr()).allowed())
 *         .build();
 * }</pre>
 *
 * <p>Behind it, {@link HttpServletRequest#getUserPrincipal} is an {@link AuthPrincipal}, {@link
 * HttpServletRequest#isUserInRole} tells whether the token has a scope of that name, and {@link
 * HttpServletRequest#getAuthType} names the scheme.
 *
 * <table>
 *   <caption>What it answers itself, with a body of RFC 9457</caption>
 *   <tr><th>the request</th><th>status</th><th>header fields</th></tr>
 *   <tr><td>no credential</td><td>401</td><td>{@code WWW-Authenticate: Bearer realm="…"}</td></tr>
 *   <tr><td>more than one, or an unreadable one</td><td>400</td><td>{@code error="invalid_request"}</td></tr>
 *   <tr><td>a refused one</td><td>401</td><td>{@code error="invalid_token"}</td></tr>
 *   <tr><td>a good one that does not permit this</td><td>403</td><td>{@code error="insufficient_scope", scope="…"}</td></tr>
 *   <tr><td>nobody can tell now</td><td>503</td><td>{@code Retry-After}</td></tr>
 *   <tr><td>too many unknown tokens</td><td>429</td><td>{@code Retry-After}</td></tr>
 * </table>
 *
 * <p>Tokens in the query or the body are not read, as they end up in logs. A request is looked at once, however often it is
 * dispatched. Immutable, and safe for use by many threads.
 */
public final class AuthFilter implements Filter {
    private static final Logger LOG = LoggerFactory.getLogger(AuthFilter.class);
    private static final String DONE = AuthFilter.class.getName() + ".done";
    private static final String BEARER = "Bearer";
    private static final String API_KEY = "ApiKey";
    private static final String SESSION = "Session";

    /** The issuer in the facts of who came with a session. */
    public static final String SESSION_ISSUER = "urn:tenfold:session";

    private final @Nullable TokenCache tokens;
    private final @Nullable TokenCache keys;
    private final String keyHeader;
    private final @Nullable Function<String, Optional<TokenFacts>> sessions;
    private final String cookie;
    private final Function<? super HttpServletRequest, Require> require;
    private final Predicate<? super HttpServletRequest> lookups;
    private final Predicate<? super HttpServletRequest> anonymous;
    private final String realm;

    private AuthFilter(Builder from) {
        tokens = from.tokens;
        keys = from.keys;
        keyHeader = from.keyHeader;
        sessions = from.sessions;
        cookie = from.cookie;
        require = from.require;
        lookups = from.lookups;
        anonymous = from.anonymous;
        realm = from.realm;
    }

    /**
     * Begins to describe a filter.
     *
     * @return a builder without a source of credentials, of which at least one is needed
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Makes an {@link AuthFilter}. Not safe for use by many threads. */
    public static final class Builder {
        private @Nullable TokenCache tokens;
        private @Nullable TokenCache keys;
        private String keyHeader = "";
        private @Nullable Function<String, Optional<TokenFacts>> sessions;
        private String cookie = "";
        private Function<? super HttpServletRequest, Require> require = request -> Require.active();
        private Predicate<? super HttpServletRequest> lookups = request -> true;
        private Predicate<? super HttpServletRequest> anonymous = request -> false;
        private String realm = "api";

        private Builder() {}

        /**
         * Takes {@code Authorization: Bearer …}.
         *
         * @param verifier verifies the tokens
         * @return this
         */
        public Builder bearer(TokenCache verifier) {
            tokens = Objects.requireNonNull(verifier, "tokens");
            return this;
        }

        /**
         * Takes API keys.
         *
         * @param header the header field that has them, for example {@code X-API-Key}
         * @param verifier verifies the keys
         * @return this
         */
        public Builder apiKeys(String header, TokenCache verifier) {
            keys = Objects.requireNonNull(verifier, "keys");
            keyHeader = named("header", header);
            return this;
        }

        /**
         * Takes a session's cookie. A request with a token or a key is judged by that alone, and a session is asked for
         * nothing but to be there: {@link #require} is for tokens.
         *
         * @param name the cookie's
         * @param find finds who is logged in, by the cookie's value; empty if nobody is. It may throw {@link
         *     RedisUnavailableException}, which is answered with 503
         * @return this
         */
        public Builder sessions(String name, Function<String, Optional<TokenFacts>> find) {
            sessions = Objects.requireNonNull(find, "find");
            cookie = named("cookie", name);
            return this;
        }

        /**
         * Takes a session's cookie too: as above, with the sessions of this module. The principal's name is their subject.
         *
         * @param name the cookie's
         * @param logins finds who is logged in
         * @return this
         */
        public Builder sessions(String name, Sessions logins) {
            Objects.requireNonNull(logins, "sessions");
            return sessions(
                    name,
                    id -> logins.find(id)
                            .map(session -> TokenFacts.of(SESSION_ISSUER, session.subject())
                                    .sessionId(session.handle())
                                    .issuedAt(session.createdAt())
                                    .expiresAt(session.expiresAt())
                                    .build()));
        }

        /**
         * What a request asks of a token or a key.
         *
         * @param of finds it; what it throws goes to the container. By default an active one will do
         * @return this
         */
        public Builder require(Function<? super HttpServletRequest, Require> of) {
            require = Objects.requireNonNull(of, "require");
            return this;
        }

        /**
         * Whether the sender may have an unknown token looked up, see {@link LookupGate}: where a rate limiter is asked, by
         * the address for example.
         *
         * @param mayLookUp false to answer 429; if it throws, the token is looked up. By default always true
         * @return this
         */
        public Builder lookups(Predicate<? super HttpServletRequest> mayLookUp) {
            lookups = Objects.requireNonNull(mayLookUp, "lookups");
            return this;
        }

        /**
         * Lets requests without a credential pass, without a principal. One with a bad token or key is refused all the same.
         *
         * @param may true for those; none by default
         * @return this
         */
        public Builder anonymous(Predicate<? super HttpServletRequest> may) {
            anonymous = Objects.requireNonNull(may, "anonymous");
            return this;
        }

        /**
         * Names what is protected, in challenges.
         *
         * @param name printable ASCII without quotes and backslashes; default {@code api}
         * @return this
         */
        public Builder realm(String name) {
            if (!name.chars().allMatch(c -> c >= ' ' && c <= '~' && c != '"' && c != '\\')) {
                throw new IllegalArgumentException("a realm is printable ASCII without quotes and backslashes");
            }
            realm = name;
            return this;
        }

        /**
         * The filter.
         *
         * @return a new filter
         * @throws IllegalArgumentException if there is no source of credentials
         */
        public AuthFilter build() {
            if (tokens == null && keys == null && sessions == null) {
                throw new IllegalArgumentException(
                        "no source of credentials: give bearer(…), apiKeys(…) or sessions(…)");
            }
            return new AuthFilter(this);
        }

        private static String named(String what, String name) {
            if (name.isEmpty() || !name.chars().allMatch(c -> Character.isLetterOrDigit(c) || c == '-' || c == '_')) {
                throw new IllegalArgumentException(
                        "a " + what + "'s name has letters, digits, - and _: \"" + name + '"');
            }
            return name;
        }
    }

    /**
     * Finds out who it is, and lets the chain run or answers itself.
     *
     * @throws IOException what the chain throws, or if the answer cannot be written, as the client is gone
     * @throws ServletException what the chain throws
     */
    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        if (!(request instanceof HttpServletRequest http)
                || !(response instanceof HttpServletResponse answer)
                || http.getAttribute(DONE) != null
                || http.getDispatcherType() == DispatcherType.ERROR) {
            chain.doFilter(request, response);
            return;
        }
        Object found = find(http);
        if (found instanceof Answer refusal) {
            refusal.write(http, answer);
            return;
        }
        http.setAttribute(DONE, true);
        chain.doFilter(found instanceof AuthPrincipal principal ? new Known(http, principal) : http, response);
    }

    /** An {@link AuthPrincipal}, an {@link Answer}, or null for a request that may be anonymous. */
    private @Nullable Object find(HttpServletRequest request) {
        List<String> authorization = Collections.list(request.getHeaders("Authorization"));
        List<String> apiKeys = keys == null ? List.of() : Collections.list(request.getHeaders(keyHeader));
        if (authorization.size() + apiKeys.size() > 1) {
            return invalidRequest("There is more than one credential.");
        }
        if (tokens != null && authorization.size() == 1) {
            String line = authorization.get(0).strip();
            if (line.regionMatches(true, 0, BEARER, 0, BEARER.length())
                    && (line.length() == BEARER.length() || line.charAt(BEARER.length()) == ' ')) {
                String token = line.substring(BEARER.length()).strip();
                if (token.isEmpty()) return invalidRequest("There is no token after Bearer.");
                return verified(request, BEARER, tokens, Credential.bearer(token));
            }
        }
        if (keys != null && apiKeys.size() == 1) {
            return verified(
                    request, API_KEY, keys, Credential.apiKey(apiKeys.get(0).strip()));
        }
        if (sessions != null) {
            String id = cookie(request);
            if (id != null) return loggedIn(sessions, id, request);
        }
        return anonymous.test(request) ? null : noCredential();
    }

    private Object verified(HttpServletRequest request, String scheme, TokenCache cache, Credential credential) {
        Require asked = Objects.requireNonNull(require.apply(request), "what require(…) returned");
        Verification verification = cache.verify(credential, asked, () -> mayLookUp(request));
        if (verification instanceof Verification.Verified good) return AuthPrincipal.of(scheme, good.facts());
        if (verification instanceof Verification.Unavailable unavailable) return unavailable(unavailable);
        Reason reason = ((Verification.Refused) verification).reason();
        return reason.isForbidden() ? insufficient(asked) : invalidToken(scheme, reason);
    }

    private boolean mayLookUp(HttpServletRequest request) {
        try {
            return lookups.test(request);
        } catch (RuntimeException e) {
            LOG.error("whether a token may be looked up could not be told, so it is", e);
            return true;
        }
    }

    private @Nullable Object loggedIn(
            Function<String, Optional<TokenFacts>> found, String id, HttpServletRequest request) {
        try {
            Optional<TokenFacts> facts = found.apply(id);
            if (facts.isPresent()) return AuthPrincipal.of(SESSION, facts.get());
        } catch (RedisException e) {
            return unavailable(new Verification.Unavailable(Cause.REVOCATIONS, Duration.ofSeconds(1)));
        }
        return anonymous.test(request) ? null : noCredential(); // an old cookie is no attack
    }

    private @Nullable String cookie(HttpServletRequest request) {
        Cookie[] all = request.getCookies();
        if (all == null) return null;
        for (Cookie one : all) {
            if (one.getName().equals(cookie)) return one.getValue();
        }
        return null;
    }

    // ---- answers ----------------------------------------------------------------------------------------------------

    private record Answer(
            int status,
            String title,
            String detail,
            @Nullable String challenge,
            @Nullable Duration retry) {
        void write(HttpServletRequest request, HttpServletResponse response) throws IOException {
            response.setStatus(status);
            response.setHeader("Cache-Control", "no-store");
            if (challenge != null) response.setHeader("WWW-Authenticate", challenge);
            if (retry != null) response.setHeader("Retry-After", Long.toString(Math.max(1, retry.toSeconds())));
            byte[] body = ("{\"type\":\"about:blank\",\"title\":\"" + title + "\",\"status\":" + status
                            + ",\"detail\":\"" + detail + "\"}")
                    .getBytes(UTF_8);
            response.setContentType("application/problem+json");
            response.setContentLength(body.length);
            if (!request.getMethod().equals("HEAD")) response.getOutputStream().write(body);
        }
    }

    private String challenge() {
        return (tokens == null && sessions == null ? API_KEY : BEARER) + " realm=\"" + realm + "\"";
    }

    private Answer noCredential() {
        return new Answer(401, "Unauthorized", "This needs a credential.", challenge(), null);
    }

    private Answer invalidRequest(String detail) {
        return new Answer(400, "Bad Request", detail, challenge() + ", error=\"invalid_request\"", null);
    }

    private Answer invalidToken(String scheme, Reason reason) {
        String detail = switch (reason) {
            case MALFORMED -> "The credential cannot be one, by its looks.";
            case EXPIRED -> "The credential has expired.";
            case NOT_YET_VALID -> "The credential is not valid yet.";
            case WRONG_ISSUER, WRONG_AUDIENCE -> "The credential is for another service.";
            case UNCONFIRMED -> "The credential is bound to a key that was not shown.";
            case INACTIVE, INSUFFICIENT_SCOPE -> "The credential is not active.";
        };
        String challenge =
                scheme + " realm=\"" + realm + "\", error=\"invalid_token\", error_description=\"" + detail + "\"";
        return new Answer(401, "Unauthorized", detail, challenge, null);
    }

    private Answer insufficient(Require asked) {
        String scope = String.join(" ", asked.scopes());
        return new Answer(
                403,
                "Forbidden",
                "The credential does not permit this.",
                challenge() + ", error=\"insufficient_scope\", scope=\"" + scope.replaceAll("[^!#-\\[\\]-~ ]", "?")
                        + "\"",
                null);
    }

    private static Answer unavailable(Verification.Unavailable unavailable) {
        if (unavailable.cause() == Cause.THROTTLED) {
            return new Answer(
                    429, "Too Many Requests", "Too many unknown credentials.", null, unavailable.retryAfter());
        }
        return new Answer(
                503,
                "Service Unavailable",
                "The credential cannot be verified now. It may be good: keep it.",
                null,
                unavailable.retryAfter());
    }

    /** The request of somebody who is known. */
    private static final class Known extends HttpServletRequestWrapper {
        private final AuthPrincipal principal;

        Known(HttpServletRequest request, AuthPrincipal principal) {
            super(request);
            this.principal = principal;
        }

        @Override
        public Principal getUserPrincipal() {
            return principal;
        }

        @Override
        public String getRemoteUser() {
            return principal.name();
        }

        @Override
        public String getAuthType() {
            return principal.scheme();
        }

        @Override
        public boolean isUserInRole(String role) {
            return principal.facts().scopes().contains(role);
        }
    }

    /** For messages. */
    @Override
    public String toString() {
        return "AuthFilter[realm " + realm + "]";
    }
}
