-- The table of ApiKeys, for PostgreSQL 11 or later and H2 2. May be applied again: does nothing then.
--
-- Apply it as it is, as by a migration, or let ApiKeys.createTables() do so, which puts the name of table(…) in place of
-- tenfold_api_keys. The application needs no more than select, insert and update.

create table if not exists tenfold_api_keys (
  id varchar(12) not null primary key,            -- the public part of the key
  owner varchar(200) not null,                    -- whom the key speaks for
  name varchar(100),                              -- what people call it
  hash bytea not null,                            -- HMAC-SHA-256, by the pepper of that version, of all but the checksum
  pepper integer not null,
  scopes varchar(4000) not null,                  -- with single spaces between them; none is ''
  created_at timestamp(3) with time zone not null,
  expires_at timestamp(3) with time zone,         -- in whole seconds; null for never
  revoked_at timestamp(3) with time zone,
  replaced_by varchar(12),                        -- the id of the key that it was rotated to
  last_used_at timestamp(3) with time zone        -- in whole seconds, written a minute later or so
);

create index if not exists tenfold_api_keys_owner on tenfold_api_keys (owner, created_at, id);
