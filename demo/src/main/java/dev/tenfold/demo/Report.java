package dev.tenfold.demo;

import static java.util.stream.Collectors.joining;

import dev.tenfold.query.guard.Finding;
import dev.tenfold.query.index.IndexAdvice;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/** The last step: one HTML file that needs no other, with what was measured, how, and the code that ran. */
record Report(
        List<Stage.Result> results, NextBreak.Result next, String keys, String postgresVersion, String redisVersion) {
    void write(Path file) throws IOException {
        Path directory = file.toAbsolutePath().getParent();
        if (directory != null) {
            Files.createDirectories(directory);
        }
        Files.writeString(file, html());
    }

    private String html() throws IOException {
        StringBuilder stages = new StringBuilder();
        for (Stage.Result result : results) {
            stages.append(stage(result));
        }
        stages.append(readiness());
        return """
                <!doctype html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <title>Launch day</title>
                <style>
                %s</style>
                </head>
                <body>
                <main>
                <header>
                <p class="eyebrow">Tenfold</p>
                <h1>Launch day</h1>
                <p class="lead">%s</p>
                </header>
                %s
                <section>
                <h2>What changed in the code</h2>
                <p>What makes a page, and what looks at a request before that, as it ran. All versions answer with the same bytes; the
                demo compares them before it measures.</p>
                <div class="code">
                <figure class="naive"><figcaption><b>Naive</b>: a query for each row</figcaption><pre>%s</pre></figure>
                <figure class="ours"><figcaption><b>With toolkit-query</b>: a query for each level</figcaption><pre>%s</pre></figure>
                <figure class="cached"><figcaption><b>With toolkit-cache</b>: a query for what nobody has asked for yet, or
                somebody changed</figcaption><pre>%s</pre></figure>
                <figure class="looked"><figcaption><b>Tokens in PostgreSQL</b>: a query for each request</figcaption><pre>%s</pre></figure>
                <figure class="known"><figcaption><b>With toolkit-auth</b>: a query for each token that nobody has shown for a
                while</figcaption><pre>%s</pre></figure>
                <figure class="limited"><figcaption><b>With toolkit-ratelimit</b>: a look at each request before anything is
                done for it</figcaption><pre>%s</pre></figure>
                <figure class="slow"><figcaption><b>Slow work in requests</b>: the user waits for the mail
                server</figcaption><pre>%s</pre></figure>
                <figure class="jobs"><figcaption><b>With toolkit-jobs</b>: the user waits for one
                transaction</figcaption><pre>%s</pre></figure>
                <figure class="work"><figcaption><b>With toolkit-jobs</b>: what the workers do</figcaption><pre>%s</pre></figure>
                </div>
                </section>
                %s
                </main>
                </body>
                </html>
                """.formatted(
                        resource("report.css"),
                        escape(summary()),
                        stages,
                        escape(snippet("NaiveFeed.java")),
                        escape(snippet("BatchedFeed.java")),
                        escape(snippet("CachedFeed.java")),
                        escape(snippet("TokenTable.java")),
                        escape(snippet("CachedTokens.java")),
                        escape(snippet("ClientLimit.java")),
                        escape(snippet("PicturesInRequest.java")),
                        escape(snippet("PicturesAsJobs.java")),
                        escape(snippet("PictureWorker.java")),
                        method());
    }

    private String summary() {
        String stages =
                String.join(", then ", results.stream().map(Stage.Result::title).toList());
        String outcome = results.stream().allMatch(Stage.Result::kept)
                ? "From 1,000 users on each breaks the version before, or keeps its database busy with tokens, and one module more"
                        + " carries it."
                : "This run did not show what it should; the stage that failed says why.";
        return "A feed service meets " + stages
                + ". Each time the same requests go to the code as first written and to the"
                + " same code with one module more. " + outcome;
    }

    private static String stage(Stage.Result result) throws IOException {
        return """
                <section>
                <h2>%s</h2>
                <p class="verdict%s">%s</p>%s
                %s<div class="charts">
                <figure><figcaption>Latency <span>logarithmic</span></figcaption>%s</figure>
                <figure><figcaption>Offered and served <span>requests a second</span></figcaption>%s</figure>
                <figure class="narrow"><figcaption>Queries per request</figcaption>%s</figure>
                %s</div>
                <p class="legend">%s<span class="offered">offered</span><span class="objective">p99 objective</span>%s</p>
                %s
                </section>
                """.formatted(
                        escape(result.title()),
                        result.kept() ? "" : " failed",
                        escape(result.sentence()),
                        notes(result),
                        inspection(result),
                        Charts.latency(result),
                        Charts.throughput(result),
                        Charts.queries(result),
                        backlog(result),
                        legend(result),
                        result.away() == null ? "" : "<span class=\"away\">Redis away</span>",
                        table(result));
    }

    /** What Readiness said, as it said it, and in two pictures. */
    private String readiness() throws IOException {
        NextBreak.Said said = next.said();
        return """
                <section>
                <h2>%s</h2>
                <p class="verdict%s">%s</p>
                <h3>Of this run</h3>
                <p class="hint">What <code>readiness.report().text()</code> prints near the end of the last stage's load, from what
                the guard and the gauges of both nodes with toolkit-jobs have seen of it, a sample a second.</p>
                <pre>%s</pre>
                <h3 class="synthetic">Of a year <b>Synthetic</b></h3>
                <p class="hint">Three minutes cannot show what a year does, so these daily figures are made from seed %d: growth that
                slows down and speeds up again, quiet weekends, a quiet Christmas, two incidents, noise that remembers the day
                before, days without a figure. Nobody has measured them. They went into Readiness's own table by
                <code>readiness.record("database", figures, %.0f)</code>.</p>
                <figure><figcaption>The database at the end of the year <span>per cent busy, each day's 95th percentile
                of its hours</span></figcaption>%s</figure>
                <figure><figcaption>The same on day %d, and what came <span>per cent busy</span></figcaption>%s</figure>
                <p class="legend marks"><span class="dot" style="--c:%s">a day</span><span class="dot" style="--c:%s">Saturday,
                Sunday</span><span class="dot" style="--c:%s">what came afterwards</span><span style="--c:%s">the busiest day of
                a week, fitted and foreseen</span><span class="box" style="--c:%s">its 80 %% band</span><span class="box"
                style="--c:%s">when it is full, 80 %%</span><span style="--c:%s">the date expected</span></p>
                <p class="note">%s</p>
                <pre>%s</pre>
                </section>
                """.formatted(
                NextBreak.TITLE,
                next.kept() ? "" : " failed",
                escape(next.sentence()),
                escape(said.run().text()),
                SyntheticYear.SEED,
                SyntheticYear.LIMIT,
                OutlookChart.svg(NextBreak.atTheEnd(said), "A synthetic year of daily figures, and its forecast"),
                NextBreak.EARLIER,
                OutlookChart.svg(NextBreak.before(said), "An earlier forecast, and what came"),
                Charts.hex(OutlookChart.WEEKDAY),
                Charts.hex(OutlookChart.WEEKEND),
                Charts.hex(OutlookChart.LATER),
                Charts.hex(Charts.INK),
                Charts.hex(OutlookChart.BAND),
                Charts.hex(OutlookChart.SHADE),
                Charts.hex(OutlookChart.AMBER),
                escape(NextBreak.earlier(said)),
                escape(said.year().text()));
    }

    private static String backlog(Stage.Result result) throws IOException {
        Stage.Backlog backlog = result.backlog();
        if (backlog == null) {
            return "";
        }
        Measured version = result.versions().get(result.versions().size() - 1);
        return "<figure class=\"wide\"><figcaption>Jobs not done yet <span>thumbnails and mails</span></figcaption>"
                + Charts.backlog(backlog, version) + "</figure>\n";
    }

    /** What the guard and the index check said before the load, as they said it. */
    private static String inspection(Stage.Result result) throws IOException {
        Inspection.Found found = result.inspection();
        if (found == null) {
            return "";
        }
        StringBuilder blocks = new StringBuilder();
        found.naive().byCost().forEach(finding -> blocks.append(block(found, finding)));
        found.before().advice().forEach(advice -> blocks.append(block(advice)));
        return """
                <div class="found">
                <h3>Found by themselves</h3>
                <p>%d requests of the naive code before any load, through <code>QueryGuard.watch(pool)</code>; then
                <code>IndexCheck.of(dataSource).statements(guard.statements()).report()</code>. The words are theirs.</p>
                <figure><figcaption>The statements of one request <span>over time, as the application waited
                for them, in the colours of the findings</span></figcaption>%s</figure>
                %s<p>The same requests with toolkit-query, and after the statement that IndexCheck proposed: %s IndexCheck: %s</p>
                </div>
                """.formatted(
                        Inspection.REQUESTS,
                        Charts.statements(found),
                        blocks,
                        escape(Words.contrast(found)),
                        escape(found.after().text().lines().findFirst().orElse("")));
    }

    private static String block(Inspection.Found found, Finding finding) {
        String statement = finding.statement().isEmpty() ? "" : "<pre>" + escape(finding.statement()) + "</pre>\n";
        return """
                <div class="finding" style="--c:%s">
                <h4>%s <span>%s</span></h4>
                <p>%s</p>
                %s<p><b>at</b> <code>%s</code></p>
                <p><b>remedy</b> %s</p>
                </div>
                """.formatted(
                        Charts.hexOf(found, finding),
                        escape(finding.kind().toString()),
                        escape(Words.toll(finding)),
                        escape(finding.detail()),
                        statement,
                        escape(Words.site(finding)),
                        escape(finding.remedy()));
    }

    private static String block(IndexAdvice advice) {
        Double gain = advice.gain();
        String ddl = advice.ddl() == null ? "" : "<pre>" + escape(advice.ddl()) + "</pre>\n";
        return """
                <div class="finding index">
                <h4>%s <span>%s, %s%s</span></h4>
                <p>%s</p>
                %s</div>
                """.formatted(
                escape(advice.kind().toString()),
                escape(advice.table()),
                escape(advice.subject()),
                gain == null ? "" : String.format(Locale.ROOT, ", about %.0f times cheaper with an index", gain),
                escape(advice.detail()),
                ddl);
    }

    private static String notes(Stage.Result result) {
        return result.notes().stream()
                .map(note -> "\n<p class=\"note\">" + escape(note) + "</p>")
                .collect(joining());
    }

    private static String legend(Stage.Result result) {
        return result.versions().stream()
                .map(version ->
                        "<span style=\"--c:" + Charts.hexOf(version) + "\">" + escape(version.version()) + "</span>")
                .collect(joining());
    }

    private static String table(Stage.Result result) {
        StringBuilder rows = new StringBuilder("<div class=\"table\"><table>\n<thead><tr>");
        Words.COLUMNS.forEach(
                column -> rows.append("<th>").append(escape(column)).append("</th>"));
        rows.append("</tr></thead>\n<tbody>\n");
        for (Measured version : result.versions()) {
            rows.append("<tr style=\"--c:").append(Charts.hexOf(version)).append("\">");
            Words.cells(version)
                    .forEach(cell -> rows.append("<td>").append(escape(cell)).append("</td>"));
            rows.append("</tr>\n");
        }
        return rows.append("</tbody></table></div>").toString();
    }

    private String method() {
        return """
                <section class="method">
                <h2>How it was measured</h2>
                <dl>
                <dt>Load</dt><dd>Open: each request's start is drawn before the stage begins (a seeded Poisson process; one
                request per user every %.0f s), and latency counts from that start, so time spent waiting is in it. A request
                still unanswered %d s after the stage counts as an error, with the latency it had reached. Served/s counts
                answers that came within that time.</dd>
                <dt>Objective</dt><dd>99.9 %% of the requests served, none with an error, and a p99 of at most %.0f ms.</dd>
                <dt>Found by themselves</dt><dd>%d requests one after the other, each in a QueryScope, on a pool of %d connections.
                Times in the picture are those inside the driver, of the quickest request. The index that was proposed is
                dropped again, so that the naive version meets the load without it.</dd>
                <dt>10,000 users</dt><dd>Two nodes share the requests; one request in %d adds a comment to the page's first post.
                The database's network carries %d Mbit/s, in equal parts for the %d connections that both nodes use at once, and
                a page takes some 25 kB of rows.</dd>
                <dt>Tokens</dt><dd>The same, and both nodes look at a token of each request; %,d are in a table, by their SHA-256.
                Besides the users %d devices of one busy subject ask each node for news, %d ms after each answer, and go on when
                the subject is logged out: the rows are deleted and, with toolkit-auth, the first node is told. They
                begin when half of the time is over. Table and charts show the users alone; queries and DB busy are those of the
                first half. A token is accepted late if its request was sent more than
                %d s after the log-out had returned.</dd>
                <dt>A scraper</dt><dd>As for 10,000 users, without a look at tokens, and besides the users a job in a loop with %d connections and a scraper with %d
                from each of %d addresses. They ask for pages of an archive, %,d comments each, which no cache has. The load
                is closed: each connection asks again when it has its answer and %d ms of network have passed, and heeds no
                refusal. Table and charts show the users alone; a refused one would count as an error.</dd>
                <dt>100,000 users</dt><dd>They have twenty nodes; these are two of them, with their share of the requests, one
                in %d of which posts a picture of %d × %d pixels to the page's first post. It gets a thumbnail, and the
                post's author a mail, which takes the mail server %d ms. One picture in %d begins with an empty line, which the
                program cannot read at first. PostgreSQL is a server of its own here, with
                the settings of initdb, so that it may be killed. With toolkit-jobs two processes with %d threads each do
                what the request does not; they share the machine, at a
                lower priority.
                Pictures are files; thumbnails are rows, and no constraint keeps a picture from having two. What was done
                is counted in the database and by the mail server, in the end.</dd>
                <dt>Stale reads</dt><dd>Posts carry a version, which each comment raises. A post is behind if a higher version was
                committed before its request was sent, and older than promised if that was more than %d s earlier: %d s
                while Redis is away.</dd>
                <dt>Keys</dt><dd>%s; every stage starts at the first.</dd>
                <dt>Network</dt><dd>%.1f ms added to each round trip between the application and PostgreSQL or Redis; HTTP
                over loopback.</dd>
                <dt>Data</dt><dd>%,d authors, %,d posts, %,d comments. A page is %d posts with authors, the latest %d
                comments of each, and their authors.</dd>
                <dt>Naive</dt><dd>A new connection for each request, and no index on the comments' foreign key.</dd>
                <dt>With toolkit-query</dt><dd>HikariCP with %d connections, and the index.</dd>
                <dt>With toolkit-cache</dt><dd>The same, and for each node a cache in memory before a Redis that both share. Every post was
                shown once before the load begins, as in a service that has been running for a while; pages were not.</dd>
                <dt>With toolkit-auth</dt><dd>As with toolkit-cache, and for each node a cache of tokens in memory before the Redis
                that both share. A user asks every %.0f s and a token is looked up anew after %d minutes, so all tokens were shown
                to both nodes before the load begins, except those of one user in %d.</dd>
                <dt>With toolkit-ratelimit</dt><dd>As with toolkit-cache, and for each node a limiter; both count on the same Redis. Who is a
                client is taken from a header that what stands in front of the nodes would set. What is admitted is counted
                by those who ask.</dd>
                <dt>All</dt><dd>%d request threads a node, and the same warm-up in a stage.</dd>
                <dt>DB busy</dt><dd>Statements in progress, on average: the time spent in them, by the time that
                passed.</dd>
                <dt>Machine</dt><dd>JDK %s, %d cores for everything, PostgreSQL %s, Redis %s.</dd>
                </dl>
                </section>
                """.formatted(
                        Site.USER_ASKS_EVERY_SECONDS,
                        Site.GRACE.toSeconds(),
                        results.get(0).p99ObjectiveMillis(),
                        Inspection.REQUESTS,
                        Site.POOL,
                        Site.WRITE_EVERY,
                        Site.MEGABITS,
                        2 * FeedServer.REQUEST_THREADS,
                        Schema.TOKENS,
                        Devices.NUMBER,
                        Devices.PAUSE.toMillis(),
                        CachedTokens.MAX_STALENESS.toSeconds(),
                        Flood.CONNECTIONS_OF_THE_JOB,
                        Flood.CONNECTIONS_AN_ADDRESS,
                        Flood.ADDRESSES,
                        Feed.COMMENTS_AN_ARCHIVE_PAGE,
                        Flood.ROUND_TRIP.toMillis(),
                        PictureDay.PICTURE_EVERY,
                        Photo.WIDTH,
                        Photo.HEIGHT,
                        MailServer.TAKES.toMillis(),
                        Photo.ODD_EVERY,
                        PictureWorker.CONCURRENCY,
                        CachedFeed.MAX_STALENESS.toSeconds(),
                        CachedFeed.LOCAL_LIFE.toSeconds(),
                        escape(keys),
                        Site.NETWORK.toNanos() / 1e6,
                        Schema.AUTHORS,
                        Schema.POSTS,
                        Schema.COMMENTS,
                        Feed.POSTS_A_PAGE,
                        Feed.COMMENTS_A_POST,
                        Site.POOL,
                        Site.USER_ASKS_EVERY_SECONDS,
                        CachedTokens.MAX_AGE.toMinutes(),
                        Site.tokensUnknownEvery(),
                        FeedServer.REQUEST_THREADS,
                        escape(Runtime.version().toString()),
                        Runtime.getRuntime().availableProcessors(),
                        escape(postgresVersion),
                        escape(redisVersion));
    }

    /** The region of a source file that it marks for readers. */
    private static String snippet(String source) throws IOException {
        String text = resource(source).replace("\r\n", "\n");
        String mark = "    // snippet\n";
        int from = text.indexOf(mark) + mark.length();
        String method = text.substring(from, text.indexOf("    // end", from)).stripTrailing();
        return method.replace("    @Override\n", "").stripIndent().replace("    ", "  ");
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = Objects.requireNonNull(Report.class.getResourceAsStream(name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
