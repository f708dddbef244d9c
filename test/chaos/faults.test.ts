/** Each fault of the table once, in the midst of a few mixed jobs; `npm run chaos` does it often and with many. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { faults } from "./faults/all.ts";
import { onPostgres, onSmallDisk, onSqlite } from "./kit/fault.ts";
import { expectClean, startShortStack } from "./kit/short.ts";
import type { Shape, Stack } from "./kit/stack.ts";

const strict = process.env["SWITCHYARD_TEST_STRICT"] === "1";

const suite = (title: string, shape: Shape, isStrict = false): void => {
  const rows = faults.filter((fault) => fault.shape === shape);
  const missing = rows.find((fault) => fault.missing !== undefined)?.missing;
  describe.skipIf(missing !== undefined && !(strict && isStrict))(missing ? `${title} (${missing})` : title, () => {
    let stack: Stack;
    beforeAll(async () => {
      stack = await startShortStack(shape);
    }, 60_000);
    afterAll(() => stack?.dispose(), 60_000);
    it.each(rows)("loses, doubles and leaves nothing: $name", (fault) => expectClean(stack, fault), 180_000);
  });
};

suite("a system on SQLite", onSqlite);
suite("a system on a small disk", onSmallDisk);
suite("a system on PostgreSQL", onPostgres, true);
