drop trigger tenant_changed on tenants;
drop function mtmsg_tenant_changed;
drop table tenant_releases;
drop function mtmsg_tenant_released;
alter table tenant_counters drop column stored_bytes;
alter table tenants
  drop column max_message_bytes,
  drop column max_queue_length,
  drop column max_stored_bytes,
  drop column publish_rate,
  drop column retention_seconds,
  drop column retention_messages,
  drop column queue_type,
  drop column delivery_limit,
  drop column idempotency_key,
  drop column idempotency_fingerprint,
  drop column delete_if_empty,
  drop column keep_messages;
