package dev.tenfold.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One connection that speaks just enough of Redis' protocol (RESP2) to set servers up. For one thread. */
final class Resp implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = Math.toIntExact(Await.LIMIT.toMillis());

    private final Socket socket = new Socket();
    private final InputStream in;

    private Resp(URI server) throws IOException {
        int port = server.getPort() < 0 ? 6_379 : server.getPort();
        socket.connect(new InetSocketAddress(server.getHost(), port), TIMEOUT_MILLIS);
        socket.setSoTimeout(TIMEOUT_MILLIS);
        socket.setTcpNoDelay(true);
        in = new BufferedInputStream(socket.getInputStream());
    }

    static Resp connect(String uri) throws IOException {
        URI server;
        try {
            server = new URI(uri);
        } catch (URISyntaxException e) {
            throw new IOException("no URI: " + uri, e);
        }
        Resp connection = new Resp(server);
        try {
            String login = server.getUserInfo();
            if (login != null) {
                int colon = login.indexOf(':');
                String user = login.substring(0, Math.max(0, colon));
                connection.call("AUTH", user.isEmpty() ? "default" : user, login.substring(colon + 1));
            }
            return connection;
        } catch (IOException | RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    /** Connects, asks once, and closes. The reply as text. */
    static String ask(String uri, String... command) {
        try (Resp connection = connect(uri)) {
            return String.valueOf(connection.call(command));
        } catch (IOException e) {
            throw new UncheckedIOException("Redis at " + uri + " does not answer " + command[0], e);
        }
    }

    /** Sends a command and reads its reply: a string, a Long, null, or a list of these. An error reply is thrown. */
    @Nullable
    Object call(String... command) throws IOException {
        StringBuilder out = new StringBuilder("*" + command.length + "\r\n");
        for (String word : command) {
            out.append('$').append(word.getBytes(UTF_8).length).append("\r\n");
            out.append(word).append("\r\n");
        }
        socket.getOutputStream().write(out.toString().getBytes(UTF_8));
        return reply();
    }

    private @Nullable Object reply() throws IOException {
        String line = line();
        String rest = line.substring(1);
        return switch (line.charAt(0)) {
            case '+' -> rest;
            case ':' -> Long.valueOf(rest);
            case '-' -> throw new IllegalStateException("Redis says: " + rest);
            case '$' -> text(Integer.parseInt(rest));
            case '*' -> items(Integer.parseInt(rest));
            default -> throw new IOException("no reply of Redis: " + line);
        };
    }

    private @Nullable String text(int length) throws IOException {
        if (length < 0) return null;
        String text = new String(in.readNBytes(length), UTF_8);
        in.skipNBytes(2);
        return text;
    }

    private List<@Nullable Object> items(int count) throws IOException {
        List<@Nullable Object> items = new ArrayList<>();
        for (int left = count; left > 0; left--) items.add(reply());
        return items;
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c; (c = in.read()) != '\n'; ) {
            if (c < 0) throw new EOFException("Redis closed the connection");
            if (c != '\r') line.append((char) c);
        }
        if (line.isEmpty()) throw new IOException("an empty line is no reply of Redis");
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
