/** What was last seen on a device. */
import type { Target } from "../../model/target.ts";
import { paths } from "./find.ts";
import type { Client } from "./http.ts";
import type { InventoryDocument, TypeDocument } from "./wire.ts";

/** The target types that a type's inventory lists. */
export const listedTypes = ({ capabilities }: Pick<TypeDocument, "capabilities">): readonly string[] =>
  capabilities.find(({ id }) => id === "inventory.list")?.targets ?? [];

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

/** What the ids of a target type may be: its own, or among all that is listed where the inventory does not list the type. */
export const candidates = async (
  api: Client,
  instanceId: string,
  { type, listed }: { readonly type: string; readonly listed: readonly string[] },
): Promise<readonly Target[]> => {
  const types = listed.includes(type) ? [type] : listed;
  return (await Promise.all(types.map((one) => lastSeen(api, instanceId, { type: one })))).flat();
};
