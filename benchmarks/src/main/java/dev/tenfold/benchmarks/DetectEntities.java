package dev.tenfold.benchmarks;

import jakarta.persistence.CollectionTable;
import jakarta.persistence.Column;
import jakarta.persistence.ElementCollection;
import jakarta.persistence.Entity;
import jakarta.persistence.FetchType;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.JoinColumn;
import jakarta.persistence.ManyToOne;
import jakarta.persistence.OneToMany;
import jakarta.persistence.OneToOne;
import jakarta.persistence.SequenceGenerator;
import jakarta.persistence.Table;
import java.util.List;
import java.util.Set;
import org.hibernate.annotations.BatchSize;
import org.hibernate.annotations.Fetch;
import org.hibernate.annotations.FetchMode;
import org.jspecify.annotations.Nullable;

/** The shop of books as Hibernate's entities; several on one table where they are fetched in different ways. */
@SuppressWarnings("NullAway.Init") // Hibernate sets the fields
final class DetectEntities {
    static final List<Class<?>> ALL = List.of(
            Author.class,
            BatchedAuthor.class,
            PairedAuthor.class,
            SubselectAuthor.class,
            WithProfile.class,
            Profile.class,
            Book.class,
            EagerBook.class,
            Review.class,
            Event.class,
            Account.class);

    private DetectEntities() {}

    /** Lazy, as it should be. */
    @Entity(name = "Author")
    @Table(name = "author")
    static class Author {
        @Id
        Long id;

        String name;
        String email;

        @ManyToOne(fetch = FetchType.LAZY)
        @JoinColumn(name = "mentor_id")
        @Nullable
        Author mentor;

        @OneToMany(mappedBy = "author")
        List<Book> books;

        @ElementCollection
        @CollectionTable(name = "author_nickname", joinColumns = @JoinColumn(name = "author_id"))
        @Column(name = "nickname")
        Set<String> nicknames;

        String getName() {
            return name;
        }

        @Nullable
        Author getMentor() {
            return mentor;
        }

        List<Book> getBooks() {
            return books;
        }
    }

    /** Fetches the books of many authors at once. */
    @Entity(name = "BatchedAuthor")
    @Table(name = "author")
    static class BatchedAuthor {
        @Id
        Long id;

        @OneToMany
        @JoinColumn(name = "author_id")
        @BatchSize(size = 50)
        List<Book> books;
    }

    /** Fetches the books of two authors at once. */
    @Entity(name = "PairedAuthor")
    @Table(name = "author")
    static class PairedAuthor {
        @Id
        Long id;

        @OneToMany
        @JoinColumn(name = "author_id")
        @BatchSize(size = 2)
        List<Book> books;
    }

    /** Fetches the books of all authors that a query found. */
    @Entity(name = "SubselectAuthor")
    @Table(name = "author")
    static class SubselectAuthor {
        @Id
        Long id;

        @OneToMany
        @JoinColumn(name = "author_id")
        @Fetch(FetchMode.SUBSELECT)
        List<Book> books;
    }

    /** Its other side of one-to-one cannot be lazy. */
    @Entity(name = "WithProfile")
    @Table(name = "author")
    static class WithProfile {
        @Id
        Long id;

        String name;

        @OneToOne(mappedBy = "author", fetch = FetchType.LAZY)
        @Nullable
        Profile profile;
    }

    /** Owns the one-to-one. */
    @Entity(name = "Profile")
    @Table(name = "profile")
    static class Profile {
        @Id
        Long id;

        String about;

        @OneToOne(fetch = FetchType.LAZY)
        @JoinColumn(name = "author_id")
        WithProfile author;
    }

    /** Lazy, as it should be. */
    @Entity(name = "Book")
    @Table(name = "book")
    static class Book {
        @Id
        Long id;

        String title;
        int price;

        @ManyToOne(fetch = FetchType.LAZY)
        @JoinColumn(name = "author_id")
        Author author;

        @OneToMany(mappedBy = "book")
        List<Review> reviews;

        Author getAuthor() {
            return author;
        }

        List<Review> getReviews() {
            return reviews;
        }
    }

    /** With JPA's default for to-one, which is eager. */
    @Entity(name = "EagerBook")
    @Table(name = "book")
    static class EagerBook {
        @Id
        Long id;

        String title;

        @ManyToOne
        @JoinColumn(name = "author_id")
        Author author;
    }

    /** Of a book. */
    @Entity(name = "Review")
    @Table(name = "review")
    static class Review {
        @Id
        Long id;

        int stars;

        @ManyToOne(fetch = FetchType.LAZY)
        @JoinColumn(name = "book_id")
        Book book;
    }

    /** Takes each id from the sequence. */
    @Entity(name = "Event")
    @Table(name = "event")
    static class Event {
        @Id
        @GeneratedValue(strategy = GenerationType.SEQUENCE, generator = "event_seq")
        @SequenceGenerator(name = "event_seq", sequenceName = "event_seq", allocationSize = 1)
        Long id;

        String text;
    }

    /** With an id that the application gives. */
    @Entity(name = "Account")
    @Table(name = "account")
    static class Account {
        @Id
        Long id;

        long balance;
    }
}
