package dev.tenfold.benchmarks;

import dev.tenfold.testkit.RedisServer;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** What it costs to know who is logged in, on one Redis: reads of sessions that let them live on, each by its own policy. */
final class AuthSessions {
    private static final int SESSIONS = 1_000;
    private static final int DRAWN = 1 << 14;
    private static final int MANY = 16;
    private static final int COUNTED = 2_000;

    /** What no request causes: this comparison's own, and the clients' when they connect or see whether Redis is there. */
    private static final Set<String> NOT_COUNTED = Set.of(
            "info",
            "config",
            "ping",
            "client",
            "hello",
            "command",
            "select",
            "auth",
            "script",
            "subscribe",
            "psubscribe");

    private AuthSessions() {}

    /** One kind of sessions. */
    private record Kind(String name, String settings, Opener opener) {
        static final List<Kind> ALL = List.of(
                new Kind("ours", AuthSessionOurs.SETTINGS, AuthSessionOurs::new),
                new Kind("spring-session", AuthSessionSpring.SETTINGS, AuthSessionSpring::new),
                new Kind("sa-token", AuthSessionSaToken.SETTINGS, AuthSessionSaToken::new));
    }

    private interface Opener {
        AuthSessionNode open(String uri);
    }

    static void run(Session session, RedisServer server) throws Exception {
        List<AuthSessionNode> nodes = new ArrayList<>();
        try {
            List<Contender> contenders = contenders(server.uri(), nodes, SESSIONS);
            session.say("");
            session.say("auth.sessions: " + SESSIONS
                    + " sessions with a subject and an attribute (Sa-Token: with a subject)," + " by Zipf's law; "
                    + MANY + " threads (single: one), each asks again as soon as it has its answer");
            session.settings(contenders);
            rates(session, contenders, "auth.sessions", MANY);
            rates(session, contenders, "auth.sessions.single", 1);
            session.say("auth.sessions.commands: as INFO commandstats counts them, with those that scripts call");
            double[] commands = new double[contenders.size()];
            for (int i = 0; i < commands.length; i++) {
                Map<String, Double> counted = commands(server.uri(), contenders.get(i), COUNTED);
                session.say("  " + contenders.get(i).name() + "  " + counted);
                commands[i] =
                        counted.values().stream().mapToDouble(each -> each).sum();
                if (i == 0) continue;
                String peer = contenders.get(i).name();
                session.emit(Row.counts(
                        "auth.sessions.commands." + peer,
                        peer,
                        "commands/request",
                        commands[0],
                        commands[i],
                        Better.LOWER));
            }
        } finally {
            nodes.forEach(AuthSessionNode::close);
        }
    }

    private static void rates(Session session, List<Contender> contenders, String prefix, int count) throws Exception {
        try (RateLimitThreads threads = new RateLimitThreads(count)) {
            RateLimitThreads.Outcome outcome = threads.compare(
                    prefix,
                    contenders,
                    DRAWN,
                    1,
                    RateLimitThreads.onServer(session.quick(), contenders.size()),
                    session.progress());
            session.say(outcome.rates().rounds("ours") + " rounds");
            for (Contender peer : contenders.subList(1, contenders.size())) {
                session.emit(outcome.rate(prefix + "." + peer.name(), peer.name(), "requests/s"));
            }
        }
    }

    /** One a kind, each with all sessions; the nodes are for the caller to close. A request answers 1 if it is right. */
    static List<Contender> contenders(String uri, List<AuthSessionNode> nodes, int sessions) throws Exception {
        String[] names = Popularity.zipf(sessions, DRAWN, 42);
        List<Contender> contenders = new ArrayList<>();
        for (Kind kind : Kind.ALL) {
            AuthSessionNode node = kind.opener.open(uri);
            nodes.add(node);
            Map<String, String> ids = new TreeMap<>();
            for (String subject : Popularity.names(sessions)) {
                ids.put(subject, node.logIn(subject));
            }
            String[] drawn = new String[DRAWN];
            for (int i = 0; i < DRAWN; i++) {
                drawn[i] = ids.getOrDefault(names[i], "");
            }
            contenders.add(new Contender(
                    kind.name, kind.settings, page -> node.subject(drawn[page]).equals(names[page]) ? 1 : 0));
        }
        return contenders;
    }

    /** Calls of each command for a request. */
    static Map<String, Double> commands(String uri, Contender contender, int requests) throws Exception {
        RedisClient client = RedisClient.create(uri);
        try (StatefulRedisConnection<String, String> connection = client.connect()) {
            RedisCommands<String, String> redis = connection.sync();
            redis.configResetstat();
            for (int i = 0; i < requests; i++) {
                if (contender.request().answer(i) != 1) {
                    throw new IllegalStateException(contender.name() + " takes a session for another's");
                }
            }
            Map<String, Double> counted = new TreeMap<>();
            redis.info("commandstats").lines().forEach(line -> count(line, requests, counted));
            return counted;
        } finally {
            client.shutdown(0, 2, TimeUnit.SECONDS);
        }
    }

    /** Such as {@code cmdstat_get:calls=17,usec=…}. */
    private static void count(String line, int requests, Map<String, Double> counted) {
        String prefix = "cmdstat_";
        String calls = ":calls=";
        int at = line.indexOf(calls);
        if (!line.startsWith(prefix) || at < 0) return;
        String command = line.substring(prefix.length(), at);
        int bar = command.indexOf('|');
        if (NOT_COUNTED.contains(bar < 0 ? command : command.substring(0, bar))) return;
        long count = Long.parseLong(line, at + calls.length(), line.indexOf(',', at), 10);
        // Fewer than one in a hundred requests: somebody's housekeeping.
        if (count * 100 >= requests) counted.put(command, (double) count / requests);
    }
}
