package dev.tenfold.testkit;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The TCP sockets that this process holds, read from {@code /proc}; none where there is no such thing. */
final class OpenSockets {
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");
    private static final List<Path> TABLES = List.of(Path.of("/proc/self/net/tcp"), Path.of("/proc/self/net/tcp6"));

    private OpenSockets() {}

    /** Descriptions by inode, which no two sockets share. */
    static Map<String, String> now() {
        Set<String> mine = inodes();
        Map<String, String> open = new HashMap<>();
        for (Path table : TABLES) {
            for (String line : lines(table)) {
                // sl, local, remote, state, queues, timer, retransmits, uid, timeout, inode
                String[] column = line.strip().split("\\s+", -1);
                if (column.length < 10 || !mine.contains(column[9])) continue;
                String state = state(column[3]);
                if (state != null) open.put(column[9], state + " " + port(column[1]) + " → " + port(column[2]));
            }
        }
        return open;
    }

    private static @Nullable String state(String code) {
        return switch (code) {
            case "01" -> "established";
            case "08" -> "waits to be closed";
            case "0A" -> "listens";
            default -> null;
        };
    }

    private static String port(String address) {
        return "port " + Integer.parseInt(address.substring(address.indexOf(':') + 1), 16);
    }

    private static Set<String> inodes() {
        Set<String> inodes = new HashSet<>();
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(DESCRIPTORS)) {
            for (Path descriptor : descriptors) {
                String target = target(descriptor);
                if (target.startsWith("socket:[")) inodes.add(target.substring(8, target.length() - 1));
            }
        } catch (IOException noProc) {
            return Set.of();
        }
        return inodes;
    }

    private static String target(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (IOException closedMeanwhile) {
            return "";
        }
    }

    private static List<String> lines(Path table) {
        try {
            return Files.readAllLines(table);
        } catch (IOException noSuchTable) {
            return List.of();
        }
    }
}
