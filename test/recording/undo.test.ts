/** `undo` in a recording: which run it takes back, and when it is refused. */
import { afterEach, describe, expect, it } from "vitest";
import { openPack } from "../../src/testing/index.ts";
import { type Change, lampSecret, recordedPack, recordLamps, removePack } from "./lamp.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) removePack(folder);
});

type Line = { failed?: { code: string; message: string }; result?: { effects: { per_target: unknown } } };

/** How each call ended: what it left behind, or the code it failed with. */
const endsOf = (text: string): unknown[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line)
    .filter((line) => line.failed !== undefined || line.result !== undefined)
    .map(({ failed, result }) => failed?.code ?? result?.effects.per_target);

const record = async (calls: readonly string[], changes: readonly Change[] = []) => {
  const text = await recordLamps(calls, lampSecret, changes);
  return { text, ends: endsOf(text) };
};

const replayed = async (text: string, changes: readonly Change[] = []): Promise<readonly string[]> => {
  const folder = recordedPack(text, changes);
  folders.push(folder);
  await using pack = await openPack(folder);
  return (await pack.replay()).flatMap(({ differences }) => differences);
};

const change = (id: string, from: string, to: string) => [{ id, from, to }];

describe("an undo in a recording", () => {
  it("takes back the last run before it that was not undone yet", async () => {
    const calls = ["run light.power off lamp/1", "run light.power on lamp/2", "undo", "undo", "undo"];
    const { text, ends } = await record(calls);
    expect(ends).toEqual([
      change("1", "on", "off"),
      change("2", "off", "on"),
      change("2", "on", "off"),
      change("1", "off", "on"),
      "not_invertible",
    ]);
    expect(await replayed(text)).toEqual([]);
  });

  it("is refused after a run that failed, and writes nothing", async () => {
    const calls = ["run light.power off lamp/1", "run light.power on lamp/9", "undo"];
    const { text, ends } = await record(calls);
    expect(ends).toEqual([change("1", "on", "off"), "target_not_found", "not_invertible"]);
    expect(text).not.toContain("/lamps/1/on");
    expect(await replayed(text)).toEqual([]);
  });

  it("does not mind a run that was never admitted", async () => {
    const { ends } = await record(["run light.power off lamp/1", "run light.power dim lamp/1", "undo"]);
    expect(ends).toEqual([change("1", "on", "off"), "verb_unsupported", change("1", "off", "on")]);
  });

  it("is refused where the device no longer shows what the run left, and can be tried again", async () => {
    const other: Change[] = [
      { file: "driver.js", from: "const to = await this.state(target.id);", to: 'const to = "dim";' },
    ];
    const { text, ends } = await record(["run light.power off lamp/1", "undo", "undo"], other);
    expect(ends).toEqual([change("1", "on", "dim"), "undo_conflict", "undo_conflict"]);
    expect(text).not.toContain("/lamps/1/on");
    expect(await replayed(text, other)).toEqual([]);
  });
});
