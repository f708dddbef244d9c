/** What is sealed enters the store only under a key that is the store's at that moment. */
import { SwitchyardError } from "../errors.ts";
import { getMeta, rotationKey } from "./meta.ts";
import { query, runOne } from "./query.ts";
import type { Unit } from "./unit.ts";
import { markKey } from "./vault-check.ts";

/** The names of the keys in texts that hold sealed values. */
const keyIdsIn = (texts: readonly string[]): Set<string> =>
  new Set(texts.flatMap((text) => [...text.matchAll(/\bsw1\.([0-9a-f]{16})\./g)].map(([, id]) => id ?? "")));

/**
 * The store's mark, which stays as it is until this unit is over: whoever ends an exchange of the master key waits for
 * it, and whoever writes a sealed value waits for an end that is under way.
 */
export function* holdKey(): Unit<string | undefined> {
  const held = query
    .updateTable("meta")
    .set(({ ref }) => ({ value: ref("value") }))
    .where("key", "=", markKey)
    .returning("value");
  return (yield* runOne(held))?.value;
}

/**
 * Refuses values that were sealed so long ago that their key is forgotten since: nobody could open them.
 * @throws SwitchyardError `store_unavailable`; sent again, they are sealed with the key of now
 */
export function* requireLivingKey(texts: readonly string[]): Unit<void> {
  const used = keyIdsIn(texts);
  if (used.size === 0) return;
  const mark = yield* holdKey();
  if (mark === undefined) return;
  const rotation = yield* getMeta(rotationKey);
  const { from = "", to = "" } = JSON.parse(rotation ?? "{}") as { from?: string; to?: string };
  const living = keyIdsIn([mark]).add(from).add(to);
  if ([...used].every((id) => living.has(id))) return;
  throw new SwitchyardError("store_unavailable", {
    detail: "The master key was exchanged while a secret was on its way into the store; send the request again.",
  });
}
