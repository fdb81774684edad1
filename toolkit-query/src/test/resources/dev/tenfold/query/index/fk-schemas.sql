-- Schemas made by hand, and which of their foreign keys have no index that the check of a deleted parent can use.
--
-- Each case begins with its name, says what is expected, as child(foreign key) or none, and then is SQL to run in an empty
-- database by a superuser. "needs" is the lowest version of PostgreSQL. Where the answer is not plain, a comment says why;
-- plans of PostgreSQL 15 and 18 were looked at for these.

-- case: no index at all
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (id bigint primary key, parent_id bigint constraint child_fk references parent);

-- case: plain index
-- expect: none
create table parent (id bigint primary key);
create table child (id bigint primary key, parent_id bigint constraint child_fk references parent);
create index on child (parent_id);

-- case: index on another column
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (id bigint primary key, parent_id bigint constraint child_fk references parent, at date);
create index on child (at);

-- case: first of two columns of an index
-- expect: none
create table parent (id bigint primary key);
create table child (id bigint primary key, parent_id bigint constraint child_fk references parent, at date);
create index on child (parent_id, at);

-- case: second of two columns of an index
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (id bigint primary key, parent_id bigint constraint child_fk references parent, at date);
create index on child (at, parent_id);

-- case: descending with nulls last
-- expect: none
create table parent (id bigint primary key);
create table child (id bigint primary key, parent_id bigint constraint child_fk references parent);
create index on child (parent_id desc nulls last);

-- case: primary key is the foreign key
-- expect: none
create table parent (id bigint primary key);
create table child (id bigint primary key constraint child_fk references parent);

-- case: first column of the primary key
-- expect: child(right_fk)
create table parent (id bigint primary key);
create table child (left_id bigint constraint left_fk references parent, right_id bigint constraint right_fk references parent,
    primary key (left_id, right_id));

-- case: unique constraint
-- expect: none
create table parent (id bigint primary key);
create table child (parent_id bigint unique constraint child_fk references parent);

-- case: deferrable unique constraint
-- expect: none
create table parent (id bigint primary key);
create table child (parent_id bigint unique deferrable initially deferred constraint child_fk references parent);

-- case: partial index by another column
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent, deleted boolean not null);
create index on child (parent_id) where not deleted;

-- case: partial index without nulls
-- expect: none
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent);
create index on child (parent_id) where parent_id is not null;

-- case: partial index without nulls, said the other way
-- expect: none
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent);
create index on child (parent_id) where not (parent_id is null);

-- case: partial index without nulls of another column
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent, at date);
create index on child (parent_id) where at is not null;

-- case: partial index without nulls and more
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent, at date);
create index on child (parent_id) where parent_id is not null and at is not null;

-- case: partial index for nulls only
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent);
create index on child (parent_id) where parent_id is null;

-- case: partial index without nulls or with something else
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent, other_id bigint);
create index on child (parent_id) where parent_id > 0 or other_id is not null;

-- case: partial unique index
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent, main boolean);
create unique index on child (parent_id) where main;

-- case: quoted column in a partial index
-- expect: none
create table parent (id bigint primary key);
create table child ("Parent Id" bigint constraint child_fk references parent);
create index on child ("Parent Id") where "Parent Id" is not null;

-- case: composite partial index without nulls of both
-- expect: none
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, constraint child_fk foreign key (a, b) references parent);
create index on child (a, b) where a is not null and b is not null;

-- case: composite partial index without nulls of one
-- expect: none
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, constraint child_fk foreign key (a, b) references parent);
create index on child (b, a) where b is not null;

-- case: composite in order
-- expect: none
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, constraint child_fk foreign key (a, b) references parent);
create index on child (a, b);

-- case: composite in another order
-- expect: none
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, constraint child_fk foreign key (a, b) references parent);
create index on child (b, a);

-- case: composite with a column more
-- expect: none
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, x int, constraint child_fk foreign key (a, b) references parent);
create index on child (b, a, x);

-- case: composite with a gap
-- expect: child(child_fk)
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, x int, constraint child_fk foreign key (a, b) references parent);
create index on child (a, x, b);

-- case: composite behind another column
-- expect: child(child_fk)
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, x int, constraint child_fk foreign key (a, b) references parent);
create index on child (x, a, b);

-- case: composite with its second column included
-- expect: child(child_fk)
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, constraint child_fk foreign key (a, b) references parent);
create index on child (a) include (b);

