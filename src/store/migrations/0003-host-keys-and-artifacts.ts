/** What instances know of their devices' host keys, and the files that jobs keep. */
import type { Migration } from "./migration.ts";

export const hostKeysAndArtifacts: Migration = {
  version: 3,
  name: "host-keys-and-artifacts",
  statements: ({ whole, bytes }) => [
    `create table instance_host_keys (
      instance_id text not null references instances (id) on delete cascade, place text not null,
      trusted_type text, trusted_fingerprint text, trusted_at ${whole}, trusted_by text,
      seen_type text not null, seen_fingerprint text not null, seen_at ${whole} not null,
      primary key (instance_id, place))`,
    `create table job_artifacts (
      job_id text not null references jobs (id) on delete cascade, name text not null, content_type text not null,
      size ${whole} not null, created_at ${whole} not null, content ${bytes} not null, primary key (job_id, name))`,
  ],
};
