/** What was last seen on a device. */
import type { Target } from "../../model/target.ts";
import { paths } from "./find.ts";
import type { Client } from "./http.ts";
import type { InventoryDocument, TypeDocument } from "./wire.ts";

/** The target types that a type's inventory lists. */
export const listedTypes = ({ capabilities }: Pick<TypeDocument, "capabilities">): readonly string[] =>
  capabilities.find(({ id }) => id === "inventory.list")?.targets ?? [];

/** Words of the vocabulary for the same things: what is acted on as the one is listed as the other. */
const alike: Readonly<Record<string, string>> = { interface: "port", switch: "system" };

/** Under which of the listed types the ids of a target type stand: its own, or the one whose word it holds, as `poe_port` holds `port`. */
export const listedAs = (type: string, listed: readonly string[]): readonly string[] =>
  listed.includes(type) ? [type] : listed.filter((one) => one === alike[type] || `_${type}_`.includes(`_${one}_`));

/** Without asking the device; nothing when it is not known. */
export const lastSeen = async (
  api: Client,
  instanceId: string,
  query: { readonly type: string; readonly q?: string },
): Promise<readonly Target[]> => {
  const path = `${paths.instances}/${instanceId}/inventory`;
  const asked = { ...query, active_only: false, cached_only: true, page: 1, page_size: 500 };
  return api
    .read<InventoryDocument>(path, asked)
    .then(({ items }) => items)
    .catch(() => []);
};

/** All that is known of these types. */
export const lastSeenOf = async (
  api: Client,
  instanceId: string,
  types: readonly string[],
): Promise<readonly Target[]> => {
  return (await Promise.all(types.map((one) => lastSeen(api, instanceId, { type: one })))).flat();
};
