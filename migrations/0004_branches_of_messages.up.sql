-- Partitions hang on sixteen branches, by the first digit of the tenant's id. PostgreSQL reads the bounds of all siblings
-- whenever one joins, in the session that attaches it and then in each that writes: with thousands of tenants on one
-- parent that was most of a create. Every partition moves in this one transaction, without its rows being read: its CHECK
-- says whose they are.

alter table messages rename to messages_flat;
alter index messages_pkey rename to messages_flat_pkey;
alter index messages_tenant_id_id_key rename to messages_flat_tenant_id_id_key;

create table messages (
  tenant_id uuid not null,
  seq bigint not null,
  id uuid not null,
  payload jsonb,
  headers jsonb,
  published_at timestamptz,
  created_at timestamptz not null,
  erased_at timestamptz,
  primary key (tenant_id, seq),
  unique (tenant_id, id),
  constraint messages_check check (payload is not null or erased_at is not null)
) partition by range (tenant_id);

do $$
declare
  rest constant text := '0000000-0000-0000-0000-000000000000';
  bounds text;
  leaf record;
begin
  for i in 0 .. 15 loop
    bounds := format('from (%s) to (%s)',
                     case when i = 0 then 'minvalue' else quote_literal(to_hex(i) || rest) end,
                     case when i = 15 then 'maxvalue' else quote_literal(to_hex(i + 1) || rest) end);
    execute format('create table %I partition of messages for values %s partition by list (tenant_id)',
                   'messages_branch_' || to_hex(i), bounds);
  end loop;
  begin
    for leaf in
      select c.relname, pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'messages_flat'::regclass and not i.inhdetachpending
    loop
      execute format('alter table messages_flat detach partition %I', leaf.relname);
      execute format('alter table %I attach partition %I %s',
                     'messages_branch_' || substr(leaf.relname, 10, 1), leaf.relname, leaf.bound);
    end loop;
  exception when out_of_memory then
    -- Not in the class of outages, which pass by themselves.
    raise exception 'the lock table is too small to move the partitions of % tenants at once: set '
      'max_locks_per_transaction = % in PostgreSQL and restart it; afterwards it may be made smaller again',
      (select count(*) from tenants),
      ceil(4.0 * (select count(*) from tenants) / current_setting('max_connections')::int) + 64
      using errcode = 'object_not_in_prerequisite_state';
  end;
  -- What a delete had half detached stands alone from here on; the delete finds it by its name and drops it.
  for leaf in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'messages_flat'::regclass
  loop
    execute format('alter table messages_flat detach partition %I finalize', leaf.relname);
  end loop;
end
$$;

drop table messages_flat;
