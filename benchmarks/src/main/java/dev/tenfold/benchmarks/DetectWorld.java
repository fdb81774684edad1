package dev.tenfold.benchmarks;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Properties;
import javax.sql.DataSource;
import org.apache.ibatis.mapping.Environment;
import org.apache.ibatis.session.SqlSessionFactory;
import org.apache.ibatis.session.SqlSessionFactoryBuilder;
import org.apache.ibatis.transaction.jdbc.JdbcTransactionFactory;
import org.hibernate.SessionFactory;
import org.hibernate.cfg.AvailableSettings;
import org.jooq.DSLContext;
import org.jooq.SQLDialect;
import org.jooq.conf.Settings;
import org.jooq.impl.DSL;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.core.namedparam.NamedParameterJdbcTemplate;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** An application's libraries over one data source, which a detector watches: a shop of books. */
final class DetectWorld implements AutoCloseable {
    /** Ids of authors are 1 to this. */
    static final int AUTHORS = 12;

    /** Each author's; ids of books are 1 to 48, an author's in a row. */
    static final int BOOKS = 4;

    private static final List<String> SCHEMA = List.of(
            "create table author (id bigint primary key, name text not null, email text not null, mentor_id bigint)",
            "insert into author select i, 'author ' || i, 'a' || i || '@example.org', nullif(i - 1, 0)"
                    + " from generate_series(1, 12) i",
            "create table profile (id bigint primary key, author_id bigint not null unique, about text not null)",
            "insert into profile select 100 + i, i, 'about ' || i from generate_series(1, 12) i",
            "create table author_nickname (author_id bigint not null, nickname text not null)",
            "insert into author_nickname select i, 'nick ' || i from generate_series(1, 12) i",
            "create table book (id bigint primary key, author_id bigint not null, title text not null,"
                    + " price int not null, published date not null)",
            "insert into book select i, (i + 3) / 4, 'book ' || i, 10 + i, date '2025-12-01' + (i * 5)::int"
                    + " from generate_series(1, 48) i",
            "create table review (id bigint primary key, book_id bigint not null, stars int not null)",
            "insert into review select i, (i + 1) / 2, i % 5 + 1 from generate_series(1, 96) i",
            "create table category (id bigint primary key, parent_id bigint, name text not null)",
            "insert into category select i, case when i > 1 then (i + 1) / 3 end, 'category ' || i"
                    + " from generate_series(1, 13) i",
            "create table stock (book_id bigint, shop_id bigint, amount int not null, primary key (book_id, shop_id))",
            "insert into stock select i, i % 3, i from generate_series(1, 48) i",
            "create table discount (valid_from date primary key, percent int not null)",
            "insert into discount select date '2025-12-01' + i * 20, i from generate_series(0, 12) i",
            "create table campaign (id bigint primary key, starts date not null, ends date not null)",
            "insert into campaign select i, date '2025-12-01' + (i * 17 % 50)::int,"
                    + " date '2025-12-10' + (i * 17 % 50)::int from generate_series(1, 6) i",
            "create table account (id bigint primary key, balance bigint not null)",
            "insert into account select i, 1000 from generate_series(1, 12) i",
            "create table setting (name text primary key, value text not null)",
            "insert into setting select 'setting ' || i, 'value ' || i from generate_series(1, 5) i",
            "create table app_user (id bigint primary key, login text not null, tenant_id bigint not null)",
            "insert into app_user select i, 'user' || i, i % 3 + 1 from generate_series(1, 6) i",
            "create table app_role (user_id bigint not null, name text not null)",
            "insert into app_role select i, 'role ' || i from generate_series(1, 6) i",
            "create table tenant (id bigint primary key, name text not null)",
            "insert into tenant select i, 'tenant ' || i from generate_series(1, 3) i",
            "create table task (id bigint primary key, state text not null)",
            "insert into task select i, 'due' from generate_series(1, 6) i",
            "create table link (slug text primary key)",
            "insert into link select 'summer' || case when i > 0 then '-' || i else '' end from generate_series(0, 4) i",
            "create table event (id bigint primary key, text text not null)",
            "create sequence event_seq",
            "create table note (id bigserial primary key, text text not null)",
            "create table sales_2026_01 (day date not null, amount int not null)",
            "create table sales_2026_02 (day date not null, amount int not null)",
            "create table sales_2026_03 (day date not null, amount int not null)",
            "create table sales_2026_04 (day date not null, amount int not null)",
            "create function price_of(bigint) returns int language sql stable"
                    + " as 'select price from book where id = $1'",
            "create schema tenant_1 create table ticket (id bigint, state text)",
            "create schema tenant_2 create table ticket (id bigint, state text)",
            "create schema tenant_3 create table ticket (id bigint, state text)",
            "create schema tenant_4 create table ticket (id bigint, state text)");

    final DataSource dataSource;
    final JdbcTemplate spring;
    final NamedParameterJdbcTemplate named;
    final JdbcClient client;
    final TransactionTemplate transaction;
    final DSLContext jooq;
    final SessionFactory hibernate;
    final SqlSessionFactory mybatis;

    DetectWorld(DataSource watched) {
        dataSource = watched;
        spring = new JdbcTemplate(watched);
        named = new NamedParameterJdbcTemplate(spring);
        client = JdbcClient.create(spring);
        transaction = new TransactionTemplate(new JdbcTransactionManager(watched));
        jooq = DSL.using(watched, SQLDialect.POSTGRES, new Settings().withExecuteLogging(false));
        hibernate = hibernate(watched);
        mybatis = mybatis(watched);
    }

    /** Makes the shop in an empty database. */
    static void create(DataSource dataSource) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            for (String sql : SCHEMA) {
                statement.execute(sql);
            }
        }
    }

    private static SessionFactory hibernate(DataSource dataSource) {
        org.hibernate.cfg.Configuration configuration = new org.hibernate.cfg.Configuration();
        DetectEntities.ALL.forEach(configuration::addAnnotatedClass);
        Properties properties = configuration.getProperties();
        properties.put(AvailableSettings.JAKARTA_NON_JTA_DATASOURCE, dataSource);
        return configuration
                .setProperty(AvailableSettings.USE_SECOND_LEVEL_CACHE, false)
                .buildSessionFactory();
    }

    private static SqlSessionFactory mybatis(DataSource dataSource) {
        Environment environment = new Environment("trace", new JdbcTransactionFactory(), dataSource);
        org.apache.ibatis.session.Configuration configuration =
                new org.apache.ibatis.session.Configuration(environment);
        configuration.addMapper(DetectMyBatis.Books.class);
        return new SqlSessionFactoryBuilder().build(configuration);
    }

    @Override
    public void close() {
        hibernate.close();
    }
}
