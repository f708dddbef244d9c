/** The tier that a pack's own report names, and when it is believed. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { typeToWire } from "../../src/api/wire.ts";
import { tiers } from "../../src/model/quality.ts";
import { readPackFolder } from "../../src/packs/pack-folder.ts";
import { checkedDigest, qualityIn, reportFile } from "../../src/packs/quality.ts";
import type { CheckName, Outcome } from "../../src/testing/check.ts";
import { qualityOf, tierTable } from "../../src/testing/tiers.ts";
import { lampPack, openPackBench, type PackBench } from "../kit/pack-bench.ts";

const bytesOf = (files: Readonly<Record<string, string>>) =>
  Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) }));
const reportFor = (files: Readonly<Record<string, string>>, changes: object = {}): string =>
  JSON.stringify({
    switchyard_quality: 1,
    digest: checkedDigest(bytesOf(files)),
    tier: "silver",
    missing: ["plans"],
    ...changes,
  });

describe("an installed pack", () => {
  let bench: PackBench;
  beforeEach(async () => {
    bench = await openPackBench();
  });
  afterEach(() => bench.close());

  it("shows the tier that a report of this very content names", async () => {
    const files = lampPack();
    await bench.install({ ...files, [reportFile]: reportFor(files) });
    const type = (await bench.typeOf())!;
    expect(type.quality).toEqual({ tier: "silver", missing: ["plans"] });
    expect(typeToWire(type)["quality"]).toEqual(type.quality);
    expect(typeToWire({ ...type, quality: null })["quality"]).toEqual({ tier: null, missing: [] });
  });

  it("shows none when its content changed since the report", async () => {
    const files = lampPack();
    await bench.install({
      ...lampPack({}, { "lib/words.ts": "export const greeting: string = 'other';\n" }),
      [reportFile]: reportFor(files),
    });
    expect((await bench.typeOf())?.quality).toBeNull();
  });
});

describe("a report", () => {
  const files = lampPack();
  const read = (report: string) => qualityIn(bytesOf({ ...files, [reportFile]: report }));

  it.each([
    ["no JSON", "{", null],
    ["another version", reportFor(files, { switchyard_quality: 2 }), null],
    ["no list", reportFor(files, { missing: "plans" }), null],
    ["a tier that nobody knows", reportFor(files, { tier: "diamond" }), { tier: null, missing: ["plans"] }],
    ["names that are none", reportFor(files, { missing: ["plans", "<b>", 7] }), { tier: "silver", missing: ["plans"] }],
  ])("with %s is read with care", (_, report, expected) => expect(read(report)).toEqual(expected));
});

describe("tiers", () => {
  const all = tiers.flatMap((tier) => tierTable[tier]);
  const outcomes = (changes: Partial<Record<CheckName, Outcome>> = {}) =>
    new Map(all.map((name): [CheckName, Outcome] => [name, changes[name] ?? "passed"]));

  it("name each check once", () => expect(new Set(all).size).toBe(all.length));

  it("stand on the page as in the table", () => {
    const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "recordings.md"), "utf8");
    const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (\w+) \|/gm)].map(([, name, tier]) => `${tier} ${name}`);
    expect(rows.sort()).toEqual(tiers.flatMap((tier) => tierTable[tier].map((name) => `${tier} ${name}`)).sort());
  });

  it("are reached with all that lies below, and say what is missing for the next", () => {
    expect(qualityOf(outcomes())).toEqual({ tier: "platinum", missing: [] });
    expect(qualityOf(outcomes({ undoes: "not_applicable" }))).toMatchObject({ tier: "platinum" });
    expect(qualityOf(outcomes({ undoes: "missing", many_targets: "failed" }))).toEqual({
      tier: "silver",
      missing: ["undoes"],
    });
    expect(qualityOf(outcomes({ quiet: "failed" }))).toEqual({ tier: null, missing: ["quiet"] });
    expect(qualityOf(new Map())).toMatchObject({ tier: null });
  });
});

describe("a shipped pack with a report", () => {
  const folder = join(import.meta.dirname, "..", "..", "integrations");
  const packs = readdirSync(folder);

  it.each(packs)("%s was checked as it is: else run `npx switchyard check <folder> --write`", async (name) => {
    const files = await readPackFolder(join(folder, name));
    if (!files.some(({ path }) => path === reportFile)) return;
    expect(["gold", "platinum"]).toContain(qualityIn(files)?.tier);
  });
});
