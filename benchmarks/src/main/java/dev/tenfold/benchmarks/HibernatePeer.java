package dev.tenfold.benchmarks;

import dev.tenfold.benchmarks.Feed.Page;
import dev.tenfold.benchmarks.Feed.Post;
import dev.tenfold.benchmarks.Feed.View;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.hibernate.CacheMode;
import org.hibernate.FlushMode;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.cfg.AvailableSettings;
import org.hibernate.cfg.Configuration;

/**
 * The work by Hibernate's batch fetching. The authors of a page are uninitialised proxies in a new session, which is what
 * reading posts with a lazy to-one leaves behind; touching the first one fetches all.
 */
final class HibernatePeer implements AutoCloseable {
    static final String SETTINGS = "Hibernate " + Versions.of("hibernate")
            + ", a new session per request, one lazy proxy per post, default_batch_fetch_size=500 (an array bind),"
            + " read-only, no flush, no second-level cache, no transaction";

    private final SessionFactory factory;

    HibernatePeer(DataSource dataSource) {
        Configuration configuration = new Configuration().addAnnotatedClass(AuthorEntity.class);
        configuration.getProperties().put(AvailableSettings.JAKARTA_NON_JTA_DATASOURCE, dataSource);
        factory = configuration
                .setProperty(AvailableSettings.DEFAULT_BATCH_FETCH_SIZE, 500)
                .setProperty(AvailableSettings.USE_SECOND_LEVEL_CACHE, false)
                .setProperty(AvailableSettings.USE_QUERY_CACHE, false)
                .setProperty(AvailableSettings.GENERATE_STATISTICS, false)
                .buildSessionFactory();
    }

    List<View> views(Page page) {
        List<Post> posts = page.posts();
        try (Session session = factory.openSession()) {
            session.setDefaultReadOnly(true);
            session.setHibernateFlushMode(FlushMode.MANUAL);
            session.setCacheMode(CacheMode.IGNORE);
            List<AuthorEntity> authors = new ArrayList<>(posts.size());
            for (Post post : posts) {
                authors.add(session.getReference(AuthorEntity.class, post.authorId()));
            }
            List<View> views = new ArrayList<>(posts.size());
            for (int i = 0; i < posts.size(); i++) {
                Post post = posts.get(i);
                AuthorEntity author = authors.get(i);
                views.add(new View(post.id(), post.title(), author.getName(), author.getKarma(), author.getAbout()));
            }
            return views;
        }
    }

    @Override
    public void close() {
        factory.close();
    }

    /** The author's mapping. */
    @Entity(name = "Author")
    @Table(name = "author")
    @SuppressWarnings("NullAway.Init") // Hibernate sets the fields
    static class AuthorEntity {
        @Id
        private Long id;

        private String name;
        private int karma;

        @Column(name = "mentor_id")
        private Long mentorId;

        private String about;

        Long getId() {
            return id;
        }

        String getName() {
            return name;
        }

        int getKarma() {
            return karma;
        }

        Long getMentorId() {
            return mentorId;
        }

        String getAbout() {
            return about;
        }
    }
}
