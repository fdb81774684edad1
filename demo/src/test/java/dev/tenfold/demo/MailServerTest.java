package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.Await;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What the mail server counts, and what it drops. */
class MailServerTest {
    @Test
    void a_mail_is_delivered_when_the_sender_is_told_so_and_that_takes_its_time() throws Exception {
        try (MailServer server = MailServer.start()) {
            long began = System.nanoTime();
            MailServer.send(server.port(), "key", 7, "me");

            assertThat(System.nanoTime() - began).isGreaterThanOrEqualTo(MailServer.TAKES.toNanos());
            assertThat(server.delivered().get(7L)).hasValue(1);
            assertThat(server.repeated()).isZero();
        }
    }

    @Test
    void a_mail_with_a_key_it_has_had_is_taken_and_not_delivered_again() throws Exception {
        try (MailServer server = MailServer.start()) {
            MailServer.send(server.port(), "key", 7, "me");
            MailServer.send(server.port(), "key", 7, "other");
            MailServer.send(server.port(), "another", 7, "me");

            assertThat(server.delivered().get(7L)).hasValue(2);
            assertThat(server.repeated()).isEqualTo(1);
        }
    }

    @Test
    void a_mail_whose_sender_dies_is_delivered_all_the_same() throws Exception {
        try (MailServer server = MailServer.start()) {
            try (Socket sender = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
                sender.getOutputStream().write("SEND key 7 me\n".getBytes(StandardCharsets.US_ASCII));
                Await.until(
                        "the server has it",
                        () -> server.underWay("me") == 1 || server.delivered().containsKey(7L));
            }

            Await.until("it is delivered", () -> server.delivered().containsKey(7L));
            Await.until("nothing is under way", () -> server.underWay("me") == 0);
        }
    }

    @Test
    void a_sender_without_a_server_is_told() throws Exception {
        MailServer server = MailServer.start();
        int port = server.port();
        server.close();

        assertThatThrownBy(() -> MailServer.send(port, "key", 7, "me")).isInstanceOf(IOException.class);
    }
}
