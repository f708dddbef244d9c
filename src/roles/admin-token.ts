/** The admin token as a row: the file or the setting holds the token, the store its hash. */
import { createHash } from "node:crypto";
import type { Config } from "../config.ts";
import { newId } from "../model/ids.ts";
import type { Store } from "../store/store.ts";
import { findTokenByHash, insertToken } from "../store/tokens.ts";
import { adminToken } from "./data-folder.ts";

/**
 * Makes sure that the configured token is known; an older one keeps working until it is revoked. Where several APIs run
 * without SWITCHYARD_ADMIN_TOKEN, each data folder has a token of its own, and all of them hold everywhere.
 * Answers the token's file; null when it was set.
 */
export const ensureAdminToken = async (config: Config, store: Store, now: number): Promise<string | null> => {
  const { token, file } = adminToken(config.dataDir, config.adminToken);
  const hash = createHash("sha256").update(token).digest("hex");
  await store.write(function* () {
    if (yield* findTokenByHash(hash)) return;
    const id = newId("tok", now);
    yield* insertToken({ id, name: "admin", role: "admin", hash, instances: null, expiresAt: null, createdAt: now });
  });
  return file;
};
