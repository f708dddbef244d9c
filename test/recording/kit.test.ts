/** The conformance kit: a good pack reaches the highest tier, and each check fails for what it is there for. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { unwritten } from "../../src/model/quality.ts";
import { readPack } from "../../src/recording/pack.ts";
import type { CheckName } from "../../src/testing/check.ts";
import { checkPack } from "../../src/testing/conformance.ts";
import { runOwnTests } from "../../src/testing/own-tests.ts";
import { type Change, lampCalls, recordedPack, recordLamps, removePack } from "./lamp.ts";

let recording: string;
beforeAll(async () => {
  recording = await recordLamps();
});
const folders: string[] = [];
afterEach(() => folders.splice(0).forEach(removePack));

const { signal } = new AbortController();
const check = async (changes: readonly Change[], only?: readonly CheckName[], text = recording) => {
  const folder = recordedPack(text, changes);
  folders.push(folder);
  const pack = await readPack(folder);
  const isAsked = only === undefined || only.includes("own_tests");
  const ownTests = isAsked ? await runOwnTests(pack, { environment: process.env, signal }) : null;
  return checkPack({
    ...{ pack, coreVersion: "1.0.0", now: Date.now, signal, ownTests },
    ...(only === undefined ? {} : { only }),
  });
};

const inDriver = (from: string | RegExp, to: string): Change[] => [{ file: "driver.js", from, to }];
const swallowed = inDriver(
  'const { name } = await this.read("/about");',
  'let name = ""; try { ({ name } = await this.read("/about")); } catch {}',
);

describe("the conformance kit", () => {
  it("finds a good pack to be platinum", async () => {
    const { tier, missing, checks } = await check([]);
    expect(checks.filter(({ outcome }) => outcome === "failed" || outcome === "missing")).toEqual([]);
    expect({ tier, missing }).toEqual({ tier: "platinum", missing: [] });
  });

  it.each<[CheckName, string, readonly Change[], RegExp]>([
    [
      "manifest",
      "handles that are not the manifest's",
      inDriver('verbs: ["on", "off"]', 'verbs: ["on"]'),
      /^plugin\.yaml:\d+:\d+: \/capabilities\/\d .*on, off.* \(capability_mismatch\)$/,
    ],
    [
      "manifest",
      "a method that asks for more than its call has",
      inDriver("async light_power({ verb, target, dryRun })", "async light_power({ verb, target, dryRun }, more)"),
      /light_power/,
    ],
    [
      "quiet",
      "a driver that prints",
      inDriver("const { name } =", 'console.log("hello"); const { name } ='),
      /printed "hello"/,
    ],
    [
      "connects",
      "a device that says it is in error",
      inDriver('"connected"', '"error"'),
      /no recorded test_connection is connected/,
    ],
    [
      "own_tests",
      "a test that fails",
      [{ file: "driver.test.js", from: "differences, []", to: "differences, [1]" }],
      /not ok/,
    ],
    [
      "recorded",
      "a driver that does something else now",
      inDriver("String(name), attrs", '"a " + name, attrs'),
      /inventory_list type=lamp: .*hall/,
    ],
    ["targets", "a target without a name", inDriver("name: String(name)", 'name: ""'), /has no name/],
    [
      "stable",
      "an inventory that is another each time",
      inDriver("on: on === true", "on: Math.random()"),
      /two calls with the same answers/,
    ],
    [
      "dead_host",
      "a driver that keeps its failures to itself",
      swallowed,
      /expected .*dns_failed.* got status connected/,
    ],
    [
      "refused",
      "a driver that keeps its failures to itself",
      swallowed,
      /expected .*connection_refused.* got status connected/,
    ],
    [
      "hang",
      "a driver that keeps its failures to itself",
      swallowed,
      /expected .*response_timeout.* got status connected/,
    ],
    [
      "wrong_secret",
      "a driver that takes every answer",
      inDriver("if (answer.status === 401)", "if (false)"),
      /expected .*auth_failed.* got status connected/,
    ],
    [
      "wrong_certificate",
      "a driver that keeps its failures to itself",
      swallowed,
      /expected .*tls_untrusted.* got status connected/,
    ],
    [
      "plans",
      "a driver that writes while it plans",
      inDriver(
        "if (dryRun) return",
        'if (dryRun) await this.transports.http.request({ method: "POST", path: "/lamps/1/off" }); if (dryRun) return',
      ),
      /read_only_violation/,
    ],
    ["applies", "a plan that is not sent", inDriver("await this.apply();", ""), /plan_incomplete/],
    [
      "applies",
      "a write beside the plan",
      inDriver("await this.apply();", 'await this.transports.http.request({ method: "POST", path: "/lamps/1/on" });'),
      /recording_mismatch/,
    ],
    [
      "cancels",
      "a driver that goes on",
      inDriver(
        "const answer = await this.transports.http.request({ path });",
        "const answer = await this.transports.http.request({ path }).catch(async (error) => { await new Promise((done) => setTimeout(done, 2_000)); throw error; });",
      ),
      /went on for \d{4} ms/,
    ],
    [
      "hostile_answers",
      "a driver that believes everything",
      inDriver(/if \(!Array\.isArray\(lamps\).*\n/, "\n"),
      /lamps.*driver_failed/,
    ],
    [
      "many_targets",
      "a driver that stops at a hundred",
      inDriver("return lamps.map(", "return lamps.slice(0, 100).map("),
      /expected 10000 targets, got 100/,
    ],
    [
      "documented",
      "a README that says nothing",
      [{ file: "README.md", from: /It lists[\s\S]*/, to: "Lamp." }],
      /at least 50 words/,
    ],
    [
      "documented",
      "a README that still asks for its words",
      [{ file: "README.md", from: /$/, to: `\n${unwritten} What it was tried on.\n` }],
      /your own words/,
    ],
  ])("%s fails for %s", async (name, _, changes, said) => {
    const { checks } = await check(changes, [name]);
    expect(checks).toMatchObject([{ name, detail: expect.stringMatching(said) }]);
    expect(["failed", "missing"]).toContain(checks[0]?.outcome);
  });

  describe("of a device that speaks lines", () => {
    const overTcp: Change = {
      file: "plugin.yaml",
      from: /transports:[\s\S]*?(?=\ndefaults:)/,
      to: 'transports:\n  tcp: { host: "{host}", port: "{port}", reads: [LIST] }',
    };
    const openToAll: Change = { file: "plugin.yaml", from: /\n +token:\n +type: string\n +secret: true/, to: "" };
    const unasked: Change = { file: "plugin.yaml", from: /\n +- token/, to: "" };

    it("asks for no wrong secret where there is none", async () => {
      const { checks } = await check([overTcp, openToAll, unasked], ["wrong_secret"]);
      expect(checks).toMatchObject([{ outcome: "not_applicable", detail: "it has no secrets" }]);
    });

    it("asks for a recording of a wrong secret where there is one", async () => {
      const { checks } = await check([overTcp], ["wrong_secret"]);
      expect(checks).toMatchObject([{ outcome: "missing", detail: expect.stringContaining("auth_failed") }]);
    });
  });

  it("asks for attributes of a known target type in words", async () => {
    const asPort = recording.replaceAll('"type":"lamp"', '"type":"port"').replaceAll("type=lamp", "type=port");
    const changes: Change[] = [
      { file: "plugin.yaml", from: /- lamp/g, to: "- port" },
      ...inDriver('type: "lamp"', 'type: "port"'),
    ];
    const { checks } = await check(changes, ["targets"], asPort);
    expect(checks).toMatchObject([{ detail: expect.stringMatching(/attrs\.link is null, expected up, down/) }]);
  });

  it("makes its contacts with the config of a recording that was connected", async () => {
    const [head = "", ...lines] = recording.split("\n");
    const nowhere = JSON.stringify({ ...JSON.parse(head), config: { host: "127.0.0.1" }, secrets: [] });
    const failed = '{"call":"test_connection"}\n{"failed":{"code":"endpoint_not_allowed","message":"none"}}\n';
    const folder = recordedPack([head, ...lines].join("\n"), []);
    folders.push(folder);
    writeFileSync(join(folder, "recordings/a-first.jsonl"), `${nowhere}\n${failed}`);
    const pack = await readPack(folder);
    const terms = { pack, coreVersion: "1.0.0", now: Date.now, signal, ownTests: null };
    const { checks } = await checkPack({ ...terms, only: ["refused"] });
    expect(checks).toMatchObject([{ outcome: "passed", detail: "" }]);
  });

  it("says the first line of a fault that its own tests tell on several", async () => {
    const wrong: Change = {
      file: "driver.test.js",
      from: "assert.deepEqual(differences, [])",
      to: 'assert.equal("a\\nb", "c\\nd")',
    };
    const { checks } = await check([wrong], ["own_tests"]);
    expect(checks).toMatchObject([{ outcome: "failed", detail: expect.not.stringMatching(/error: [|>]/) }]);
    expect(checks).toMatchObject([{ detail: expect.stringMatching(/error: \w/) }]);
  });

  it("says what is not recorded", async () => {
    const text = await recordLamps(lampCalls.slice(0, 1));
    const { tier, missing, checks } = await check([], undefined, text);
    expect({ tier, missing }).toEqual({ tier: "bronze", missing: ["recorded", "targets"] });
    const outcomes = new Map(checks.map(({ name, outcome }) => [name, outcome]));
    expect(
      ["plans", "applies", "undoes", "every_verb", "many_targets"].map((name) => outcomes.get(name as CheckName)),
    ).toEqual(new Array(5).fill("missing"));
  });

  it("takes no undo for shown that came to nothing", async () => {
    const text = await recordLamps(["run light.power off lamp/9", "undo"]);
    const { checks } = await check([], ["undoes", "every_verb"], text);
    expect(checks.map(({ outcome }) => outcome)).toEqual(["missing", "missing"]);
  });

  it("holds each undo against the run that it took back", async () => {
    const calls = ["run light.power off lamp/1", "run light.power on lamp/2", "undo", "undo", "undo"];
    const { checks } = await check([], ["undoes"], await recordLamps(calls));
    expect(checks).toMatchObject([{ outcome: "passed" }]);
  });

  it("finds an undo that does not lead back", async () => {
    const wrong = inDriver("const to = await this.state(target.id);", 'const to = verb === "on" ? "dim" : "off";');
    const { checks } = await check(wrong, ["undoes"]);
    expect(checks).toMatchObject([{ outcome: "failed", detail: expect.stringMatching(/undo/) }]);
  });
});
