package dev.tenfold.jobs;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A job that was given up. It is kept until somebody replays or purges it.
 *
 * <p>In a list it has neither payload nor errors, which can be megabytes: {@link DeadLetters#find} has them.
 *
 * @param id the job's id, which it keeps when it is replayed
 * @param kind its kind's name
 * @param queue its queue's name
 * @param priority how urgent
 * @param reason why it was given up
 * @param createdAt when it was enqueued
 * @param diedAt when it was given up
 * @param attempts claims that were not given back
 * @param failures attempts that ended in an exception, those before an earlier replay included
 * @param maxAttempts how many it had
 * @param fingerprint of the last error, {@link JobError#fingerprint}; empty if there was no exception
 * @param message of the last error
 * @param headers as enqueued
 * @param payloadVersion the version of the payload's shape
 * @param payload what {@link PayloadCodec#text} makes of it, decompressed and decrypted; empty in a list. It may hold what not
 *     everybody should see
 * @param errors oldest first, the latest 100 at most; none in a list
 */
public record DeadLetter(
        long id,
        String kind,
        String queue,
        Priority priority,
        DeadReason reason,
        Instant createdAt,
        Instant diedAt,
        int attempts,
        int failures,
        int maxAttempts,
        String fingerprint,
        String message,
        Map<String, String> headers,
        int payloadVersion,
        Optional<String> payload,
        List<JobError> errors) {}