-- case: composite with an index for its first column
-- expect: child(child_fk)
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, constraint child_fk foreign key (a, b) references parent);
create index on child (a);

-- case: composite with an index for each column
-- expect: child(child_fk)
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, constraint child_fk foreign key (a, b) references parent);
create index on child (a);
create index on child (b);

-- case: composite with one unique column
-- expect: none
-- At most one row has it, so the primary key answers as well as an index on both.
create table parent (tenant int, id int, primary key (tenant, id));
create table child (id int primary key, tenant int, constraint child_fk foreign key (tenant, id) references parent);

-- case: composite with a unique index on a column of its own
-- expect: child(child_fk)
create table parent (tenant int, id int, primary key (tenant, id));
create table child (id int, tenant int, x int, constraint child_fk foreign key (tenant, id) references parent);
create unique index on child (id, x);

-- case: composite with match full
-- expect: child(child_fk)
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, constraint child_fk foreign key (a, b) references parent match full);
create index on child (b) include (a);

-- case: composite of three columns turned round
-- expect: none
create table parent (a int, b int, c int, primary key (a, b, c));
create table child (a int, b int, c int, constraint child_fk foreign key (a, b, c) references parent);
create index on child (c, a, b);

-- case: column included only
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (id bigint primary key, parent_id bigint constraint child_fk references parent);
create index on child (id) include (parent_id);

-- case: invalid index
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent);
create index broken on child (parent_id);
update pg_index set indisvalid = false where indexrelid = 'broken'::regclass;

-- case: index that is not ready
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent);
create index broken on child (parent_id);
update pg_index set indisvalid = false, indisready = false where indexrelid = 'broken'::regclass;

-- case: invalid index beside a valid one
-- expect: none
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent);
create index on child (parent_id);
create index broken on child (parent_id);
update pg_index set indisvalid = false where indexrelid = 'broken'::regclass;

-- case: hash index
-- expect: none
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent);
create index on child using hash (parent_id);

-- case: composite with hash indexes
-- expect: child(child_fk)
create table parent (a int, b int, primary key (a, b));
create table child (a int, b int, constraint child_fk foreign key (a, b) references parent);
create index on child using hash (a);
create index on child using hash (b);

-- case: brin index
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent);
create index on child using brin (parent_id);

-- case: gin index on an array
-- expect: none
-- It has the equality of arrays, and checks the rows that it finds.
create table parent (id int[] primary key);
create table child (parent_id int[] constraint child_fk references parent);
create index on child using gin (parent_id);

-- case: gist index of an exclusion constraint
-- expect: none
create extension btree_gist;
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent, during tsrange,
    exclude using gist (parent_id with =, during with &&));

-- case: gin index by btree_gin
-- expect: none
create extension btree_gin;
create table parent (id bigint primary key);
create table child (x int, parent_id bigint constraint child_fk references parent);
create index on child using gin (x, parent_id);

-- case: spgist index on text
-- expect: none
create table parent (id text primary key);
create table child (parent_id text constraint child_fk references parent);
create index on child using spgist (parent_id);

-- case: expression index
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent);
create index on child (abs(parent_id));

-- case: expression index on text
-- expect: child(child_fk)
create table parent (id text primary key);
create table child (parent_id text constraint child_fk references parent);
create index on child (lower(parent_id));

-- case: expression behind the column
-- expect: none
create table parent (id text primary key);
create table child (parent_id text constraint child_fk references parent, name text);
create index on child (parent_id, lower(name));

-- case: expression before the column
-- expect: child(child_fk)
create table parent (id text primary key);
create table child (parent_id text constraint child_fk references parent, name text);
create index on child (lower(name), parent_id);

-- case: text pattern operators
-- expect: none
-- Their family has the equality of text.
create table parent (id text primary key);
create table child (parent_id text constraint child_fk references parent);
create index on child (parent_id text_pattern_ops);

-- case: varchar of a text
-- expect: none
create table parent (id text primary key);
create table child (parent_id varchar(20) constraint child_fk references parent);
create index on child (parent_id);

-- case: index with another collation
-- expect: child(child_fk)
-- The planner takes an index under the collation of the comparison only.
create table parent (id text primary key);
create table child (parent_id text constraint child_fk references parent);
create index on child (parent_id collate "C");

-- case: column and index with another collation
-- expect: none
create table parent (id text primary key);
create table child (parent_id text collate "C" constraint child_fk references parent);
create index on child (parent_id);

