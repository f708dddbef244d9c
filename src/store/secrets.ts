/** Sealed secrets of instances: set, replaced, deleted; a version is never used twice. */
import type { Instance, SealedSecret } from "../model/instance.ts";
import { requireLivingKey } from "./key-fence.ts";
import { prepared, query, run } from "./query.ts";
import type { Unit } from "./unit.ts";

/**
 * A new value of a secret. The function is called with the version that the value gets, which belongs to what is
 * sealed; null deletes the secret. A string must have been sealed for the version after the last one, also of a
 * deleted secret (`nextSecretVersion`).
 */
export type NewSecret = string | null | ((version: number) => string);

interface Held {
  readonly version: number;
  readonly isSet: boolean;
}

type SecretFacts = Instance["secrets"];

const select = () =>
  query.selectFrom("instance_secrets").select(["instance_id as instanceId", "name", "version", "sealed"]);

const isSealed = (row: { sealed: string | null }): row is SealedSecret => row.sealed !== null;

/** What is set on each of the instances. */
export function* secretFacts(instanceIds: readonly string[]): Unit<Map<string, SecretFacts>> {
  if (instanceIds.length === 0) return new Map();
  const { rows } = yield* run(
    query
      .selectFrom("instance_secrets")
      .select(["instance_id", "name", "version", "updated_at"])
      .where("instance_id", "in", [...instanceIds])
      .where("sealed", "is not", null)
      .orderBy("name"),
  );
  const facts = new Map<string, Record<string, SecretFacts[string]>>();
  for (const { instance_id, name, version, updated_at } of rows) {
    const known = facts.get(instance_id) ?? {};
    known[name] = { version, updatedAt: updated_at };
    facts.set(instance_id, known);
  }
  return facts;
}

/** SQLite compiles a statement anew at each run whose plan may hang on what is bound, and an order makes it so: 10 to 50 us. */
const byName = <T extends { readonly name: string }>(rows: readonly T[]): readonly T[] =>
  rows.toSorted((one, other) => (one.name < other.name ? -1 : 1));

const factsOfOne = prepared<{ id: string }, { name: string; version: number; updated_at: number }>((value) =>
  query
    .selectFrom("instance_secrets")
    .select(["name", "version", "updated_at"])
    .where("instance_id", "=", value("id"))
    .where("sealed", "is not", null),
);
const sealedOfOne = prepared<
  { id: string },
  { instanceId: string; name: string; version: number; sealed: string | null }
>((value) => select().where("instance_id", "=", value("id")));

/** What is set on one instance: read by everything that happens to it. */
export function* secretFactsOf(instanceId: string): Unit<SecretFacts> {
  const { rows } = yield* factsOfOne({ id: instanceId });
  return Object.fromEntries(
    byName(rows).map(({ name, version, updated_at }) => [name, { version, updatedAt: updated_at }]),
  );
}

export function* sealedSecrets(instanceId: string): Unit<SealedSecret[]> {
  return byName((yield* sealedOfOne({ id: instanceId })).rows).filter(isSealed);
}

export function* allSealedSecrets(): Unit<SealedSecret[]> {
  return (yield* run(select().orderBy("instance_id").orderBy("name"))).rows.filter(isSealed);
}

function* heldSecrets(instanceId: string): Unit<Map<string, Held>> {
  const { rows } = yield* run(select().where("instance_id", "=", instanceId));
  return new Map(rows.map(({ name, version, sealed }) => [name, { version, isSet: sealed !== null }]));
}

/** The version that the next value of a secret gets. */
export function* nextSecretVersion(asked: { readonly instanceId: string; readonly name: string }): Unit<number> {
  const held = yield* heldSecrets(asked.instanceId);
  return (held.get(asked.name)?.version ?? 0) + 1;
}

export function* insertSecrets(secrets: readonly SealedSecret[], now: number): Unit<void> {
  if (secrets.length === 0) return;
  yield* requireLivingKey(secrets.map(({ sealed }) => sealed));
  const rows = secrets.map(({ instanceId, name, version, sealed }) => ({
    instance_id: instanceId,
    name,
    version,
    sealed,
    updated_at: now,
  }));
  yield* run(query.insertInto("instance_secrets").values(rows));
}

/** Applies the changes; returns whether there were any (deleting what is not set is none). */
export function* changeSecrets(
  instanceId: string,
  secrets: Readonly<Record<string, NewSecret>>,
  now: number,
): Unit<boolean> {
  const held = yield* heldSecrets(instanceId);
  let isChanged = false;
  for (const [name, secret] of Object.entries(secrets)) {
    const { version: last, isSet } = held.get(name) ?? { version: 0, isSet: false };
    if (secret === null && !isSet) continue;
    const version = secret === null ? last : last + 1;
    const sealed = typeof secret === "function" ? secret(version) : secret;
    yield* requireLivingKey(sealed === null ? [] : [sealed]);
    const columns = { version, sealed, updated_at: now };
    yield* run(
      query
        .insertInto("instance_secrets")
        .values({ instance_id: instanceId, name, ...columns })
        .onConflict((conflict) => conflict.columns(["instance_id", "name"]).doUpdateSet(columns)),
    );
    isChanged = true;
  }
  return isChanged;
}

/** Puts a value sealed anew (under another key, same version) in the place of the one that was read; false when it changed meanwhile. */
export function* resealSecret({
  from,
  sealed,
}: {
  readonly from: SealedSecret;
  readonly sealed: string;
}): Unit<boolean> {
  const { changes } = yield* run(
    query
      .updateTable("instance_secrets")
      .set({ sealed })
      .where("instance_id", "=", from.instanceId)
      .where("name", "=", from.name)
      .where("version", "=", from.version)
      .where("sealed", "=", from.sealed),
  );
  return changes > 0;
}
