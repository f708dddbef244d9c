/** The packs we ship that have recordings pass the conformance kit, and say the tier that they reach. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tiers } from "../../src/model/quality.ts";
import { qualityIn } from "../../src/packs/quality.ts";
import { readPack } from "../../src/recording/pack.ts";
import { checkPack } from "../../src/testing/conformance.ts";
import { runOwnTests } from "../../src/testing/own-tests.ts";

const root = join(import.meta.dirname, "..", "..", "integrations");
const packs = readdirSync(root).filter((name) => existsSync(join(root, name, "recordings")));
const { signal } = new AbortController();

describe.each(packs)("%s", (name) => {
  it("is gold at least", { timeout: 120_000 }, async () => {
    const pack = await readPack(join(root, name));
    const ownTests = await runOwnTests(pack, { environment: process.env, signal });
    const { tier, checks } = await checkPack({ pack, coreVersion: "1.0.0", now: Date.now, signal, ownTests });
    const faults = checks.filter(({ outcome }) => outcome === "failed" || outcome === "missing");
    expect(tiers.indexOf(tier ?? "bronze"), JSON.stringify(faults)).toBeGreaterThanOrEqual(tiers.indexOf("gold"));
    expect(qualityIn(pack.files)?.tier ?? tier).toBe(tier);
  });
});
