-- Where a dead letter came in, and how often it was tried again; and the daemons that share the work.

-- Bytes, because the sender chose them. tries counts the daemon's own attempts at a letter it had recorded: the last
-- try of what the broker gave up, and replays.
alter table dead_letters
  add column exchange bytea not null default '',
  add column routing_key bytea not null default '',
  add column tries integer not null default 0,
  add column tried_at timestamptz;

-- One row a running daemon, refreshed every few seconds. Its sessions carry the id in their application_name, so that
-- a peer can end those of a daemon that was frozen inside a transaction and holds its tenants' counters.
create table daemons (
  id uuid primary key,
  host text not null,
  pid integer not null,
  version text not null,
  started_at timestamptz not null default clock_timestamp(),
  beat_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);
