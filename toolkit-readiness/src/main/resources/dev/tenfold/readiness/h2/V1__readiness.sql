-- The table of toolkit-readiness, version 1, for H2 2.2.220 or later.
--
-- ReadinessSchema.install(dataSource) applies it, or your own migration tool does: it is one file a version, never changed
-- after its release.

-- One row a resource and day.
create table if not exists tenfold_daily (
  resource varchar(100) not null,
  figure_day date not null,                        -- in the zone that Readiness is given, UTC by default
  figure double precision not null,                -- the 95th percentile of the day's hourly values
  capacity double precision not null,              -- the limit, as it was last on that day
  hours_seen integer not null,                     -- how many hours the figure rests on; 24 if the day was imported
  hours varchar(1000) not null,                    -- hour of the day=value, comma between; empty if the day was imported
  revision bigint not null,                        -- rises with each change: who has read an older one reads again
  primary key (resource, figure_day)
);
