/**
 * Exchanges the master key while everything goes on:
 * 1. a new key lies in the store, sealed with the old one. 2. every process learns it and writes it into its file.
 * 3. all seal with it, and what is stored is sealed anew. 4. nothing is left under the old key: it is forgotten.
 * What a crash leaves is taken up where it was: the state lies in the store.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { SwitchyardError } from "../errors.ts";
import { type KeyHolder, keyHolders } from "../live/key-holders.ts";
import { isUp, type Redis } from "../redis.ts";
import {
  endRotation,
  lastAdmission,
  readRotation,
  replaceRotation,
  resealInput,
  type SealedInput,
  sealedInputs,
  secretsUnder,
} from "../store/rotation.ts";
import { resealSecret } from "../store/secrets.ts";
import type { Store } from "../store/store.ts";
import { beginRotation, type Keyring, type Rotation } from "../vault/keyring.ts";
import { createVault, rewrap } from "../vault/vault.ts";
import { parseRotation, writeRotation } from "./rotation-state.ts";

export interface RotateDeps {
  readonly store: Store;
  readonly redis: Redis;
  readonly ring: Keyring;
  /** Makes this process look at the store's key now. */
  readonly look: () => Promise<void>;
  readonly say: (message: string) => void;
  readonly signal: AbortSignal;
  readonly pace?: Partial<RotatePace>;
}

export interface RotatePace {
  /** How long other processes are waited for. */
  readonly patienceMs: number;
  /** What was sealed with the old key may be on its way into the store, or out of it to be opened, for so long. */
  readonly lateMs: number;
}

export interface RotateFacts {
  readonly from: string;
  readonly to: string;
  /** Values that were sealed anew by this run. */
  readonly resealed: number;
  /** Processes that took the new key over. */
  readonly processes: number;
}

const usualPace: RotatePace = { patienceMs: 45_000, lateMs: 6_000 };
const stretch = 5_000;
const tickMs = 100;

interface Keys {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** What was begun earlier, or the begin of a new exchange. */
const begun = async ({ store, ring }: RotateDeps): Promise<Rotation> => {
  const from = ring.key(ring.keyId);
  if (from === undefined) throw new SwitchyardError("internal");
  const text = await store.write(function* () {
    const seen = yield* readRotation();
    if (seen !== undefined) return seen;
    const next = writeRotation(beginRotation(from, randomBytes(from.byteLength)));
    yield* replaceRotation(undefined, next);
    return next;
  });
  return parseRotation(text);
};

const nameOf = ({ role, host, problem, startsWith }: KeyHolder): string =>
  `the ${role} on ${host} (${problem ?? `it starts with ${startsWith}`})`;

const incomplete = (late: readonly KeyHolder[]): SwitchyardError =>
  new SwitchyardError("rotation_incomplete", {
    detail: `Expected every process to take over the new master key, these did not: ${late.map(nameOf).join("; ")}. Nothing is lost: both keys open. Let them write their key file, or set the new key as SWITCHYARD_MASTER_KEY and the old one as SWITCHYARD_MASTER_KEY_PREVIOUS, start them again, and rotate again.`,
    details: { processes: late.map(({ processId, host, role, problem }) => ({ processId, host, role, problem })) },
  });

const unseen = (): SwitchyardError =>
  new SwitchyardError("queue_unavailable", {
    detail:
      "Expected every process to say which master key it has, but Redis cannot be reached. Nothing is lost: both keys open, and the exchange goes on once it is back.",
  });

interface Seen {
  readonly holders: readonly KeyHolder[];
  /** Why nobody was seen. */
  readonly failure?: unknown;
}

/**
 * While Redis is away nobody says which key it has: that is no mistake, and no reason to go on. It may be back before
 * the failure of a command is told, so that its state says nothing of the command.
 */
const lookAround = async ({ redis, look }: RotateDeps): Promise<Seen> => {
  try {
    await look();
    return { holders: await keyHolders(redis) };
  } catch (failure) {
    if (failure instanceof SwitchyardError) throw failure;
    return { holders: [], failure };
  }
};

/** What is told of a wait that took too long. */
const givenUp = ({ redis }: RotateDeps, { failure }: Seen, late: readonly KeyHolder[]): unknown => {
  if (!isUp(redis)) return unseen();
  return failure ?? incomplete(late);
};

/** Waits until every living process is as it should be. */
const untilAll = async (
  deps: RotateDeps,
  { patienceMs }: RotatePace,
  isDone: (holder: KeyHolder) => boolean,
): Promise<number> => {
  const { signal } = deps;
  const started = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const seen = await lookAround(deps);
    const { holders } = seen;
    const late = holders.filter((holder) => !isDone(holder));
    if (holders.length > 0 && late.length === 0) return holders.length;
    if (performance.now() - started > patienceMs) throw givenUp(deps, seen, late);
    await pause(tickMs, undefined, { signal });
  }
};

