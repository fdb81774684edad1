package dev.tenfold.benchmarks;

import static dev.tenfold.benchmarks.DetectTrace.fine;
import static dev.tenfold.benchmarks.DetectTrace.nPlusOne;

import dev.tenfold.benchmarks.DetectEntities.Account;
import dev.tenfold.benchmarks.DetectEntities.Author;
import dev.tenfold.benchmarks.DetectEntities.BatchedAuthor;
import dev.tenfold.benchmarks.DetectEntities.Book;
import dev.tenfold.benchmarks.DetectEntities.EagerBook;
import dev.tenfold.benchmarks.DetectEntities.Event;
import dev.tenfold.benchmarks.DetectEntities.PairedAuthor;
import dev.tenfold.benchmarks.DetectEntities.Review;
import dev.tenfold.benchmarks.DetectEntities.SubselectAuthor;
import dev.tenfold.benchmarks.DetectEntities.WithProfile;
import java.util.List;
import org.hibernate.Session;
import org.hibernate.StatelessSession;

/** As people write it with Hibernate. */
final class DetectHibernate {
    private DetectHibernate() {}

    static List<DetectTrace> traces() {
        return List.of(
                nPlusOne("hibernate: lazy to-one", in(DetectHibernate::lazyToOne)),
                nPlusOne("hibernate: lazy to-many", in(DetectHibernate::lazyToMany)),
                nPlusOne("hibernate: lazy to-many by stream().map", in(DetectHibernate::lazyByStream)),
                nPlusOne("hibernate: nested to-many", in(DetectHibernate::nestedLevels)),
                nPlusOne("hibernate: eager to-one after a query", in(DetectHibernate::eagerToOne)),
                nPlusOne("hibernate: the other side of one-to-one", in(DetectHibernate::oneToOne)),
                nPlusOne("hibernate: element collection", in(DetectHibernate::elements)),
                nPlusOne("hibernate: a chain of lazy to-ones", in(DetectHibernate::lazyChain)),
                nPlusOne("hibernate: find in a loop", in(DetectHibernate::findInLoop)),
                nPlusOne("hibernate: a query in a loop", in(DetectHibernate::queryInLoop)),
                nPlusOne("hibernate: count query per parent", in(DetectHibernate::countInLoop)),
                nPlusOne("hibernate: native query in a loop", in(DetectHibernate::nativeInLoop)),
                nPlusOne("hibernate: merge of detached entities", in(DetectHibernate::mergeDetached)),
                nPlusOne("hibernate: refresh of each", in(DetectHibernate::refreshEach)),
                nPlusOne("hibernate: stateless get in a loop", DetectHibernate::statelessGet),
                nPlusOne("hibernate: a session per element", DetectHibernate::sessionEach),
                fine("hibernate: join fetch", in(DetectHibernate::joinFetch)),
                fine("hibernate: batch size 50", in(DetectHibernate::batched)),
                fine("hibernate: batch size 2", in(DetectHibernate::paired)),
                fine("hibernate: subselect", in(DetectHibernate::subselect)),
                fine("hibernate: multi-load by ids", in(DetectHibernate::multiLoad)),
                fine("hibernate: pages", in(DetectHibernate::pages)),
                fine("hibernate: keyset pages", in(DetectHibernate::keyset)),
                fine("hibernate: persist with a sequence", in(DetectHibernate::persistAll)),
                fine("hibernate: dirty entities flushed", in(DetectHibernate::flushAll)),
                fine("hibernate: find of the same", in(DetectHibernate::findSame)),
                fine("hibernate: same query again", in(DetectHibernate::sameQuery)),
                fine("hibernate: lazy to-one of two", in(DetectHibernate::lazyOfTwo)),
                fine("hibernate: finds on three lines", in(DetectHibernate::findsOnLines)));
    }

    /** What happens in one session. */
    private interface Work {
        void run(Session session);
    }

    /** In a session and a transaction, as a service method is; rolled back, so that the data stay. */
    private static DetectTrace.Scenario in(Work work) {
        return world -> {
            try (Session session = world.hibernate.openSession()) {
                session.beginTransaction();
                work.run(session);
                session.flush();
                session.getTransaction().rollback();
            }
        };
    }

    private static List<Author> authors(Session session) {
        return session.createQuery("from Author", Author.class).list();
    }

    private static void lazyToOne(Session session) {
        for (Book book :
                session.createQuery("from Book where price < 30", Book.class).list()) {
            String unused = book.getAuthor().getName();
        }
    }

    private static void lazyToMany(Session session) {
        for (Author author : authors(session)) {
            int unused = author.getBooks().size();
        }
    }

    private static void lazyByStream(Session session) {
        List<Integer> unused = authors(session).stream()
                .map(author -> author.getBooks().size())
                .toList();
    }

    private static void nestedLevels(Session session) {
        for (Author author :
                session.createQuery("from Author where id <= 3", Author.class).list()) {
            for (Book book : author.getBooks()) {
                for (Review review : book.getReviews()) {
                    int unused = review.stars;
                }
            }
        }
    }

