/** A worker dies at each waypoint in turn: between every two steps of install, of claim, of settle and of its tail. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { type Waypoint, waypoints } from "../../src/model/waypoint.ts";
import { installTraps, walk } from "./faults/waypoint-faults.ts";
import type { InstallName } from "./kit/errand.ts";
import { type Fault, onSqlite } from "./kit/fault.ts";
import { expectClean, startShortStack } from "./kit/short.ts";
import type { Stack } from "./kit/stack.ts";

const walkThrough = (part: string): Fault =>
  walk(
    part,
    waypoints.filter((waypoint) => waypoint.startsWith(`${part}.`)).map((waypoint) => ({ waypoint })),
  );

/** Each place at least once; `npm run chaos` has each of them in both ways. */
const without = (name: InstallName, left: readonly Waypoint[]) =>
  installTraps[name].filter(({ waypoint }) => !left.includes(waypoint));

describe("a worker that dies between two steps", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startShortStack(onSqlite);
  }, 180_000);
  afterAll(() => stack?.dispose(), 60_000);

  it.each([
    walkThrough("claim"),
    walk("install of a new pack", without("install", ["install.staged"])),
    walk("install of an upgrade", without("upgrade", ["install.received", "install.unpacked"])),
    ...["write", "settle", "tail"].map(walkThrough),
  ])("loses, doubles and leaves nothing: $name", (fault) => expectClean(stack, fault), 240_000);
});
