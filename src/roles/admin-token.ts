/** The admin token as a row: the file or the setting holds the token, the store its hash. */
import { createHash } from "node:crypto";
import type { Config } from "../config.ts";
import { newId } from "../model/ids.ts";
import type { Store } from "../store/store.ts";
import { findTokenByHash, insertToken } from "../store/tokens.ts";
import { adminToken } from "./data-folder.ts";

/** The token that a start names. */
export interface NamedToken {
  /** Where it lies; null when it was set. */
  readonly file: string | null;
  /** False when it was revoked or has expired: it opens nothing any more. */
  readonly isLive: boolean;
}

/**
 * Makes sure that the configured token is known; an older one keeps working until it is revoked. Where several APIs run
 * without SWITCHYARD_ADMIN_TOKEN, each data folder has a token of its own, and all of them hold everywhere.
 * One that was revoked stays revoked.
 */
export const ensureAdminToken = async (config: Config, store: Store, now: number): Promise<NamedToken> => {
  const { token, file } = adminToken(config.dataDir, config.adminToken);
  const hash = createHash("sha256").update(token).digest("hex");
  const isLive = await store.write(function* () {
    const known = yield* findTokenByHash(hash);
    if (known) return known.revokedAt === null && (known.expiresAt === null || known.expiresAt > now);
    const id = newId("tok", now);
    yield* insertToken({ id, name: "admin", role: "admin", hash, instances: null, expiresAt: null, createdAt: now });
    return true;
  });
  return { file, isLive };
};
