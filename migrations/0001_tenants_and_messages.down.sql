drop function mtmsg_read(uuid, bigint, bigint, bigint, bigint);
drop function mtmsg_check_rows(bytea[], bytea[]);
drop table store_epoch;
drop table dead_letters;
drop table messages;
drop table tenant_counters;
drop table tenants;
