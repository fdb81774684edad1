package dev.tenfold.demo;

import dev.tenfold.demo.Feed.Author;
import dev.tenfold.demo.Feed.Comment;
import dev.tenfold.demo.Feed.CommentView;
import dev.tenfold.demo.Feed.Page;
import dev.tenfold.demo.Feed.PostView;
import java.util.List;

/** Writes a page as JSON; both versions of the feed go through here, so equal pages are equal bytes. */
final class Json {
    private final StringBuilder out = new StringBuilder(32_768);

    private Json() {}

    static String of(Page page) {
        Json json = new Json();
        json.out.append("{\"posts\":[");
        String comma = "";
        for (PostView post : page.posts()) {
            json.out.append(comma);
            json.post(post);
            comma = ",";
        }
        return json.out.append("]}").toString();
    }

    static String of(List<Comment> comments) {
        Json json = new Json();
        json.out.append("{\"comments\":[");
        String comma = "";
        for (Comment comment : comments) {
            json.out.append(comma).append("{\"id\":").append(comment.id());
            json.out.append(",\"post\":").append(comment.postId());
            json.out.append(",\"author\":").append(comment.authorId()).append(",\"body\":");
            json.string(comment.body());
            json.out.append('}');
            comma = ",";
        }
        return json.out.append("]}").toString();
    }

    private void post(PostView view) {
        out.append("{\"version\":").append(view.post().version());
        out.append(",\"id\":").append(view.post().id()).append(",\"title\":");
        string(view.post().title());
        author(view.author());
        out.append(",\"comments\":[");
        String comma = "";
        for (CommentView comment : view.comments()) {
            out.append(comma).append("{\"id\":").append(comment.comment().id()).append(",\"body\":");
            string(comment.comment().body());
            author(comment.author());
            out.append('}');
            comma = ",";
        }
        out.append("]}");
    }

    private void author(Author author) {
        out.append(",\"author\":{\"id\":").append(author.id()).append(",\"name\":");
        string(author.name());
        out.append('}');
    }

    private void string(String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
