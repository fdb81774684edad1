-- The body of a table's trigger function: tells a channel which row has changed, when the transaction commits.
--
-- ${channel}  the channel, a literal
-- ${old}      the old row's key columns as text, with commas between them: old."id"::text
-- ${new}      the new row's
--
-- A payload is a JSON array of the key's columns, each a string or null. '*' stands for all rows: after TRUNCATE, and for
-- a key that is too long for a notification (8,000 bytes).

declare
  before text;
  after text;
begin
  if tg_op = 'TRUNCATE' then
    perform pg_notify(${channel}, '*');
    return null;
  end if;
  if tg_op <> 'INSERT' then
    before := json_build_array(${old})::text;
    perform pg_notify(${channel}, case when octet_length(before) > 7900 then '*' else before end);
  end if;
  if tg_op <> 'DELETE' then
    after := json_build_array(${new})::text;
    if after is distinct from before then
      perform pg_notify(${channel}, case when octet_length(after) > 7900 then '*' else after end);
    end if;
  end if;
  return null;
end
