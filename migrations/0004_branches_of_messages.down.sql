alter table messages rename to messages_branched;
alter index messages_pkey rename to messages_branched_pkey;
alter index messages_tenant_id_id_key rename to messages_branched_tenant_id_id_key;

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
) partition by list (tenant_id);

do $$
declare
  leaf record;
begin
  for leaf in
    select b.relname as branch, c.relname, pg_get_expr(c.relpartbound, c.oid) as bound, i.inhdetachpending as pending
    from pg_inherits o join pg_class b on b.oid = o.inhrelid join pg_inherits i on i.inhparent = b.oid
    join pg_class c on c.oid = i.inhrelid
    where o.inhparent = 'messages_branched'::regclass
    order by i.inhdetachpending desc
  loop
    execute format('alter table %I detach partition %I %s', leaf.branch, leaf.relname,
                   case when leaf.pending then 'finalize' end);
    if not leaf.pending then
      execute format('alter table messages attach partition %I %s', leaf.relname, leaf.bound);
    end if;
  end loop;
end
$$;

drop table messages_branched;
