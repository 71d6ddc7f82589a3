-- The role stays: other databases of the server may use it.
revoke execute on function mtmsg_read(uuid, bigint, bigint, bigint, bigint) from mtmsg_reader;
revoke select on tenants, tenant_counters, messages, dead_letters, store_epoch from mtmsg_reader;
drop policy own_tenant on tenants;
drop policy own_tenant on tenant_counters;
drop policy own_tenant on messages;
drop policy own_tenant on dead_letters;
drop policy everybody on tenants;
drop policy everybody on tenant_counters;
drop policy everybody on messages;
drop policy everybody on dead_letters;
alter table tenants disable row level security;
alter table tenant_counters disable row level security;
alter table messages disable row level security;
alter table dead_letters disable row level security;
