package dev.tenfold.jobs;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * What is known of a job, of finished ones with {@link History} only.
 *
 * @param id its id
 * @param kind its kind's name
 * @param queue its queue's name
 * @param state where it is
 * @param priority how urgent; empty of finished jobs
 * @param createdAt when it was enqueued
 * @param runAt when it is, or was, due; empty if it waits for others, and of finished jobs
 * @param attempts claims that were not given back
 * @param failures attempts that ended in an exception
 * @param maxAttempts after how many it is given up; empty of finished jobs
 * @param headers as enqueued
 * @param percent how far it says it is; empty if it says nothing
 * @param message what it says of that; empty if nothing
 */
public record JobInfo(
        long id,
        String kind,
        String queue,
        JobState state,
        Optional<Priority> priority,
        Instant createdAt,
        Optional<Instant> runAt,
        int attempts,
        int failures,
        Optional<Integer> maxAttempts,
        Map<String, String> headers,
        Optional<Integer> percent,
        Optional<String> message) {}