    private static void eagerToOne(Session session) {
        List<EagerBook> unused =
                session.createQuery("from EagerBook", EagerBook.class).list();
    }

    private static void oneToOne(Session session) {
        List<WithProfile> unused =
                session.createQuery("from WithProfile", WithProfile.class).list();
    }

    private static void elements(Session session) {
        for (Author author : authors(session)) {
            int unused = author.nicknames.size();
        }
    }

    private static void lazyChain(Session session) {
        Author author = session.find(Author.class, 9L);
        while (author.getMentor() != null) {
            author = author.getMentor();
            String unused = author.getName();
        }
    }

    private static void findInLoop(Session session) {
        for (long id : List.of(3L, 8L, 12L, 4L)) {
            Author unused = session.find(Author.class, id);
        }
    }

    private static void queryInLoop(Session session) {
        for (Author author : authors(session)) {
            List<Book> unused = session.createQuery("from Book where author = :author and price > 20", Book.class)
                    .setParameter("author", author)
                    .list();
        }
    }

    private static void countInLoop(Session session) {
        for (Author author : authors(session)) {
            Long unused = session.createQuery("select count(*) from Book where author.id = :id", Long.class)
                    .setParameter("id", author.id)
                    .getSingleResult();
        }
    }

    private static void nativeInLoop(Session session) {
        for (Author author : authors(session)) {
            List<String> unused = session.createNativeQuery(
                            "select about from profile where author_id = :id", String.class)
                    .setParameter("id", author.id)
                    .list();
        }
    }

    private static void mergeDetached(Session session) {
        for (long id = 1; id <= 5; id++) {
            Account account = new Account();
            account.id = id;
            account.balance = 1000;
            Account unused = session.merge(account);
        }
    }

    private static void refreshEach(Session session) {
        List<Account> accounts =
                session.createQuery("from Account", Account.class).list();
        for (Account account : accounts) {
            session.refresh(account);
        }
    }

    private static void statelessGet(DetectWorld world) {
        try (StatelessSession session = world.hibernate.openStatelessSession()) {
            for (Account account :
                    session.createQuery("from Account", Account.class).list()) {
                Object unused = session.get(Author.class, account.id);
            }
        }
    }

    private static void sessionEach(DetectWorld world) {
        for (long id = 1; id <= 6; id++) {
            try (Session session = world.hibernate.openSession()) {
                Author unused = session.find(Author.class, id);
            }
        }
    }

    private static void joinFetch(Session session) {
        for (Author author : session.createQuery("from Author a join fetch a.books", Author.class)
                .list()) {
            int unused = author.getBooks().size();
        }
    }

    private static void batched(Session session) {
        for (BatchedAuthor author :
                session.createQuery("from BatchedAuthor", BatchedAuthor.class).list()) {
            int unused = author.books.size();
        }
    }

    private static void paired(Session session) {
        for (PairedAuthor author :
                session.createQuery("from PairedAuthor", PairedAuthor.class).list()) {
            int unused = author.books.size();
        }
    }

    private static void subselect(Session session) {
        for (SubselectAuthor author : session.createQuery("from SubselectAuthor", SubselectAuthor.class)
                .list()) {
            int unused = author.books.size();
        }
    }

    private static void multiLoad(Session session) {
        List<Author> unused = session.byMultipleIds(Author.class).multiLoad(List.of(1L, 5L, 9L, 11L));
    }

    private static void pages(Session session) {
        for (int from = 0; from < 48; from += 10) {
            List<Book> unused = session.createQuery("from Book order by id", Book.class)
                    .setFirstResult(from)
                    .setMaxResults(10)
                    .list();
        }
    }

    private static void keyset(Session session) {
        long after = 0;
        List<Book> page;
        do {
            page = session.createQuery("from Book where id > :after order by id", Book.class)
                    .setParameter("after", after)
                    .setMaxResults(10)
                    .list();
            after = page.isEmpty() ? after : page.get(page.size() - 1).id;
        } while (!page.isEmpty());
    }

    private static void persistAll(Session session) {
        for (int i = 0; i < 6; i++) {
            Event event = new Event();
            event.text = "event " + i;
            session.persist(event);
        }
    }

    private static void flushAll(Session session) {
        for (Account account :
                session.createQuery("from Account", Account.class).list()) {
            account.balance++;
        }
    }

    private static void findSame(Session session) {
        for (int i = 0; i < 5; i++) {
            Author unused = session.find(Author.class, 5L);
        }
    }

    private static void sameQuery(Session session) {
        for (int i = 0; i < 4; i++) {
            Long unused = session.createQuery("select count(*) from Book where price > :least", Long.class)
                    .setParameter("least", 20)
                    .getSingleResult();
        }
    }

    private static void lazyOfTwo(Session session) {
        for (Book book :
                session.createQuery("from Book where id in (1, 9)", Book.class).list()) {
            String unused = book.getAuthor().getName();
        }
    }

    private static void findsOnLines(Session session) {
        Author unusedWriter = session.find(Author.class, 1L);
        Author unusedEditor = session.find(Author.class, 4L);
        Author unusedReviewer = session.find(Author.class, 7L);
    }
}
