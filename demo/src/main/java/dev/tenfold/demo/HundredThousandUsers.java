package dev.tenfold.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * 100,000 users, and some post pictures: the thumbnail and the mail that a picture owes keep the request threads waiting, until
 * all wait. toolkit-jobs takes them out of the request, and does each of them although a worker dies and PostgreSQL, too.
 *
 * <p>A mail takes a quarter of a second, so ten request threads take at most 40 pictures a second where some 44 are posted, on
 * machines of any size.
 */
final class HundredThousandUsers implements Stage {
    private static final String TITLE = "100,000 users";
    private static final int USERS = 100_000;
    private static final double P99_OBJECTIVE_MILLIS = 1_000;
    private static final double TIMES_FASTER = 5;

    @Override
    public Result run(Site site) throws Exception {
        return judge(site.pictures(USERS));
    }

    static Result judge(PictureDay.Found found) {
        String failure = failure(found);
        Measured slow = found.inRequest();
        Measured quick = found.asJobs();
        String sentence = failure.isEmpty()
                ? String.format(
                        Locale.ROOT,
                        "Thumbnails and mails in the request break the cached site: %s. With toolkit-jobs the same load is"
                                + " served, 99 %% of it within %.0f ms, and %,d thumbnails and mails are made, each although a"
                                + " worker is killed and PostgreSQL, too.",
                        Words.shortfall(slow, P99_OBJECTIVE_MILLIS),
                        quick.load().millisAt(99),
                        2 * found.effects().accepted())
                : "FAILED: " + failure;
        return new Result(
                TITLE,
                List.of(slow, quick),
                P99_OBJECTIVE_MILLIS,
                failure.isEmpty(),
                sentence,
                List.of(deaths(found), effects(found.effects()), letters(found.letters())),
                null,
                backlog(found),
                null,
                found.readiness());
    }

    /** What did not happen as it should; empty if all did. */
    private static String failure(PictureDay.Found found) {
        List<String> failures = new ArrayList<>();
        Measured slow = found.inRequest();
        Measured quick = found.asJobs();
        if (slow.keepsUp(P99_OBJECTIVE_MILLIS)) {
            failures.add("Slow work in requests should break the site, but it kept up.");
        }
        if (!quick.keepsUp(P99_OBJECTIVE_MILLIS)) {
            failures.add(
                    "toolkit-jobs should carry 100,000 users. " + Words.shortfallByName(quick, P99_OBJECTIVE_MILLIS));
        }
        double faster = slow.load().millisAt(99) / quick.load().millisAt(99);
        if (faster < TIMES_FASTER) {
            failures.add(String.format(
                    Locale.ROOT,
                    "With toolkit-jobs the p99 should be at least %.0f times as short, but was %.1f times as short.",
                    TIMES_FASTER,
                    faster));
        }
        PictureDay.Deaths deaths = found.deaths();
        if (deaths.underWay() == 0 || deaths.left() == 0) {
            failures.add(String.format(
                    Locale.ROOT,
                    "The worker and PostgreSQL should have been killed amidst jobs, but %d were running and %d left.",
                    deaths.underWay(),
                    deaths.left()));
        }
        effects(failures, found.effects());
        letters(failures, found.letters());
        for (Measured each : List.of(slow, quick)) {
            if (each.stale().beyond() > 0) {
                failures.add(String.format(
                        Locale.ROOT,
                        "%s: %,d posts were shown that were older than promised.",
                        each.version(),
                        each.stale().beyond()));
            }
        }
        return String.join(" ", failures);
    }

    private static void effects(List<String> failures, PictureDay.Effects effects) {
        if (effects.unfinished() > 0) {
            failures.add(String.format(Locale.ROOT, "%,d jobs are not done in the end.", effects.unfinished()));
        }
        if (effects.lost() + effects.withoutThumbnail() + effects.withoutMail() > 0) {
            failures.add(String.format(
                    Locale.ROOT,
                    "Lost: %,d pictures that were accepted, %,d thumbnails, %,d mails.",
                    effects.lost(),
                    effects.withoutThumbnail(),
                    effects.withoutMail()));
        }
        if (effects.twoThumbnails() + effects.twoMails() > 0) {
            failures.add(String.format(
                    Locale.ROOT,
                    "Done twice: the thumbnails of %,d pictures, and %,d mails in spite of their keys.",
                    effects.twoThumbnails(),
                    effects.twoMails()));
        }
    }

    private static void letters(List<String> failures, PictureDay.Letters letters) {
        if (letters.expected() == 0 || letters.found() != letters.expected()) {
            failures.add(String.format(
                    Locale.ROOT,
                    "There should be a dead letter for each of %,d pictures that the worker cannot read, but there are %,d.",
                    letters.expected(),
                    letters.found()));
        }
        if (letters.groups() > 1) {
            failures.add(
                    String.format(Locale.ROOT, "The same error should make one group, but made %d.", letters.groups()));
        }
        if (letters.replayed() != letters.found() || letters.left() > 0) {
            failures.add(String.format(
                    Locale.ROOT,
                    "Of %,d dead letters %,d were replayed, and %,d are left.",
                    letters.found(),
                    letters.replayed(),
                    letters.left()));
        }
    }

    private static String deaths(PictureDay.Found found) {
        PictureDay.Deaths deaths = found.deaths();
        return String.format(
                Locale.ROOT,
                "One of two workers is killed (SIGKILL) after %.1f s, while it sends %d mails; users notice nothing. PostgreSQL"
                        + " is killed after %.1f s with %,d jobs to do, and back %.1f s later. The other worker has done them"
                        + " all %.1f s after that; a lease lasts %d s.",
                deaths.killedAt(),
                deaths.underWay(),
                deaths.downAt(),
                deaths.left(),
                deaths.upAt() - deaths.downAt(),
                deaths.doneAt() - deaths.upAt(),
                PictureWorker.LEASE_SECONDS);
    }

    private static String effects(PictureDay.Effects effects) {
        return String.format(
                Locale.ROOT,
                "Of %,d pictures accepted %,d are lost, %,d have no thumbnail in the end and %,d have two, as a thumbnail and its"
                        + " job's end are one transaction. %,d have no mail. Mails sent twice: %,d; nothing can be sent and"
                        + " recorded in one step. They carry the job's id as their key, so the mail server delivered %,d twice.",
                effects.accepted(),
                effects.lost(),
                effects.withoutThumbnail(),
                effects.twoThumbnails(),
                effects.withoutMail(),
                effects.mailsRepeated(),
                effects.twoMails());
    }

    private static String letters(PictureDay.Letters letters) {
        return String.format(
                Locale.ROOT,
                "Dead letters: %,d, in %d group: %s. The worker is replaced by one that can read such pictures, and the letters are"
                        + " replayed: %,d are left.",
                letters.found(),
                letters.groups(),
                letters.error(),
                letters.left());
    }

    private static Backlog backlog(PictureDay.Found found) {
        PictureDay.Deaths deaths = found.deaths();
        return new Backlog(
                found.backlog(),
                List.of(
                        new Backlog.Mark(deaths.killedAt(), "worker killed"),
                        new Backlog.Mark(deaths.downAt(), "PostgreSQL killed"),
                        new Backlog.Mark(deaths.upAt(), "PostgreSQL back"),
                        new Backlog.Mark(found.letters().replayedAt(), "dead letters replayed")));
    }
}
