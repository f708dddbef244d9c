/** All routes. */
import type { Api } from "../api.ts";
import type { Route } from "../http/route.ts";
import { actionRoutes } from "./actions.ts";
import { artifactRoutes } from "./artifacts.ts";
import { auditRoutes } from "./audit.ts";
import { backupRoutes } from "./backups.ts";
import { documentRoutes } from "./documents.ts";
import { eventRoutes } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { hostKeyRoutes } from "./host-keys.ts";
import { instanceRoutes } from "./instances.ts";
import { inventoryRoutes } from "./inventory.ts";
import { jobRoutes } from "./jobs.ts";
import { planRoutes } from "./plans.ts";
import { scheduleRoutes } from "./schedules.ts";
import { supportBundleRoutes } from "./support-bundles.ts";
import { tokenRoutes } from "./tokens.ts";
import { typeRoutes } from "./types.ts";
import { uploadRoutes } from "./upload.ts";
import { vaultRoutes } from "./vault.ts";

export const createRoutes = (api: Api): readonly Route[] => {
  const routes: Route[] = [
    ...healthRoutes(api),
    ...jobRoutes(api),
    ...artifactRoutes(api),
    ...eventRoutes(api),
    ...planRoutes(api),
    ...typeRoutes(api),
    ...uploadRoutes(api),
    ...instanceRoutes(api),
    ...hostKeyRoutes(api),
    ...inventoryRoutes(api),
    ...actionRoutes(api),
    ...scheduleRoutes(api),
    ...tokenRoutes(api),
    ...auditRoutes(api),
    ...vaultRoutes(api),
    ...backupRoutes(api),
    ...supportBundleRoutes(api),
  ];
  const documents: Route[] = documentRoutes(api, () => [...routes, ...documents]);
  return [...routes, ...documents];
};
