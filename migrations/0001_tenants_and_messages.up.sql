-- Tenants, their counters and messages, what could not be a message, and the functions the daemon calls.

create table tenants (
  id uuid primary key,
  name text collate "C" not null unique check (length(name) between 1 and 63),
  state text not null default 'creating' check (state in ('creating', 'active', 'deleting')),
  workers integer not null check (workers > 0),
  paused boolean not null default false,
  ordered boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- One hot row for each tenant, locked by every transaction that stores for it: the lock makes the order of commits the
-- order of the numbers. Room on the page keeps its updates HOT; no index but the key.
create table tenant_counters (
  tenant_id uuid primary key references tenants (id),
  last_seq bigint not null default 0,
  oldest_seq bigint not null default 1,
  last_dead_seq bigint not null default 0,
  dead_letters bigint not null default 0,
  last_created_at timestamptz not null default '-infinity'
) with (fillfactor = 20);

-- One partition a tenant (messages_ID without dashes), made and dropped by the daemon; there is no default partition.
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
  check (payload is not null or erased_at is not null)
) partition by list (tenant_id);

-- What the sender gave is kept byte for byte: bytea, because text and jsonb refuse some of it.
create table dead_letters (
  tenant_id uuid not null,
  seq bigint not null,
  id uuid not null,
  reason text not null,
  detail text not null,
  sqlstate text,
  deliveries bigint not null,
  body bytea not null,
  headers bytea not null,
  published_at timestamptz,
  failed_at timestamptz not null default clock_timestamp(),
  replayed_at timestamptz,
  primary key (tenant_id, seq),
  unique (tenant_id, id)
);

-- Raised after a restore or a failover that lost commits, so that readers can tell.
create table store_epoch (
  singleton boolean primary key default true check (singleton),
  epoch bigint not null default 1,
  raised_at timestamptz not null default now()
);
insert into store_epoch default values;

-- Which rows of a batch jsonb refuses, and why: one call for all of them. Bytes, because a body may be no UTF-8.
create function mtmsg_check_rows(payloads bytea[], headers bytea[])
returns table (row_index integer, refusal_state text, refusal text)
language plpgsql as $$
declare
  explanation text;
begin
  for i in 1 .. coalesce(array_length(payloads, 1), 0) loop
    begin
      perform convert_from(payloads[i], 'UTF8')::jsonb, convert_from(headers[i], 'UTF8')::jsonb;
    exception when data_exception or program_limit_exceeded then
      get stacked diagnostics explanation = pg_exception_detail;
      row_index := i;
      refusal_state := sqlstate;
      refusal := sqlerrm || case when explanation = '' then '' else ': ' || explanation end;
      return next;
    end;
  end loop;
end
$$;

-- Messages after a number, in order, until max_rows or until max_bytes of text are passed (that row is still given).
-- A loop, because only so nothing past the bound is written out: a few stored bytes may be megabytes of text.
create function mtmsg_read(tenant uuid, after_seq bigint, before_seq bigint, max_rows bigint, max_bytes bigint)
returns table (seq bigint, id uuid, payload text, headers text, published_at timestamptz, created_at timestamptz,
               erased_at timestamptz)
language plpgsql stable as $$
declare
  message record;
  bytes bigint := 0;
begin
  for message in execute
    'select m.* from messages m where m.tenant_id = $1 and m.seq > $2 and m.seq < $3 order by m.seq limit $4'
    using tenant, after_seq, before_seq, max_rows
  loop
    seq := message.seq;
    id := message.id;
    payload := message.payload::text;
    headers := message.headers::text;
    published_at := message.published_at;
    created_at := message.created_at;
    erased_at := message.erased_at;
    return next;
    bytes := bytes + coalesce(octet_length(payload), 0) + coalesce(octet_length(headers), 0);
    exit when bytes >= max_bytes;
  end loop;
end
$$;
