/** What is sealed enters the store only under a key that is the store's at that moment. */
import { SwitchyardError } from "../errors.ts";
import { rotationKey } from "./meta.ts";
import { prepared, query } from "./query.ts";
import type { Query, Unit } from "./unit.ts";
import { markKey } from "./vault-check.ts";

/** A sealed value, or one among the values of an object as JSON; its names are a pack's and may look like anything. */
const sealedValue = /(?:^|":")sw1\.([0-9a-f]{16})\./g;
/** The names of the keys in texts that hold sealed values. */
const keyIdsIn = (texts: readonly string[]): Set<string> =>
  new Set(texts.flatMap((text) => [...text.matchAll(sealedValue)].map(([, id]) => id ?? "")));

const keyFacts = prepared<object, { key: string; value: string }>(() =>
  query.selectFrom("meta").select(["key", "value"]).where("key", "in", [markKey, rotationKey]),
);

interface KeyFacts {
  readonly mark: string | undefined;
  readonly rotation: string | undefined;
}

/**
 * What tells a process which key is the store's. One statement, as both change together: between two of them an exchange
 * may end, and the mark of before without an exchange would make the process keep the old key.
 */
export function* readKeyFacts(): Unit<KeyFacts> {
  const { rows } = yield* keyFacts({});
  const facts = new Map(rows.map(({ key, value }) => [key, value]));
  return { mark: facts.get(markKey), rotation: facts.get(rotationKey) };
}

/** SQLite has one writer at a time, who needs no lock. */
const lockOfMeta = (mode: string): Query => ({
  on: (dialect) => ({ sql: dialect === "postgres" ? `lock table meta in ${mode} mode` : "select 1", parameters: [] }),
});
const [shared, alone] = [lockOfMeta("row share"), lockOfMeta("exclusive")];

/**
 * Until this unit is over nobody writes a sealed value: those who are at it are waited for, and seen from then on.
 * They hold a lock of the table and not the mark's row: they let each other pass, and nobody who comes later passes
 * whoever waits to be alone.
 */
export function* holdKey(): Unit<void> {
  yield alone;
}

/**
 * Refuses values that were sealed so long ago that their key is forgotten since: nobody could open them. Until the unit
 * is over no exchange of the master key ends.
 * @throws SwitchyardError `store_unavailable`; sent again, they are sealed with the key of now
 */
export function* requireLivingKey(texts: readonly string[]): Unit<void> {
  const used = keyIdsIn(texts);
  if (used.size === 0) return;
  yield shared;
  const { mark, rotation } = yield* readKeyFacts();
  if (mark === undefined) return;
  const { from = "", to = "" } = JSON.parse(rotation ?? "{}") as { from?: string; to?: string };
  const living = keyIdsIn([mark]).add(from).add(to);
  if ([...used].every((id) => living.has(id))) return;
  throw new SwitchyardError("store_unavailable", {
    detail:
      "The master key was exchanged while a secret was on its way into the store; send the request again. If it is refused again, this process did not take the new key over: GET /api/vault says why.",
  });
}
