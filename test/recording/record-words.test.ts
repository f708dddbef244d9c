/** What `record` tells while it records, what it takes for a parameter, and how it refuses. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callLines } from "../../src/cli/authoring/record-lines.ts";
import type { Json } from "../../src/model/json.ts";
import { readPack } from "../../src/recording/pack.ts";
import { createRecorder } from "../../src/recording/recorder.ts";
import { openRealSession } from "../../src/recording/session.ts";
import { openPack } from "../../src/testing/index.ts";
import { type Author, openAuthor } from "../kit/author.ts";
import { type Change, lampSecret, recordLamps, removePack, startLamps, writeLampPack } from "./lamp.ts";

const folders: string[] = [];
const lampPack = (changes: readonly Change[] = []): string => {
  const folder = writeLampPack(changes);
  folders.push(folder);
  return folder;
};

describe("record", () => {
  let author: Author;
  let lamps: Awaited<ReturnType<typeof startLamps>>;
  const connection = (): string[] => {
    writeFileSync(join(author.home, "token"), lampSecret, { mode: 0o600 });
    const set = Object.entries(lamps.config).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    return [...set, "--secret", `token=@${join(author.home, "token")}`];
  };
  beforeAll(async () => {
    author = openAuthor();
    lamps = await startLamps();
  });
  afterAll(async () => {
    author.dispose();
    folders.splice(0).forEach(removePack);
    await lamps.close();
  });

  it("tells what the driver says, as it says it, without a secret", async () => {
    const said = 'this.log.info("asking with " + "SECRET"); const { name } =';
    const folder = lampPack([{ file: "driver.js", from: "const { name } =", to: said.replace("SECRET", lampSecret) }]);
    const { code, err } = await author.run(["record", folder, ...connection(), "--call", "test_connection"]);
    expect({ code, err }).toEqual({
      code: 0,
      err: expect.stringMatching(/info {2}asking with \[secret:token\]\nok {3}test/),
    });
    const json = await author.run([
      "record",
      folder,
      ...connection(),
      "--force",
      "--json",
      "--call",
      "test_connection",
    ]);
    expect(json.err).toBe("");
  });

  it("says where a recording must lie that replay is to see", async () => {
    const folder = lampPack();
    const out = ["--out", "elsewhere.jsonl", "--call", "test_connection"];
    const { err } = await author.run(["record", folder, ...connection(), ...out]);
    expect(err).toMatch(/recordings and ends in \.jsonl: move it there/);
    expect(existsSync(join(author.home, "elsewhere.jsonl"))).toBe(true);
    const usual = await author.run(["record", folder, ...connection(), "--call", "test_connection"]);
    expect(usual.err).not.toContain("move it there");
  });

  it("reads a parameter as its schema says, whatever it looks like", async () => {
    const asText: Change = {
      file: "plugin.yaml",
      from: /type: integer(\s+)default: 3/,
      to: 'type: string$1default: "3"',
    };
    const text = await recordLamps(["plan light.power off lamp/1 after_s=007"], lampSecret, [asText]);
    expect(text).not.toContain('"failed"');
    const number = await recordLamps(["plan light.power off lamp/1 after_s=7"]);
    expect(number).not.toContain('"failed"');
    expect(await recordLamps(["plan light.power off lamp/1 after_s=soon"])).toContain("params_invalid");
  });

  it("takes what was typed for the text that a parameter may be beside nothing", async () => {
    const nullable: Change = {
      file: "plugin.yaml",
      from: /type: integer(\s+)default: 3/,
      to: 'type: [string, "null"]$1enum: ["1", null]',
    };
    const calls = ["1", '"1"', "null", "2"].map((value) => `plan light.power off lamp/1 after_s=${value}`);
    const text = await recordLamps(calls, lampSecret, [nullable]);
    const failed = text.split("\n").filter((line) => line.includes('"failed"'));
    expect(failed).toHaveLength(1);
    expect(failed[0]).toContain('/after_s expected one of \\"1\\", null, got \\"2\\"');
  });

  it("shows what a device said to a write that it did not take", () => {
    const refused = {
      seq: 1,
      transport: "tcp",
      request: { send: ["SET a 1"] },
      ms: 1,
      step: 0,
      ok: false,
      status: null,
    };
    const error = { code: "device_error", message: "Step 0 was answered with a failure." };
    const exchanges = [{ ...refused, answer: { lines: ["-ERR no such thing"] } }];
    expect(callLines({ call: "run a set b/1", exchanges, error })).toEqual([
      "FAIL run a set b/1: 1 request, device_error: Step 0 was answered with a failure.",
      "       the device was told: SET a 1",
      "       and answered: refused -ERR no such thing",
    ]);
  });

  it("says what a test of the connection came to, and how many targets a list has; of a read nothing more", () => {
    const lineOf = (call: string, result: Json) => callLines({ call, exchanges: [], result });
    const tested = { status: "degraded", message: "one fan\n stands", latency_ms: 3, details: { version: "1.6.2" } };
    expect(lineOf("test_connection", tested)).toEqual([
      'ok   test_connection: 0 requests, degraded one fan stands {"version":"1.6.2"}',
    ]);
    expect(lineOf("test_connection", { status: "connected", latency_ms: 1 })).toEqual([
      "ok   test_connection: 0 requests, connected",
    ]);
    expect(lineOf("inventory_list type=slab", [{}, {}])).toEqual([
      "ok   inventory_list type=slab: 0 requests, 2 targets",
    ]);
    expect(lineOf("read a get b/1", { ok: true, details: { a: 1 } })).toEqual(["ok   read a get b/1: 0 requests"]);
  });

  it("gives a test of the connection no longer than a job does", async () => {
    const pack = await readPack(lampPack());
    const limits: number[] = [];
    const pool = {
      call: async ({ timeoutMs }: { timeoutMs: number }) => {
        limits.push(timeoutMs);
        return { status: "connected" };
      },
    };
    const { signal } = new AbortController();
    const { config } = lamps;
    const open = openRealSession({ manifest: pack.manifest, config, secrets: [], now: Date.now });
    const stage = { level: "full", pool, close: async () => undefined } as never;
    const recorder = createRecorder({ stage, pack, config, open, now: Date.now, signal });
    await recorder.record("test_connection", { kind: "test" });
    await recorder.record("inventory_list type=lamp", { kind: "inventory", targetType: "lamp" });
    open.close();
    expect(limits).toEqual([60_000, 300_000]);
  });

  it.each([
    ["record", "nowhere", "--call", "test_connection"],
    ["replay", "nowhere"],
    ["check", "nowhere"],
  ])("is refused with a folder that is not there: %s", async (...args) => {
    const { code, err } = await author.run(args);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/There is no folder .*nowhere/) });
  });

  it("is told in words where an archive cannot be written", async () => {
    const { code, err } = await author.run(["build", lampPack(), "--out", "nowhere/lamp.int"]);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/there is no such file or folder.*ENOENT/s) });
    expect(err).not.toContain("made a mistake");
  });

  it("is what a pack without recordings is told to do", async () => {
    await using pack = await openPack(lampPack());
    await expect(pack.replay()).rejects.toMatchObject({ message: expect.stringMatching(/no recordings: make one/) });
  });
});
