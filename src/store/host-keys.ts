/** Host keys of an instance's devices: which one is trusted at each place, and which one was seen last. */
import type { HostKeyRecord } from "../model/instance.ts";
import { addFlag } from "./instances.ts";
import { query, run, runOne } from "./query.ts";
import type { HostKeysTable } from "./tables.ts";
import type { Unit } from "./unit.ts";

/** On an instance that trusts a key because it was the first to be seen. */
const firstUseFlag = "host_key_trusted_on_first_use";

const recordOf = (row: HostKeysTable): HostKeyRecord => ({
  place: row.place,
  trusted:
    row.trusted_type === null || row.trusted_fingerprint === null || row.trusted_by === null
      ? null
      : { type: row.trusted_type, fingerprint: row.trusted_fingerprint, at: row.trusted_at ?? 0, by: row.trusted_by },
  seen: { type: row.seen_type, fingerprint: row.seen_fingerprint, at: row.seen_at },
});

const select = (instanceId: string) =>
  query.selectFrom("instance_host_keys").selectAll().where("instance_id", "=", instanceId);

/** All places of an instance, by name. */
export function* hostKeysOf(instanceId: string): Unit<HostKeyRecord[]> {
  return (yield* run(select(instanceId).orderBy("place"))).rows.map(recordOf);
}

export function* hostKeyAt(instanceId: string, place: string): Unit<HostKeyRecord | undefined> {
  const row = yield* runOne(select(instanceId).where("place", "=", place));
  return row === undefined ? undefined : recordOf(row);
}

interface Meeting {
  readonly instanceId: string;
  readonly place: string;
  readonly key: { readonly type: string; readonly fingerprint: string };
  /** The config says which key to trust: then the first one is noted and not trusted. */
  readonly isPinned: boolean;
  readonly now: number;
}

/** Notes what a device shows; the first key at a place is trusted. Answers what is on record then. */
export function* meetHostKey({ instanceId, place, key, isPinned, now }: Meeting): Unit<HostKeyRecord> {
  const exists = query.selectFrom("instances").select("id").where("id", "=", instanceId).forUpdate();
  const isThere = (yield* runOne(exists)) !== undefined;
  const known = yield* hostKeyAt(instanceId, place);
  const seen = { ...key, at: now };
  const first = isPinned ? null : { ...key, at: now, by: "first_use" as const };
  const record: HostKeyRecord = { place, trusted: known?.trusted ?? first, seen };
  if (!isThere) return record;
  const { trusted } = record;
  const columns = {
    trusted_type: trusted?.type ?? null,
    trusted_fingerprint: trusted?.fingerprint ?? null,
    trusted_at: trusted?.at ?? null,
    trusted_by: trusted?.by ?? null,
    seen_type: seen.type,
    seen_fingerprint: seen.fingerprint,
    seen_at: seen.at,
  };
  yield* run(
    query
      .insertInto("instance_host_keys")
      .values({ instance_id: instanceId, place, ...columns })
      .onConflict((conflict) => conflict.columns(["instance_id", "place"]).doUpdateSet(columns)),
  );
  if (known?.trusted == null && first !== null) yield* addFlag({ id: instanceId, flag: firstUseFlag });
  return record;
}

interface Acceptance {
  readonly instanceId: string;
  readonly fingerprint: string;
  readonly now: number;
}

/** Trusts the key that was seen last, wherever that is this one; false when it was seen nowhere. */
export function* acceptHostKey({ instanceId, fingerprint, now }: Acceptance): Unit<boolean> {
  const { changes } = yield* run(
    query
      .updateTable("instance_host_keys")
      .set((column) => ({
        trusted_type: column.ref("seen_type"),
        trusted_fingerprint: fingerprint,
        trusted_at: now,
        trusted_by: "admin",
      }))
      .where("instance_id", "=", instanceId)
      .where("seen_fingerprint", "=", fingerprint),
  );
  return changes > 0;
}