const turnTo = async ({ store }: RotateDeps, rotation: Rotation, phase: Rotation["phase"]): Promise<void> => {
  if (rotation.phase === phase) return;
  const next = writeRotation({ ...rotation, phase });
  await store.write(() => replaceRotation(writeRotation(rotation), next));
};

interface Pass {
  /** Values that were under the old key, and those of them that nobody else had changed by then. */
  readonly met: number;
  readonly done: number;
}

const resealSecrets = async ({ store }: RotateDeps, rotation: Rotation, keys: Keys): Promise<Pass> => {
  const found = await store.read(() => secretsUnder(rotation.from));
  let done = 0;
  for (const secret of found) {
    const sealed = rewrap(secret.sealed, { scope: secret.instanceId, ...keys });
    if (await store.write(() => resealSecret({ from: secret, sealed }))) done += 1;
  }
  return { met: found.length, done };
};

/** Member of a job's sealed parameters that names the job they were sealed for. */
const scopeMember = "@scope";

/** The same parameters under the new key; undefined when they are so already. */
const inputUnder = ({ jobId, sealedInput }: SealedInput, rotation: Rotation, keys: Keys): string | undefined => {
  const beginning = `sw1.${rotation.from}.`;
  if (!sealedInput.includes(beginning)) return undefined;
  const sealed = JSON.parse(sealedInput) as Record<string, string>;
  // A name may look like a value.
  if (!Object.values(sealed).some((value) => value.startsWith(beginning))) return undefined;
  const scope = sealed[scopeMember] ?? jobId;
  const entries = Object.entries(sealed).map(([name, value]) => [
    name,
    value.startsWith(beginning) ? rewrap(value, { scope, ...keys }) : value,
  ]);
  return JSON.stringify(Object.fromEntries(entries));
};

const resealInputs = async (deps: RotateDeps, rotation: Rotation, keys: Keys): Promise<Pass> => {
  const last = await deps.store.read(lastAdmission);
  let met = 0;
  let done = 0;
  for (let after = 0; after < last; after += stretch) {
    deps.signal.throwIfAborted();
    const found = await deps.store.read(() => sealedInputs({ after, upTo: after + stretch }));
    for (const input of found) {
      const next = inputUnder(input, rotation, keys);
      if (next === undefined) continue;
      met += 1;
      if (await deps.store.write(() => resealInput(input, next))) done += 1;
    }
  }
  return { met, done };
};

const resealAll = async (deps: RotateDeps, rotation: Rotation, keys: Keys): Promise<Pass> => {
  const secrets = await resealSecrets(deps, rotation, keys);
  const inputs = await resealInputs(deps, rotation, keys);
  return { met: secrets.met + inputs.met, done: secrets.done + inputs.done };
};

/**
 * Ends with a pass that meets nothing: what was on its way while one went on is met by the next, and whoever read a value
 * before that was sealed anew has had the time to open it.
 */
const resealToTheEnd = async (deps: RotateDeps, rotation: Rotation, pace: RotatePace): Promise<number> => {
  const [from, to] = [deps.ring.key(rotation.from), deps.ring.key(rotation.to)];
  if (from === undefined || to === undefined) throw new SwitchyardError("internal");
  const keys = { from, to };
  const mark = createVault({ masterKey: to }).mark();
  let { done } = await resealAll(deps, rotation, keys);
  for (;;) {
    await pause(pace.lateMs, undefined, { signal: deps.signal });
    const after = await deps.store.read(lastAdmission);
    const late = await resealAll(deps, rotation, keys);
    done += late.done;
    if (late.met > 0) continue;
    if (await deps.store.write(() => endRotation({ from: rotation.from, mark, after }))) return done;
  }
};

/**
 * Answers once every sealed value is under the new key.
 * @throws SwitchyardError `rotation_incomplete` when a process could not take it over; the exchange can be gone on with.
 */
export const rotateKey = async (deps: RotateDeps): Promise<RotateFacts> => {
  const pace = { ...usualPace, ...deps.pace };
  const rotation = await begun(deps);
  const { from, to } = rotation;
  deps.say(`every process learns the key ${to}`);
  const processes = await untilAll(deps, pace, (holder) => holder.startsWith === to && holder.knows.includes(to));
  await turnTo(deps, rotation, "reseal");
  await untilAll(deps, pace, ({ seals }) => seals === to);
  deps.say(`${processes} processes seal with ${to}; what is stored follows`);
  const resealed = await resealToTheEnd(deps, rotation, pace);
  await untilAll(deps, pace, ({ knows }) => !knows.includes(from));
  deps.say(`${resealed} values were sealed anew; the key ${from} is not used any more`);
  return { from, to, resealed, processes };
};
