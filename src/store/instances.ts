/** Instances: their config, their secrets, and how their last test went. */
import { isDeepStrictEqual } from "node:util";
import type { Instance, InstanceState, SealedSecret } from "../model/instance.ts";
import type { JsonObject } from "../model/json.ts";
import { codec } from "./codec.ts";
import { lastSpilledOf } from "./events.ts";
import { jobError } from "./job/claim.ts";
import { openInstance } from "./job/open.ts";
import { prepared, query, run, runOne } from "./query.ts";
import { changeSecrets, insertSecrets, type NewSecret, secretFacts, secretFactsOf } from "./secrets.ts";
import type { InstancesTable } from "./tables.ts";
import type { Unit } from "./unit.ts";

export { allSealedSecrets, type NewSecret, nextSecretVersion, resealSecret, sealedSecrets } from "./secrets.ts";

const instances = codec<Omit<Instance, "secrets">, InstancesTable>({
  id: "plain",
  typeId: "plain",
  name: "plain",
  config: "document",
  configRevision: "plain",
  state: "plain",
  lastTest: "plain",
  latencyMs: "plain",
  lastError: "json",
  flags: "json",
  createdAt: "plain",
  updatedAt: "plain",
});

const select = () => query.selectFrom("instances").selectAll();
const byId = prepared<{ id: string }, InstancesTable>((value) => select().where("id", "=", value("id")));

function* withSecrets(rows: readonly InstancesTable[]): Unit<Instance[]> {
  const facts = yield* secretFacts(rows.map(({ id }) => id));
  return rows.map((row) => ({ ...instances.decode(row), secrets: facts.get(row.id) ?? {} }));
}

function* isNameTaken(name: string, besides: string): Unit<boolean> {
  const taken = query.selectFrom("instances").select("id").where("name", "=", name).where("id", "<>", besides);
  return (yield* runOne(taken)) !== undefined;
}

/** Makes an instance with its secrets; their versions are those they were sealed for (1). */
export function* insertInstance(instance: Instance, sealed: readonly SealedSecret[]): Unit<"created" | "name_taken"> {
  if (yield* isNameTaken(instance.name, instance.id)) return "name_taken";
  const { secrets, ...plain } = instance;
  yield* run(query.insertInto("instances").values(instances.encode(plain)));
  yield* insertSecrets(sealed, instance.createdAt);
  return "created";
}

export function* findInstance(id: string): Unit<Instance | undefined> {
  const row = (yield* byId({ id })).rows[0];
  return row === undefined ? undefined : { ...instances.decode(row), secrets: yield* secretFactsOf(id) };
}

/** The instances a caller sees (null or absent: all), by name. */
export function* listInstances(filter: { readonly visible?: readonly string[] | null } = {}): Unit<Instance[]> {
  const { visible } = filter;
  if (visible?.length === 0) return [];
  const seen = visible === undefined || visible === null ? select() : select().where("id", "in", [...visible]);
  return yield* withSecrets((yield* run(seen.orderBy("name"))).rows);
}

export function* instancesOfType(typeId: string): Unit<Instance[]> {
  return yield* withSecrets((yield* run(select().where("type_id", "=", typeId).orderBy("name"))).rows);
}

export interface InstanceChange {
  readonly id: string;
  readonly name?: string;
  /** Replaces the whole config. */
  readonly config?: JsonObject;
  /** Merged into what is set. */
  readonly secrets?: Readonly<Record<string, NewSecret>>;
  readonly now: number;
}

/** A changed config or secret must be reviewed (tested); what is given but equal to what is there is no change. */
export function* updateInstance(change: InstanceChange): Unit<"updated" | "name_taken" | "missing"> {
  const { id, name, config, secrets = {}, now } = change;
  const row = yield* runOne(select().where("id", "=", id).forUpdate());
  if (row === undefined) return "missing";
  if (name !== undefined && (yield* isNameTaken(name, id))) return "name_taken";
  const hasNewConfig = config !== undefined && !isDeepStrictEqual(JSON.parse(row.config), config);
  const hasNewSecret = yield* changeSecrets(id, secrets, now);
  const mustReview = (hasNewConfig || hasNewSecret) && row.state !== "type_unavailable";
  yield* run(
    query
      .updateTable("instances")
      .set({
        updated_at: now,
        ...(name === undefined ? {} : { name }),
        ...(hasNewConfig ? { config: JSON.stringify(config), config_revision: row.config_revision + 1 } : {}),
        ...(mustReview ? { state: "needs_review" } : {}),
      })
      .where("id", "=", id),
  );
  return "updated";
}

