/** What was last seen on a device. */
import type { Target } from "../../model/target.ts";
import { paths } from "./find.ts";
import type { Client } from "./http.ts";
import type { InventoryDocument } from "./wire.ts";

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
