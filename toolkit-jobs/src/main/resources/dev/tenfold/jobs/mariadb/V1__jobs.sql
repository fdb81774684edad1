-- The tables of toolkit-jobs, version 1, for MariaDB 10.6 or later and MySQL 8.0 or later.
--
-- JobSchema.install(dataSource) applies it, or your own migration tool does: it is one file a version, never changed after
-- its release. Times are microseconds since 1970 (bigint), by the database's clock.

-- Which of these files have been applied. Programs of version c work on a database of version v if v >= c >= compatible_from.
create table if not exists tenfold_job_schema (
  version integer primary key,
  compatible_from integer not null,
  checksum bigint,                                 -- CRC-32 of the file; null if JobSchema has not installed it
  installed_at bigint not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists tenfold_job_queue (
  id integer not null auto_increment primary key,
  name varchar(100) not null unique,
  paused boolean not null default false
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists tenfold_job_kind (
  id integer not null auto_increment primary key,
  name varchar(200) not null unique,
  paused boolean not null default false
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- Unfinished jobs only: due, delayed, leased, retrying, parked and waiting ones.
-- A claim and a renewal change no indexed column.
create table if not exists tenfold_job (
  id bigint not null auto_increment primary key,
  run_at bigint not null,                          -- due then; the highest values mean parked and waiting
  lease_until bigint not null default 0,           -- whose it is until then
  lease bigint not null default 0,                 -- the fencing token: grows with each claim, never falls
  worker bigint not null default 0,                -- the incarnation that claimed it
  created_at bigint not null,
  batch_id bigint,                                 -- what waits for it
  queue_id integer not null,
  kind_id integer not null,
  concurrency_limit integer,
  priority smallint not null,                      -- 0 runs first
  attempt smallint not null default 0,             -- claims that were not given back
  failures smallint not null default 0,            -- of which ended in an exception
  max_attempts smallint not null,
  payload_version smallint not null,
  cancelled boolean not null default false,        -- somebody asked its worker to stop it
  admitted boolean not null default false,         -- it has a place under its concurrency key
  payload mediumblob not null,
  headers text,                                    -- name=value&name=value, percent-encoded
  unique_key varbinary(64),
  concurrency_key varchar(200),
  key tenfold_job_due (queue_id, priority, run_at, id),
  unique key tenfold_job_unique_key (unique_key),
  key tenfold_job_concurrency_key (concurrency_key, admitted, run_at, priority, created_at, id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- What went wrong, one row a failure; goes with its job, stays with its dead letter.
create table if not exists tenfold_job_error (
  id bigint not null auto_increment primary key,
  job_id bigint not null,
  attempt smallint not null,
  occurred_at bigint not null,
  fingerprint varchar(32) not null,                -- alike for errors alike
  type varchar(300) not null,
  message text not null,
  stack mediumtext not null,
  key tenfold_job_error_job_id (job_id, id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists tenfold_job_dead (
  id bigint primary key,                           -- the job's
  died_at bigint not null,
  created_at bigint not null,
  lease bigint not null,
  batch_id bigint,
  queue_id integer not null,
  kind_id integer not null,
  concurrency_limit integer,
  priority smallint not null,
  attempt smallint not null,
  failures smallint not null,
  max_attempts smallint not null,
  payload_version smallint not null,
  reason varchar(20) not null,
  fingerprint varchar(32) not null,                -- of the last error; '' without one
  message text not null,
  payload mediumblob not null,
  headers text,
  unique_key varbinary(64),
  concurrency_key varchar(200),
  key tenfold_job_dead_died_at (died_at, id),
  key tenfold_job_dead_fingerprint (fingerprint, died_at, id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- Jobs that have another one waiting until all of them are done.
create table if not exists tenfold_job_batch (
  id bigint not null auto_increment primary key,
  pending integer not null,
  total integer not null,
  lost integer not null default 0,                 -- died, were cancelled or purged
  callback_id bigint not null,
  runs_anyway boolean not null default false,      -- a dead member counts as done
  created_at bigint not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- How far a job is and what came of it, if it says so.
create table if not exists tenfold_job_progress (
  job_id bigint primary key,
  percent smallint not null,
  message varchar(500),
  result mediumblob,
  updated_at bigint not null,
  expires_at bigint,                                -- null while the job is unfinished
  key tenfold_job_progress_expires_at (expires_at)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- Windows in which a job is enqueued once.
create table if not exists tenfold_job_window (
  unique_key varbinary(64) primary key,
  job_id bigint not null,
  expires_at bigint not null,
  key tenfold_job_window_expires_at (expires_at)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- A row to lock while places under a concurrency key are given and taken.
create table if not exists tenfold_job_concurrency (
  concurrency_key varchar(200) primary key
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists tenfold_job_cron (
  name varchar(100) primary key,
  expression varchar(200) not null,
  zone varchar(60) not null,
  next_at bigint not null,
  last_at bigint,
  created_at bigint not null,
  queue_id integer not null,
  kind_id integer not null,
  priority smallint not null,
  max_attempts smallint not null,
  payload_version smallint not null,
  misfire varchar(20) not null,
  misfire_limit smallint not null,
  paused boolean not null default false,
  payload mediumblob not null,
  headers text
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- Processes that work, as last seen.
create table if not exists tenfold_job_worker (
  id bigint primary key,                           -- the incarnation: random, new with each start
  name varchar(200) not null,
  started_at bigint not null,
  seen_at bigint not null,
  concurrency integer not null,
  running integer not null,
  queues text not null,                            -- names, one a line
  kinds text not null                              -- names, one a line
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- Chores that one process does at a time: whoever moves next_at forward does it.
create table if not exists tenfold_job_chore (
  name varchar(50) primary key,
  next_at bigint not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- Finished jobs, where the queue keeps them.
create table if not exists tenfold_job_history (
  id bigint not null,
  finished_at bigint not null,
  created_at bigint not null,
  run_micros bigint not null,
  worker bigint not null,
  queue_id integer not null,
  kind_id integer not null,
  attempt smallint not null,
  failures smallint not null,
  payload_version smallint,
  outcome varchar(20) not null,
  payload mediumblob,
  headers text,
  primary key (finished_at, id),
  key tenfold_job_history_id (id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

insert into tenfold_job_schema (version, compatible_from, installed_at)
  select 1, 1, timestampdiff(microsecond, '1970-01-01', utc_timestamp(6)) from dual
  where not exists (select 1 from tenfold_job_schema where version = 1);