-- case: int of a bigint
-- expect: none
create table parent (id bigint primary key);
create table child (parent_id int constraint child_fk references parent);
create index on child (parent_id);

-- case: bigint of a numeric
-- expect: child(child_fk)
-- Each value is converted before it is compared, so no index on the column helps.
create table parent (id numeric primary key);
create table child (parent_id bigint constraint child_fk references parent);
create index on child (parent_id);

-- case: domain, enum and uuid
-- expect: none
create domain code as text check (value <> '');
create type colour as enum ('red', 'green');
create table by_code (id code primary key);
create table by_colour (id colour primary key);
create table by_uuid (id uuid primary key);
create table child (a code constraint a_fk references by_code, b colour constraint b_fk references by_colour,
    c uuid constraint c_fk references by_uuid);
create index on child (a);
create index on child (b);
create index on child (c);

-- case: self reference
-- expect: node(node_fk)
create table node (id bigint primary key, parent_id bigint constraint node_fk references node);

-- case: self reference with index
-- expect: none
create table node (id bigint primary key, parent_id bigint constraint node_fk references node);
create index on node (parent_id);

-- case: two keys to one parent
-- expect: child(second_fk)
create table parent (id bigint primary key);
create table child (first_id bigint constraint first_fk references parent, second_id bigint constraint second_fk references parent);
create index on child (first_id, second_id);

-- case: same key twice
-- expect: child(first_fk), child(second_fk)
create table parent (id bigint primary key);
create table child (parent_id bigint constraint first_fk references parent constraint second_fk references parent);

-- case: one column in two keys
-- expect: child(both_fk)
create table tenant (id int primary key);
create table parent (tenant int, id int, primary key (tenant, id));
create table child (tenant int constraint tenant_fk references tenant, parent int,
    constraint both_fk foreign key (tenant, parent) references parent);
create index on child (tenant);

-- case: key to a unique constraint
-- expect: child(child_fk)
create table parent (id bigint primary key, code text unique);
create table child (code text constraint child_fk references parent (code));

-- case: not valid key
-- expect: child(child_fk)
-- It was not checked when it was made, but its parents' deletes are.
create table parent (id bigint primary key);
create table child (parent_id bigint);
alter table child add constraint child_fk foreign key (parent_id) references parent not valid;

-- case: key that is not enforced
-- expect: none
-- needs: 18
create table parent (id bigint primary key);
create table child (parent_id bigint, constraint child_fk foreign key (parent_id) references parent not enforced);

-- case: key over a period
-- expect: child(child_fk)
-- needs: 18
create extension btree_gist;
create table parent (id int, during daterange, primary key (id, during without overlaps));
create table child (parent_id int, during daterange,
    constraint child_fk foreign key (parent_id, period during) references parent (id, period during));
create index on child (parent_id, during);

-- case: key over a period with a gist index
-- expect: none
-- needs: 18
create extension btree_gist;
create table parent (id int, during daterange, primary key (id, during without overlaps));
create table child (parent_id int, during daterange,
    constraint child_fk foreign key (parent_id, period during) references parent (id, period during));
create index on child using gist (parent_id, during);

-- case: partitioned child
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (k int, parent_id bigint constraint child_fk references parent) partition by range (k);
create table child_1 partition of child for values from (0) to (10);
create table child_2 partition of child for values from (10) to (20);

-- case: partitioned child with index
-- expect: none
create table parent (id bigint primary key);
create table child (k int, parent_id bigint constraint child_fk references parent) partition by range (k);
create table child_1 partition of child for values from (0) to (10);
create index on child (parent_id);
create table child_2 partition of child for values from (10) to (20);

-- case: partitioned child without partitions
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (k int, parent_id bigint constraint child_fk references parent) partition by range (k);

-- case: partitioned child with an index on one partition
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (k int, parent_id bigint constraint child_fk references parent) partition by range (k);
create table child_1 partition of child for values from (0) to (10);
create table child_2 partition of child for values from (10) to (20);
create index on child_1 (parent_id);

-- case: partitioned child with an index on each partition
-- expect: none
create table parent (id bigint primary key);
create table child (k int, parent_id bigint constraint child_fk references parent) partition by range (k);
create table child_1 partition of child for values from (0) to (10);
create table child_2 partition of child for values from (10) to (20);
create index on child_1 (parent_id);
create index on child_2 (parent_id, k);

-- case: partitioned child with an index on the parent only
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (k int, parent_id bigint constraint child_fk references parent) partition by range (k);
create table child_1 partition of child for values from (0) to (10);
create index on only child (parent_id);

