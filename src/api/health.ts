/** What the API finds when it looks around: at Redis, the store, the workers, the packs. */
import { type KeyHolder, keyHolders } from "../live/key-holders.ts";
import { type LiveWorker, liveWorkers } from "../live/leases.ts";
import type { Instance } from "../model/instance.ts";
import type { IntegrationType } from "../model/integration-type.ts";
import type { Principal } from "../model/principal.ts";
import { shellWord } from "../model/shell-word.ts";
import { listInstances } from "../store/instances.ts";
import { getMeta } from "../store/meta.ts";
import { listTypes } from "../store/types.ts";
import type { Api } from "./api.ts";

const patienceMs = 2_000;

const within = <T>(work: Promise<T>): Promise<T> =>
  Promise.race([
    work,
    new Promise<T>((_, reject) => {
      setTimeout(() => reject(new Error("no answer in time")), patienceMs).unref();
    }),
  ]);

const holds = async (work: () => Promise<unknown>): Promise<boolean> => {
  try {
    await within(work());
    return true;
  } catch {
    return false;
  }
};

export interface Readiness {
  readonly ready: boolean;
  readonly redis: boolean;
  readonly store: boolean;
  readonly workers: number;
  readonly sandbox: { readonly level: string | null };
}

/** The weakest level among the workers: what a job can count on. */
const levelOf = (workers: readonly LiveWorker[]): string | null => {
  if (workers.length === 0) return null;
  return workers.some(({ level }) => level !== "full") ? "degraded" : "full";
};

/** Why the level is what it is, on the first machine that makes it so. */
const reasonOf = async ({ redis }: Api, level: string | null): Promise<string> => {
  if (level === null || level === "full") return "";
  const workers = await within(liveWorkers(redis)).catch(() => []);
  const weak = workers.find((worker) => worker.level !== "full");
  return weak?.levelReason === undefined ? "" : ` on ${weak.host}: ${weak.levelReason}`;
};

export const readiness = async ({ redis, store }: Api): Promise<Readiness> => {
  const [isRedisUp, isStoreUp] = await Promise.all([
    holds(() => redis.ping()),
    holds(() => store.read(() => getMeta("readiness"))),
  ]);
  const workers = isRedisUp ? await within(liveWorkers(redis)).catch(() => []) : [];
  const ready = isRedisUp && isStoreUp && workers.length > 0;
  return { ready, redis: isRedisUp, store: isStoreUp, workers: workers.length, sandbox: { level: levelOf(workers) } };
};

interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly next_step?: string;
}

const advise = (check: Check, nextStep: string): Check => (check.ok ? check : { ...check, next_step: nextStep });

const packsCheck = async ({ store }: Api): Promise<Check> => {
  const types = await within(store.read(() => listTypes())).catch(() => []);
  const shipped = types.filter(({ isShipped, isRemoved }) => isShipped && !isRemoved);
  const broken = shipped.filter(({ status }) => status !== "valid").map(({ id, status }) => `${id} is ${status}`);
  const detail =
    broken.length > 0 ? broken.join(", ") : counted(shipped.length, "shipped pack is valid", "shipped packs are valid");
  const check = { check: "packs", ok: broken.length === 0, detail };
  return advise(check, "Look at the type's errors, then validate it again or install it again.");
};

const ofKey = ({ role, host, problem }: KeyHolder): string => `${role} on ${host}: ${problem}`;

const keyCheck = async ({ redis }: Api): Promise<Check> => {
  const holders = await within(keyHolders(redis)).catch(() => []);
  const odd = holders.filter(({ problem }) => problem !== null);
  const detail = odd.length === 0 ? "Every process has the store's master key" : odd.map(ofKey).join("; ");
  const next = "Give it the key of the others (its key file, or SWITCHYARD_MASTER_KEY), and start it again.";
  return advise({ check: "master key", ok: odd.length === 0, detail }, next);
};

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/** What is wrong with an instance and what to do about it; a test that failed says more than the state. */
const illnessOf = (
  { name, typeId, state, lastError }: Instance,
  type: IntegrationType | undefined,
): readonly [detail: string, nextStep: string] => {
  const test = `npx switchyard test ${shellWord(name)}`;
  if (state === "type_unavailable") {
    const cause = type?.isRemoved ? "was removed" : "is not there any more";
    const again = `Install ${typeId} again: npx switchyard install FILE.int, or its folder`;
    return [`Its type ${typeId} ${cause}`, `${again}; or npx switchyard delete ${shellWord(name)}`];
  }
  if (lastError !== null)
    return [
      `Its state is ${state}: ${lastError.detail} (${lastError.code})`,
      `Put right what the cause names, then test it: ${test}`,
    ];
  if (state === "needs_review")
    return ["Its state is needs_review: its writes are refused until it is tested", `Test it: ${test}`];
  return [`Its state is ${state}, without a known cause`, `Test it: ${test}`];
};

const maxNamed = 20;
const unusable: ReadonlySet<string> = new Set(["error", "needs_review", "type_unavailable"]);

/** One line when all is well; else one for each instance with which not all can be done. */
const instanceChecks = async ({ store }: Api, { instances: visible }: Principal): Promise<readonly Check[]> => {
  const found = await within(store.read(() => listInstances({ visible }))).catch(() => []);
  const broken = found.filter(({ state, lastError }) => lastError !== null || unusable.has(state));
  if (broken.length === 0) {
    const detail = found.length === 0 ? "There is none yet" : `${found.length} of ${found.length} can be used`;
    return [{ check: "instances", ok: true, detail }];
  }
  const types = new Map((await within(store.read(() => listTypes())).catch(() => [])).map((type) => [type.id, type]));
  const named = broken.slice(0, maxNamed).map((instance): Check => {
    const [detail, next_step] = illnessOf(instance, types.get(instance.typeId));
    return { check: `instance ${instance.name}`, ok: false, detail, next_step };
  });
  const more = broken.length - maxNamed;
  const next_step = "List them: npx switchyard instances";
  return [
    ...named,
    ...(more > 0 ? [{ check: "instances", ok: false, detail: `${more} more are like these`, next_step }] : []),
  ];
};

/** The checks of `switchyard doctor`; of the instances those that the caller may see. */
export const examine = async (
  api: Api,
  principal: Principal,
): Promise<{ ok: boolean; version: string; checks: readonly Check[] }> => {
  const found = await readiness(api);
  const { level } = found.sandbox;
  const checks = [
    advise(
      { check: "redis", ok: found.redis, detail: found.redis ? "Redis answers" : "Redis does not answer" },
      "Look whether Redis runs, and whether REDIS_URL is right.",
    ),
    advise(
      { check: "store", ok: found.store, detail: found.store ? "The store answers" : "The store does not answer" },
      "Look whether the disk is full, or whether DATABASE_URL is right.",
    ),
    advise(
      {
        check: "workers",
        ok: found.workers > 0,
        detail: `${counted(found.workers, "worker is", "workers are")} alive`,
      },
      "Start a worker (npm start, or SWITCHYARD_ROLE=worker), and look at its log.",
    ),
    advise(
      {
        check: "sandbox",
        ok: level === "full",
        detail: `The sandbox level is ${level ?? "not known: no worker"}${await reasonOf(api, level)}`,
      },
      "Install bubblewrap and allow user namespaces; below full, all drivers in Python are refused, and programs of packs that do not come with the runner.",
    ),
    await keyCheck(api),
    await packsCheck(api),
    ...(await instanceChecks(api, principal)),
  ];
  return { ok: checks.every(({ ok }) => ok), version: api.version, checks };
};