/** The jobs of an instance that never ran end with it; their tails stay open for the sweep. */
function* cancelWaitingJobs(instanceId: string, now: number): Unit<void> {
  yield* run(
    query
      .updateTable("jobs")
      .set((column) => ({
        state: "cancelled",
        error: JSON.stringify(jobError("job_cancelled", "The instance was deleted before the job ran.")),
        finished_at: now,
        tail: "open",
        last_seq: lastSpilledOf(column.ref("jobs.id")),
        dedupe_key: null,
      }))
      .where("finished_at", "is", null)
      .where(openInstance, "=", instanceId)
      .where("state", "in", ["queued", "retrying"]),
  );
}

/** Deletes an instance with its secrets, inventory and schedules; `busy` while a job of it runs. */
export function* deleteInstance({
  id,
  now = Date.now(),
}: {
  readonly id: string;
  readonly now?: number;
}): Unit<"deleted" | "busy" | "missing"> {
  if ((yield* runOne(select().where("id", "=", id).forUpdate())) === undefined) return "missing";
  const open = query.selectFrom("jobs").select("id").where("finished_at", "is", null).where(openInstance, "=", id);
  const running = open.where("started_at", "is not", null).where("state", "=", "running");
  if ((yield* runOne(running.limit(1))) !== undefined) return "busy";
  yield* cancelWaitingJobs(id, now);
  yield* run(query.deleteFrom("instances").where("id", "=", id));
  return "deleted";
}

export interface TestRecord {
  readonly id: string;
  /** What was tested; a result for an older config is dropped. */
  readonly configRevision: number;
  /** The secrets that were tested with; when given, a result for older secrets is dropped too. */
  readonly secrets?: Instance["secrets"];
  readonly state: InstanceState;
  readonly at: number;
  readonly latencyMs: number | null;
  readonly error: Instance["lastError"];
}

const versionsOf = (secrets: Instance["secrets"]) =>
  Object.fromEntries(Object.entries(secrets).map(([name, { version }]) => [name, version]));

/** Records how a test went; false when the instance changed since, is gone, or its type is. */
export function* recordTest(test: TestRecord): Unit<boolean> {
  const { id, state, at, latencyMs, error } = test;
  const row = yield* runOne(select().where("id", "=", id).forUpdate());
  if (row === undefined || row.state === "type_unavailable") return false;
  if (row.config_revision !== test.configRevision) return false;
  if (test.secrets !== undefined) {
    const present = (yield* secretFacts([id])).get(id) ?? {};
    if (!isDeepStrictEqual(versionsOf(present), versionsOf(test.secrets))) return false;
  }
  // A change is reviewed by a test that succeeds; one that fails leaves it unreviewed.
  const isReviewed = row.state !== "needs_review" || state === "connected" || state === "degraded";
  yield* run(
    query
      .updateTable("instances")
      .set({
        state: isReviewed ? state : row.state,
        last_test: at,
        latency_ms: latencyMs,
        last_error: error === null ? null : JSON.stringify(error),
        updated_at: at,
      })
      .where("id", "=", id),
  );
  return true;
}

/** Sets a flag once. */
export function* addFlag({ id, flag }: { readonly id: string; readonly flag: string }): Unit<void> {
  const row = yield* runOne(select().where("id", "=", id).forUpdate());
  if (row === undefined) return;
  const flags: string[] = JSON.parse(row.flags);
  if (flags.includes(flag)) return;
  yield* run(
    query
      .updateTable("instances")
      .set({ flags: JSON.stringify([...flags, flag]) })
      .where("id", "=", id),
  );
}