-- case: partitions of partitions
-- expect: child(child_fk)
create table parent (id bigint primary key);
create table child (k int, l int, parent_id bigint constraint child_fk references parent) partition by range (k);
create table child_1 partition of child for values from (0) to (10) partition by range (l);
create table child_11 partition of child_1 for values from (0) to (10);
create table child_2 partition of child for values from (10) to (20);
create index on child_2 (parent_id);

-- case: partitions of partitions with indexes
-- expect: none
create table parent (id bigint primary key);
create table child (k int, l int, parent_id bigint constraint child_fk references parent) partition by range (k);
create table child_1 partition of child for values from (0) to (10) partition by range (l);
create table child_11 partition of child_1 for values from (0) to (10);
create table child_2 partition of child for values from (10) to (20);
create index on child_11 (parent_id);
create index on child_2 (parent_id);

-- case: partition whose columns lie differently
-- expect: none
create table parent (id bigint primary key);
create table child (k int, parent_id bigint) partition by range (k);
create table child_1 (gone text, parent_id bigint, k int);
alter table child_1 drop column gone;
alter table child attach partition child_1 for values from (0) to (10);
alter table child add constraint child_fk foreign key (parent_id) references parent;
create index on child_1 (parent_id);

-- case: key of one partition alone
-- expect: child_1(child_fk)
create table parent (id bigint primary key);
create table child (k int, parent_id bigint) partition by range (k);
create table child_1 partition of child for values from (0) to (10);
alter table child_1 add constraint child_fk foreign key (parent_id) references parent;

-- case: partitioned parent
-- expect: child(child_fk)
create table parent (id bigint primary key) partition by range (id);
create table parent_1 partition of parent for values from (0) to (10);
create table parent_2 partition of parent for values from (10) to (20);
create table child (parent_id bigint constraint child_fk references parent);

-- case: partitioned parent with index on the child
-- expect: none
create table parent (id bigint primary key) partition by range (id);
create table parent_1 partition of parent for values from (0) to (10);
create table child (parent_id bigint constraint child_fk references parent);
create index on child (parent_id);

-- case: partitioned self reference
-- expect: node(node_fk)
create table node (id bigint primary key, parent_id bigint) partition by range (id);
create table node_1 partition of node for values from (0) to (10);
create table node_2 partition of node for values from (10) to (20);
alter table node add constraint node_fk foreign key (parent_id) references node;

-- case: inherited table
-- expect: heir(heir_fk)
-- Neither keys nor indexes are inherited.
create table parent (id bigint primary key);
create table child (parent_id bigint constraint child_fk references parent);
create index on child (parent_id);
create table heir () inherits (child);
alter table heir add constraint heir_fk foreign key (parent_id) references parent;

-- case: mixed case and spaces
-- expect: "Order Item"(Order Item → Order)
create table "Order" ("Id" bigint primary key);
create table "Order Item" ("Order Id" bigint constraint "Order Item → Order" references "Order");

-- case: quotes and dots in names
-- expect: "a.""b"""(f"k.1)
create table parent (id bigint primary key);
create table "a.""b""" ("c.""d" bigint constraint "f""k.1" references parent);

-- case: another schema
-- expect: other.child(child_fk)
create schema other;
create table parent (id bigint primary key);
create table other.child (parent_id bigint constraint child_fk references parent);
create table child (parent_id bigint constraint child_fk references parent);
create index on child (parent_id);

-- case: temporary tables
-- expect: none
drop table if exists temp_child, temp_parent;
create temp table temp_parent (id bigint primary key);
create temp table temp_child (parent_id bigint constraint child_fk references temp_parent);

-- case: unlogged table
-- expect: child(child_fk)
create table parent (id bigint primary key);
create unlogged table child (parent_id bigint constraint child_fk references parent);

-- case: column dropped before
-- expect: none
create table parent (id bigint primary key);
create table child (gone int, parent_id bigint constraint child_fk references parent);
alter table child drop column gone;
create index on child (parent_id);

-- case: cascade and set null
-- expect: a(a_fk), b(b_fk)
create table parent (id bigint primary key);
create table a (parent_id bigint constraint a_fk references parent on delete cascade);
create table b (parent_id bigint constraint b_fk references parent on delete set null on update cascade);

-- case: no foreign key
-- expect: none
create table parent (id bigint primary key);
create table child (parent_id bigint);
