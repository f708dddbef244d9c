/** Which handler does which kind: a missing one is a compile error. */
import { planAction } from "./action-plan.ts";
import { runAction } from "./action-run.ts";
import type { JobKind } from "./catalog.ts";
import type { Handler } from "./context.ts";
import { refreshInventory } from "./instance-refresh-inventory.ts";
import { testConnection } from "./instance-test-connection.ts";
import { installPack } from "./pack-install.ts";
import { removePack } from "./pack-remove.ts";
import { rescanPacks } from "./pack-rescan.ts";
import { rollbackPack } from "./pack-rollback.ts";
import { validatePack } from "./pack-validate.ts";
import { backUpSystem } from "./system-backup.ts";
import { makeSupportBundle } from "./system-support-bundle.ts";
import { rotateVault } from "./vault-rotate.ts";

export const handlers: Readonly<Record<JobKind, Handler>> = {
  "pack.install": installPack,
  "pack.validate": validatePack,
  "pack.rescan": rescanPacks,
  "pack.remove": removePack,
  "pack.rollback": rollbackPack,
  "instance.test_connection": testConnection,
  "instance.refresh_inventory": refreshInventory,
  "action.plan": planAction,
  "action.run": runAction,
  "vault.rotate": rotateVault,
  "system.backup": backUpSystem,
  "system.support_bundle": makeSupportBundle,
};
