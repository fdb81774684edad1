package dev.tenfold.benchmarks;

import dev.tenfold.benchmarks.Feed.Author;
import dev.tenfold.benchmarks.Feed.Page;
import dev.tenfold.benchmarks.Feed.View;
import dev.tenfold.query.Loader;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.sql.DataSource;
import org.dataloader.BatchLoader;

/** A page of posts, each shown with its author: ours and the peers on one data source. */
final class QueryChildren {
    private static final List<String> PEERS = List.of("any", "naive", "java-dataloader", "hibernate", "multiset");
    private static final double NANOS_PER_MICRO = 1_000;

    private QueryChildren() {}

    /** One way to do the work. */
    record Way(String name, String settings, Work work) {}

    /** From a page's posts to its views. */
    interface Work {
        List<View> views(Page page) throws Exception;
    }

    static List<Way> ways(DataSource dataSource, HibernatePeer hibernate) {
        Loader<Long, Author> loader = Ours.loader(dataSource);
        BatchLoader<Long, Author> batch = DataLoaderPeer.batch(ids -> HandWritten.byIds(dataSource, ids));
        MultisetPeer multiset = new MultisetPeer(dataSource);
        List<Way> ways = new ArrayList<>();
        ways.add(new Way("ours", Ours.PEERS_SETTINGS, page -> Ours.peers(loader, page)));
        if (Ours.hasVirtualThreads()) {
            ways.add(new Way("ours-quiescence", Ours.SCOPE_SETTINGS, page -> Ours.scope(loader, page)));
        }
        ways.add(new Way("any", HandWritten.ANY_SETTINGS, page -> HandWritten.any(dataSource, page)));
        ways.add(new Way("naive", HandWritten.NAIVE_SETTINGS, page -> HandWritten.naive(dataSource, page)));
        ways.add(new Way("java-dataloader", DataLoaderPeer.SETTINGS, page -> DataLoaderPeer.views(batch, page)));
        ways.add(new Way("hibernate", HibernatePeer.SETTINGS, hibernate::views));
        ways.add(new Way("multiset", MultisetPeer.SETTINGS, multiset::views));
        return ways;
    }

    /** Measures all of them; {@code infix} goes into the names of the results. */
    static void run(Session session, DataSource dataSource, List<Page> pages, String infix) throws Exception {
        try (HibernatePeer hibernate = new HibernatePeer(dataSource)) {
            List<Way> ways = ways(dataSource, hibernate);
            verify(ways, pages);
            List<Contender> contenders = ways.stream()
                    .map(way -> new Contender(
                            way.name(),
                            way.settings(),
                            page -> Feed.checksum(way.work().views(pages.get(page)))))
                    .toList();
            String title = "query.children" + (infix.isEmpty() ? "" : " " + infix.replace(".", ""));
            session.say("");
            session.say(title + ": the authors of a page's posts, time per page; verified: all give the same views");
            if (infix.isEmpty()) {
                session.settings(contenders);
            } else {
                session.say("  the settings are those of query.children");
            }
            Effort effort = Effort.onServer(session.quick());
            Samples samples = Rounds.run(title, contenders, pages.size(), effort, session.progress());
            session.say(samples.rounds("ours") + " rounds");
            emit(session, samples, infix);
        }
    }

    private static void emit(Session session, Samples samples, String infix) {
        for (String peer : PEERS) {
            String name = "query.children." + infix + peer;
            session.emit(samples.row(name, "ours", peer, "us/request", NANOS_PER_MICRO));
        }
        if (samples.has("ours-quiescence")) {
            String name = "query.children.quiescence." + infix + "any";
            session.emit(samples.row(name, "ours-quiescence", "any", "us/request", NANOS_PER_MICRO));
        }
    }

    /** Every value of every page, not just the checksums. */
    private static void verify(List<Way> ways, List<Page> pages) throws Exception {
        for (Page page : pages) {
            List<View> expected = ways.get(0).work().views(page);
            if (Set.copyOf(expected).size() != page.posts().size()) {
                throw new IllegalStateException("page " + page.number() + " has "
                        + page.posts().size() + " different posts, but not as many views");
            }
            for (Way way : ways) {
                if (!way.work().views(page).equals(expected)) {
                    throw new IllegalStateException(
                            way.name() + " gives other views of page " + page.number() + " than ours does");
                }
            }
        }
    }
}
