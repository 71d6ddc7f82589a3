drop table daemons;
alter table dead_letters
  drop column exchange,
  drop column routing_key,
  drop column tries,
  drop column tried_at;
