-- Who changed what through the API, when and from where: one row for each request that was let in to change something.

create table audit_log (
  seq bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  subject text not null,
  role text not null,
  action text not null,
  method text not null,
  route text not null,
  -- As they were then: the tenant may be gone, and its name another's.
  tenant_id uuid,
  tenant_name text,
  detail jsonb not null default '{}',
  status integer not null,
  code text not null default '',
  request_id text not null default '',
  -- An address with its port, or "unix" with the ids of the process at the other end.
  peer text not null,
  uid bigint,
  pid bigint
);
-- For what is too old, and for a span of time.
create index audit_log_at on audit_log (at);
