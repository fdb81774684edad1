package dev.tenfold.auth;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.SettableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Does random operations on sessions, and on a plain list of them, and compares. Time goes on with each. */
final class SessionsModel {
    private static final int SUBJECTS = 5;

    private final Sessions sessions;
    private final SessionsOptions options;
    private final SettableClock clock;
    private final long seed;
    private final Random random;

    /** Also of sessions that are gone. */
    private final List<String> ids = new ArrayList<>();

    private final Map<String, Known> live = new HashMap<>();

    private static final class Known {
        final String subject;
        final Instant created;
        final Map<String, String> attributes = new HashMap<>();
        String handle = "";
        Instant seen;
        Instant expires;

        Known(String subject, Instant now) {
            this.subject = subject;
            created = now;
            seen = now;
            expires = now;
        }

        Session session() {
            return new Session(subject, handle, created, seen, expires, attributes);
        }
    }

    SessionsModel(Sessions sessions, SessionsOptions options, SettableClock clock, long seed) {
        this.sessions = sessions;
        this.options = options;
        this.clock = clock;
        this.seed = seed;
        random = new Random(seed);
    }

    void run(int operations) {
        for (int i = 0; i < operations; i++) {
            clock.advance(Duration.ofNanos(1_000L * (1 + random.nextInt(20_000_000))));
            live.values().removeIf(known -> !known.expires.isAfter(clock.instant()));
            try {
                step("s" + random.nextInt(SUBJECTS));
            } catch (AssertionError e) {
                throw new AssertionError("operation " + i + " with seed " + seed + ": " + e.getMessage(), e);
            }
        }
        assertThat(ids).as("seed %d", seed).hasSizeGreaterThan(100);
    }

    private void step(String subject) {
        String id = ids.isEmpty() || random.nextInt(20) == 0
                ? SessionsContract.NO_SUCH_ID
                : ids.get(Math.max(0, ids.size() - 1 - random.nextInt(20)));
        Known known = live.get(id);
        switch (random.nextInt(12)) {
            case 0, 1 -> create(subject);
            case 2 -> rotate(id, known);
            case 3 -> {
                String value = Integer.toString(random.nextInt(100));
                assertThat(sessions.set(id, "a" + value.length(), value)).isEqualTo(known != null);
                if (known != null) known.attributes.put("a" + value.length(), value);
            }
            case 4 -> {
                assertThat(sessions.remove(id, "a1")).isEqualTo(known != null);
                if (known != null) known.attributes.remove("a1");
            }
            case 5 -> {
                if (random.nextInt(3) > 0) return;
                assertThat(sessions.end(id)).isEqualTo(known != null);
                live.remove(id);
            }
            case 6 -> {
                if (known == null || random.nextInt(3) > 0) return;
                boolean own = known.subject.equals(subject);
                assertThat(sessions.endByHandle(subject, known.handle)).isEqualTo(own);
                if (own) live.remove(id);
            }
            case 7 -> {
                if (random.nextInt(6) > 0) return;
                long all = of(subject).count();
                assertThat(sessions.endAll(subject)).isEqualTo((int) all);
                live.values().removeIf(each -> each.subject.equals(subject));
            }
            case 8 -> {
                if (random.nextInt(6) > 0) return;
                long all = of(subject).filter(each -> each != known).count();
                assertThat(sessions.endAllBut(subject, id)).isEqualTo((int) all);
                live.values().removeIf(each -> each != known && each.subject.equals(subject));
            }
            case 9 -> {
                List<Session> expected = of(subject)
                        .sorted(Comparator.comparing((Known each) -> each.expires)
                                .reversed())
                        .map(Known::session)
                        .toList();
                assertThat(sessions.list(subject)).isEqualTo(expected);
            }
            default -> {
                Duration due = options.idle.dividedBy(10);
                if (known != null && !clock.instant().isBefore(known.seen.plus(due))) see(known);
                assertThat(sessions.find(id).orElse(null)).isEqualTo(known == null ? null : known.session());
            }
        }
    }

    private Stream<Known> of(String subject) {
        return live.values().stream().filter(each -> each.subject.equals(subject));
    }

    private void create(String subject) {
        Login login = sessions.create(subject, Map.of("by", subject));
        List<Known> all =
                of(subject).sorted(Comparator.comparing(each -> each.expires)).toList();
        if (all.size() >= options.perSubject) {
            if (options.whenFull == WhenFull.REFUSE) {
                assertThat(login).isEqualTo(new Login.TooMany(all.size()));
                return;
            }
            live.values().remove(all.get(0));
        }
        assertThat(login).isInstanceOf(Login.Created.class);
        Login.Created created = (Login.Created) login;
        Known known = new Known(subject, clock.instant());
        known.attributes.put("by", subject);
        known.handle = created.session().handle();
        see(known);
        ids.add(created.id());
        live.put(created.id(), known);
        assertThat(created.session()).isEqualTo(known.session());
    }

    private void rotate(String id, @Nullable Known known) {
        Optional<String> rotated = sessions.rotate(id);
        assertThat(rotated.isPresent()).isEqualTo(known != null);
        if (known == null) return;
        String fresh = rotated.orElseThrow();
        live.remove(id);
        see(known);
        ids.add(fresh);
        live.put(fresh, known);
        // What it is called now can only be learnt; that all else is right is compared.
        known.handle = sessions.find(fresh).orElseThrow().handle();
    }

    private void see(Known known) {
        known.seen = clock.instant();
        Instant idle = known.seen.plus(options.idle);
        Instant absolute = known.created.plus(options.absolute);
        known.expires = idle.isBefore(absolute) ? idle : absolute;
    }
}
