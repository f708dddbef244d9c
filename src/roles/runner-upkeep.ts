/** What jobs of the runner itself do with its keys and its store: handed to the workers. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import type { RunnerUpkeep } from "../jobs/context.ts";
import { takeBackup } from "../upkeep/backup.ts";
import { loadRing } from "../upkeep/configured-key.ts";
import { rotateKey } from "../upkeep/rotate-key.ts";
import { makeBundle } from "../upkeep/support-bundle.ts";
import { coreVersion, type Parts } from "./parts.ts";
import { supportFacts } from "./support-facts.ts";

export const runnerUpkeep = (config: Config, parts: Parts): RunnerUpkeep => {
  const { store, redis, vault, keyWatch, host, now } = parts;
  return {
    async rotateKey({ say, signal }) {
      const done = await rotateKey({ store, redis, ring: vault, look: keyWatch.look, say, signal });
      return { key_id: done.to, previous_key_id: done.from, resealed: done.resealed, processes: done.processes };
    },
    async backUp({ name, signal }) {
      const path = join(config.dataDir, "backups", name);
      // What an attempt that was cut off left is not this attempt's.
      rmSync(path, { force: true });
      const facts = await takeBackup({
        path,
        databaseUrl: config.databaseUrl,
        ring: () => loadRing(config.masterKey),
        // A key that was kept off this machine's disk stays off it.
        withKey: config.masterKey.value === undefined,
        passphrase: null,
        coreVersion,
        now: now(),
        signal,
      });
      const { bytes, schema, rows, keyId, withKey } = facts;
      return { name, host, bytes, schema, rows: { ...rows }, key_id: keyId, with_key: withKey };
    },
    bundle: async () => makeBundle(store, await supportFacts(config, parts), now()),
  };
};
