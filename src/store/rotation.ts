/** What the exchange of the master key needs of the store: its state, and every sealed value in turn. */
import type { SealedSecret } from "../model/instance.ts";
import { holdKey, readKeyFacts } from "./key-fence.ts";
import { getMeta, rotationKey, setMeta } from "./meta.ts";
import { query, run, runOne } from "./query.ts";
import { allSealedSecrets } from "./secrets.ts";
import type { Unit } from "./unit.ts";
import { markKey } from "./vault-check.ts";

/** The state of the exchange as it was left here; the vault knows what it says. */
export function* readRotation(): Unit<string | undefined> {
  return yield* getMeta(rotationKey);
}

interface Progress {
  /** The key of the store; null before anything was sealed. */
  readonly keyId: string | null;
  readonly rotation: { readonly phase: string; readonly from: string; readonly to: string } | null;
  /** How many secrets of instances are sealed with which key. */
  readonly sealed: Readonly<Record<string, number>>;
}

/** A sealed value names its key. */
const keyIdOf = (sealed: string): string => sealed.split(".", 2)[1] ?? "";

/** How far an exchange has come; between two of them, which key there is. */
export function* rotationProgress(): Unit<Progress> {
  const { mark, rotation } = yield* readKeyFacts();
  const sealed: Record<string, number> = {};
  for (const secret of yield* allSealedSecrets()) {
    const id = keyIdOf(secret.sealed);
    sealed[id] = (sealed[id] ?? 0) + 1;
  }
  const { phase, from, to } = JSON.parse(rotation ?? "{}") as { phase?: string; from?: string; to?: string };
  const isOn = phase !== undefined && from !== undefined && to !== undefined;
  return { keyId: mark === undefined ? null : keyIdOf(mark), rotation: isOn ? { phase, from, to } : null, sealed };
}

/** Puts a state in the place of the one that was read; false when another process was quicker. */
export function* replaceRotation(seen: string | undefined, next: string): Unit<boolean> {
  if ((yield* getMeta(rotationKey)) !== seen) return false;
  yield* setMeta(rotationKey, next);
  return true;
}

/** Sealed parameters of one job, as they lie in its row. */
export interface SealedInput {
  readonly jobId: string;
  readonly admission: number;
  readonly sealedInput: string;
}

/** The jobs of a stretch of admissions that hold sealed parameters. */
export function* sealedInputs(asked: { readonly after: number; readonly upTo: number }): Unit<SealedInput[]> {
  const { rows } = yield* run(
    query
      .selectFrom("jobs")
      .select(["id as jobId", "admission", "sealed_input as sealedInput"])
      .where("admission", ">", asked.after)
      .where("admission", "<=", asked.upTo)
      .where("sealed_input", "is not", null),
  );
  return rows.flatMap(({ jobId, admission, sealedInput }) =>
    sealedInput === null ? [] : [{ jobId, admission, sealedInput }],
  );
}

/** The number of the job that was admitted last; 0 when there is none. */
export function* lastAdmission(): Unit<number> {
  const newest = query.selectFrom("jobs").select("admission").orderBy("admission", "desc").limit(1);
  return (yield* runOne(newest))?.admission ?? 0;
}

/** Puts parameters sealed anew in the place of those that were read; false when the job is gone. */
export function* resealInput(from: SealedInput, sealedInput: string): Unit<boolean> {
  const { changes } = yield* run(
    query
      .updateTable("jobs")
      .set({ sealed_input: sealedInput })
      .where("id", "=", from.jobId)
      .where("sealed_input", "=", from.sealedInput),
  );
  return changes > 0;
}

const isUnder =
  (keyId: string) =>
  (sealed: string): boolean =>
    sealed.includes(`sw1.${keyId}.`);

/** The instances' secrets that are still sealed with a key. */
export function* secretsUnder(keyId: string): Unit<SealedSecret[]> {
  return (yield* allSealedSecrets()).filter(({ sealed }) => isUnder(keyId)(sealed));
}

/**
 * Ends the exchange: nothing is sealed with the old key, the store's mark becomes the new key's. `after`: up to which
 * admission the jobs were seen to; only later ones are looked at. False when something is left. What is being written
 * under the old key is waited for and seen; what comes later is refused (`requireLivingKey`).
 */
export function* endRotation(asked: {
  readonly from: string;
  readonly mark: string;
  readonly after: number;
}): Unit<boolean> {
  yield* holdKey();
  const left = yield* secretsUnder(asked.from);
  const late = yield* sealedInputs({ after: asked.after, upTo: Number.MAX_SAFE_INTEGER });
  if (left.length > 0 || late.some(({ sealedInput }) => isUnder(asked.from)(sealedInput))) return false;
  yield* setMeta(markKey, asked.mark);
  yield* run(query.deleteFrom("meta").where("key", "=", rotationKey));
  return true;
}
