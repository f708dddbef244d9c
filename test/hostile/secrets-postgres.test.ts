/** Planted secrets on PostgreSQL: its files are searched, and what it gives out unpacked. */
import { readFileSync } from "node:fs";
import { describe } from "vitest";
import { filesBelow } from "../kit/files.ts";
import { missingPostgres, startTestPostgres } from "../kit/postgres.ts";
import { describeSecrets } from "./planted-secrets.ts";

describe.skipIf(missingPostgres !== undefined && process.env["SWITCHYARD_TEST_STRICT"] !== "1")("PostgreSQL", () => {
  describeSecrets("secrets that are planted", async () => {
    const postgres = await startTestPostgres();
    const databaseUrl = await postgres.createDatabase();
    return {
      databaseUrl,
      contents: () => [
        ["the dump", postgres.dump(databaseUrl)],
        ...filesBelow(postgres.folder).map((file) => [file, readFileSync(file)] as const),
      ],
      stop: () => postgres.stop(),
    };
  });
});
