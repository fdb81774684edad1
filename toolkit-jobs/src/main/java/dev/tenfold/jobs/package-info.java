/**
 * Work that outlives the request, the process and the deployment: a durable queue in the database you have.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.jobs.JobQueue}: where jobs are put, and where all else begins
 *   <li>{@link dev.tenfold.jobs.JobQueueOptions}: its settings and their defaults
 *   <li>{@link dev.tenfold.jobs.Enqueuer}: puts jobs into a transaction of yours
 *   <li>{@link dev.tenfold.jobs.EnqueueOptions}: when, where, how urgently, and how often at most
 *   <li>{@link dev.tenfold.jobs.Priority}: how urgent
 *   <li>{@link dev.tenfold.jobs.Enqueued}: what came of it
 *   <li>{@link dev.tenfold.jobs.BatchOptions}: how jobs that something waits for are enqueued
 *   <li>{@link dev.tenfold.jobs.WorkerBuilder}: what runs jobs, and its settings
 *   <li>{@link dev.tenfold.jobs.JobHandler}: your code
 *   <li>{@link dev.tenfold.jobs.HandlerOptions}: the settings of one kind's handler
 *   <li>{@link dev.tenfold.jobs.RetryPolicy}: when a job that failed runs again
 *   <li>{@link dev.tenfold.jobs.JobContext}: what a handler knows and may do
 *   <li>{@link dev.tenfold.jobs.JobTransaction}: effects and the end of the job in one commit
 *   <li>{@link dev.tenfold.jobs.JobDirective}: how a handler ends a job otherwise
 *   <li>{@link dev.tenfold.jobs.Worker}: runs jobs until it is closed
 *   <li>{@link dev.tenfold.jobs.WorkerStats}: what it did
 *   <li>{@link dev.tenfold.jobs.JobState}: where a job is in its life
 *   <li>{@link dev.tenfold.jobs.JobInfo}: what is known of a job
 *   <li>{@link dev.tenfold.jobs.JobError}: what went wrong with one attempt
 *   <li>{@link dev.tenfold.jobs.DeadLetters}: jobs that were given up, to be looked at, edited, replayed
 *   <li>{@link dev.tenfold.jobs.DeadLetter}: one of them
 *   <li>{@link dev.tenfold.jobs.DeadReason}: why
 *   <li>{@link dev.tenfold.jobs.DeadFilter}: which of them
 *   <li>{@link dev.tenfold.jobs.Page}: some of a list, and where the rest begins
 *   <li>{@link dev.tenfold.jobs.Crons}: jobs by the calendar
 *   <li>{@link dev.tenfold.jobs.CronOptions}: how they are enqueued
 *   <li>{@link dev.tenfold.jobs.Misfire}: what becomes of times that were missed
 *   <li>{@link dev.tenfold.jobs.CronEntry}: one of them
 *   <li>{@link dev.tenfold.jobs.JobKind}: the name of a payload's class
 *   <li>{@link dev.tenfold.jobs.Kind}: the same with versions and former names
 *   <li>{@link dev.tenfold.jobs.PayloadCodec}: payloads as bytes: JSON, compressed, encrypted
 *   <li>{@link dev.tenfold.jobs.PayloadKeys}: the keys for the latter
 *   <li>{@link dev.tenfold.jobs.History}: what is kept of jobs that are done
 *   <li>{@link dev.tenfold.jobs.JobStats}: how much waits
 *   <li>{@link dev.tenfold.jobs.QueueStats}: in one queue
 *   <li>{@link dev.tenfold.jobs.BoundedCount}: a number, exact as far as it matters
 *   <li>{@link dev.tenfold.jobs.JobHealth}: what is wrong, and what to do
 *   <li>{@link dev.tenfold.jobs.HealthOptions}: from when on it is
 *   <li>{@link dev.tenfold.jobs.JobListener}: hears of each job, for traces
 *   <li>{@link dev.tenfold.jobs.JobMetrics}: all of this for Micrometer, an optional dependency
 *   <li>{@link dev.tenfold.jobs.JobTester}: runs jobs in your tests, by a clock that they move
 *   <li>{@link dev.tenfold.jobs.JobSchema}: the tables
 *   <li>{@link dev.tenfold.jobs.JobException}: the database did not do what was asked
 * </ol>
 *
 * <p>One job's life, through the private types: {@code Enqueuer} gives a {@code NewJob} to the {@code JobStore} ({@code
 * PostgresStore} on PostgreSQL), {@code Claimer} claims it in the order that {@code Lanes} says and puts it into the {@code
 * Slots}, where an {@code Execution} runs it; {@code Heart} keeps its lease meanwhile, {@code Finisher} writes how it ended.
 */
@NullMarked
package dev.tenfold.jobs;

import org.jspecify.annotations.NullMarked;
