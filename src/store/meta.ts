/** Facts about the installation itself, by key. */
import { query, run, runOne } from "./query.ts";
import type { Unit } from "./unit.ts";

/** Where the state of an exchange of the master key lies. */
export const rotationKey = "vault_rotation";

export function* getMeta(key: string): Unit<string | undefined> {
  return (yield* runOne(query.selectFrom("meta").select("value").where("key", "=", key)))?.value;
}

export function* setMeta(key: string, value: string): Unit<void> {
  yield* run(
    query
      .insertInto("meta")
      .values({ key, value })
      .onConflict((conflict) => conflict.column("key").doUpdateSet({ value })),
  );
}

/** Sets the value unless there is one; returns the one that stands. */
export function* keepMeta(key: string, value: string): Unit<string> {
  yield* run(
    query
      .insertInto("meta")
      .values({ key, value })
      .onConflict((conflict) => conflict.column("key").doNothing()),
  );
  return (yield* getMeta(key)) ?? value;
}
