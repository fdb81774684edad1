package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A server on the loopback that may do with its connections what no library would. */
final class RawServer implements AutoCloseable {
    private static final Pattern LENGTH = Pattern.compile("(?i)content-length: (\\d+)");

    /** What it does with one connection, which is closed afterwards. */
    interface Behaviour {
        /** Serves a connection; they are numbered from 1. */
        void serve(RawServer me, int number, Socket socket) throws IOException;
    }

    private final ServerSocket listener;
    private final Behaviour behaviour;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final List<String> requests = new CopyOnWriteArrayList<>();

    RawServer(Behaviour behaviour) throws IOException {
        this.behaviour = behaviour;
        listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start(this::accept);
    }

    private static void start(Runnable task) {
        Thread thread = new Thread(task, "raw-server");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        for (int number = 1; !listener.isClosed(); number++) {
            try {
                Socket socket = listener.accept();
                open.add(socket);
                int mine = number;
                start(() -> serve(mine, socket));
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void serve(int number, Socket socket) {
        try (socket) {
            behaviour.serve(this, number, socket);
        } catch (IOException gone) {
            // The client has had enough, which is what some tests wait for.
        } finally {
            open.remove(socket);
        }
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + listener.getLocalPort() + path);
    }

    int connections() {
        return open.size();
    }

    /** All requests that were read, whole. */
    List<String> requests() {
        return requests;
    }

    /** Reads one request; null at the end of the connection. */
    @Nullable
    String read(Socket socket) throws IOException {
        InputStream in = socket.getInputStream();
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        int left = Integer.MAX_VALUE;
        while (left > 0) {
            int one = in.read();
            if (one < 0) return null;
            text.write(one);
            left--;
            if (one == '\n' && left > 1_000_000 && text.toString(ISO_8859_1).endsWith("\r\n\r\n")) {
                Matcher length = LENGTH.matcher(text.toString(ISO_8859_1));
                left = length.find() ? Integer.parseInt(length.group(1)) : 0;
            }
        }
        String request = text.toString(ISO_8859_1);
        requests.add(request);
        return request;
    }

    static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(ISO_8859_1));
        socket.getOutputStream().flush();
    }

    /** Waits until the client closes the connection, or sends more. */
    static void awaitClient(Socket socket) throws IOException {
        int unused = socket.getInputStream().read();
    }

    @Override
    public void close() {
        try {
            listener.close();
            for (Socket socket : open) socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
