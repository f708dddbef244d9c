/** A worker dies at each waypoint in turn: between every two steps of install, of claim, of settle and of its tail. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { waypoints } from "../../src/model/waypoint.ts";
import { walk } from "./faults/waypoint-faults.ts";
import { onSqlite } from "./kit/fault.ts";
import { expectClean, startShortStack } from "./kit/short.ts";
import type { Stack } from "./kit/stack.ts";

describe("a worker that dies between two steps", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startShortStack(onSqlite);
  }, 60_000);
  afterAll(() => stack?.dispose(), 60_000);

  it.each(["claim", "install", "write", "settle", "tail"])(
    "loses, doubles and leaves nothing: %s",
    async (part) => {
      const places = waypoints.filter((waypoint) => waypoint.startsWith(`${part}.`));
      await expectClean(stack, walk(`killed at each waypoint of ${part}`, places));
    },
    240_000,
  );
});
