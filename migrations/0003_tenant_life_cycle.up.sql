-- Limits of tenants, what their queues were declared with, deletes that wait for every daemon, and word of changes.

-- Null: the configured default. What RabbitMQ fixes when a queue is declared is kept as it was then; null there: as
-- the daemon of the version before declared it, from its configuration.
alter table tenants
  add column max_message_bytes bigint,
  add column max_queue_length bigint,
  add column max_stored_bytes bigint,
  add column publish_rate bigint,
  add column retention_seconds bigint,
  add column retention_messages bigint,
  add column queue_type text check (queue_type in ('quorum', 'classic')),
  add column delivery_limit bigint,
  -- A create that is tried again under its key finds what it made; the fingerprint tells another request.
  add column idempotency_key text unique,
  add column idempotency_fingerprint text,
  -- How it is to be deleted.
  add column delete_if_empty boolean not null default false,
  add column keep_messages boolean not null default false;

-- Bytes of the messages kept, as they were sent. Retention takes its share off, by number: so it is an estimate then.
alter table tenant_counters add column stored_bytes bigint not null default 0;

-- A daemon has let go of a tenant that is being deleted. The queue goes when all that live have.
create table tenant_releases (
  tenant_id uuid not null references tenants (id) on delete cascade,
  daemon_id uuid not null,
  primary key (tenant_id, daemon_id)
);

-- Every daemon hears of every change, whoever made it.
create function mtmsg_tenant_changed() returns trigger
language plpgsql as $$
begin
  perform pg_notify('mtmsg_tenants', coalesce(new.id, old.id)::text);
  return null;
end
$$;
create trigger tenant_changed after insert or update or delete on tenants
  for each row execute function mtmsg_tenant_changed();

create function mtmsg_tenant_released() returns trigger
language plpgsql as $$
begin
  perform pg_notify('mtmsg_tenants', new.tenant_id::text);
  return null;
end
$$;
create trigger tenant_released after insert on tenant_releases
  for each row execute function mtmsg_tenant_released();
