/** A store that a newer version has changed: an older program leaves it alone, and says what to do. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { missingPostgres, startTestPostgres } from "../kit/postgres.ts";
import { createBelongings, untilListening } from "../kit/process.ts";
import { startTestRedis } from "../kit/redis.ts";

describe.skipIf(missingPostgres !== undefined && process.env["SWITCHYARD_TEST_STRICT"] !== "1")(
  "an old program",
  () => {
    const own = createBelongings();
    afterAll(() => own.giveBack(), 60_000);

    it("refuses to start on the store of a newer one, and says what to do", async () => {
      const postgres = own.add(await startTestPostgres(), (it) => it.stop());
      const redis = own.add(await startTestRedis(), (it) => it.stop());
      const databaseUrl = await postgres.createDatabase();
      const shared = { DATABASE_URL: databaseUrl, REDIS_URL: redis.url, SWITCHYARD_PACKS_DIR: own.folder() };
      const firstDir = own.folder();
      const first = own.start({ ...shared, SWITCHYARD_ROLE: "api", SWITCHYARD_DATA: firstDir });
      await untilListening(first, firstDir);
      expect(await first.stop(), first.output()).toBe(0);
      const { Client } = await import("pg");
      const client = new Client({ connectionString: databaseUrl });
      await client.connect();
      await client.query("insert into schema_migrations (version, name) values (99, 'of the future')");
      await client.end();
      for (const role of ["api", "worker"]) {
        const dataDir = own.folder();
        copyFileSync(join(firstDir, "master.key"), join(dataDir, "master.key"));
        const older = own.start({ ...shared, SWITCHYARD_ROLE: role, SWITCHYARD_DATA: dataDir });
        expect(await older.ended(), role).not.toBe(0);
        expect(older.output().trim().split("\n"), role).toEqual([
          expect.stringMatching(/schema 99.*start the version that wrote it, or a newer one/),
        ]);
      }
    }, 60_000);
  },
);
