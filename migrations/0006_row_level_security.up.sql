-- A second wall for reads made on a tenant's behalf: they run as mtmsg_reader, which sees the rows of the one tenant that
-- mtmsg.tenant names, and nothing while it names none. Whoever owns the tables (the daemon) passes by, and others see
-- what they were granted, as before.

do $$
declare
  -- Since 16 a membership says by itself whether SET ROLE may use it.
  modern constant boolean := current_setting('server_version_num')::int >= 160000;
  privilege constant text := case when modern then 'SET' else 'MEMBER' end;
  grant_it constant text :=
    format('grant mtmsg_reader to %I%s', current_user, case when modern then ' with set true' else '' end);
begin
  -- The role is the whole server's, and other databases may be migrating at this moment.
  for attempt in 1 .. 20 loop
    begin
      if to_regrole('mtmsg_reader') is null then
        create role mtmsg_reader nologin;
      end if;
      if not pg_has_role('mtmsg_reader', privilege) then
        execute grant_it;
      end if;
      exit;
    exception
      when duplicate_object or unique_violation or undefined_object or internal_error then
        if attempt = 20 then
          raise;
        end if;
        perform pg_sleep(0.05);
      when insufficient_privilege then
        -- One line, for a log. Not in the class of what is wrong for good: it is tried again.
        raise exception 'the role mtmsg_reader is missing or not granted to %, which may not do so itself: an '
          'administrator of PostgreSQL has to run: create role mtmsg_reader nologin; %;', current_user, grant_it
          using errcode = 'object_not_in_prerequisite_state';
    end;
  end loop;
  if not has_schema_privilege('mtmsg_reader', current_schema()::text, 'usage') then
    execute format('grant usage on schema %I to mtmsg_reader', current_schema());
  end if;
end
$$;

-- The parent only: a partition read by its name would pass the parent's policy by, so nobody may.
grant select on tenants, tenant_counters, messages, dead_letters, store_epoch to mtmsg_reader;
grant execute on function mtmsg_read(uuid, bigint, bigint, bigint, bigint) to mtmsg_reader;

alter table tenants enable row level security;
alter table tenant_counters enable row level security;
alter table messages enable row level security;
alter table dead_letters enable row level security;

create policy everybody on tenants using (true);
create policy everybody on tenant_counters using (true);
create policy everybody on messages using (true);
create policy everybody on dead_letters using (true);

create policy own_tenant on tenants as restrictive to mtmsg_reader
  using (id = nullif(current_setting('mtmsg.tenant', true), '')::uuid);
create policy own_tenant on tenant_counters as restrictive to mtmsg_reader
  using (tenant_id = nullif(current_setting('mtmsg.tenant', true), '')::uuid);
create policy own_tenant on messages as restrictive to mtmsg_reader
  using (tenant_id = nullif(current_setting('mtmsg.tenant', true), '')::uuid);
create policy own_tenant on dead_letters as restrictive to mtmsg_reader
  using (tenant_id = nullif(current_setting('mtmsg.tenant', true), '')::uuid);
