/** Planted secrets at an author's: nothing of them in recordings, in what the commands tell, or in what replays show. */
import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Author, openAuthor, type Told } from "../kit/author.ts";
import { type HttpDevice, startHttp } from "../kit/device.ts";
import { filesBelow } from "../kit/files.ts";
import { canaries, canaryDevice, short } from "./canary-device.ts";
import { canaryPack, hows } from "./canary-pack.ts";
import { findIn } from "./search.ts";
import { unpacked } from "./unpack.ts";

const secrets = { token: canaries.long, short, quoted: canaries.quoted, encoded: canaries.encoded, pin: canaries.pin };
/** What waits for something that does not happen here. */
const lasting = ["waits", "slow"];

describe("secrets at an author's", () => {
  let author: Author;
  let device: HttpDevice;
  let folder: string;
  const told: Told[] = [];
  const run = async (...args: string[]): Promise<Told> => {
    const ran = await author.run(args);
    told.push(ran);
    return ran;
  };
  const connection = (): string[] => {
    const given = Object.entries(secrets).flatMap(([name, value]) => {
      const file = join(author.home, `given-${name}`);
      writeFileSync(file, value, { mode: 0o600 });
      return ["--secret", `${name}=@${file}`];
    });
    return ["--set", "host=127.0.0.1", "--set", `port=${device.port}`, "--set", "user=joe", ...given];
  };
  const record = (name: string, mood: string, calls: readonly string[]): Promise<Told> => {
    const out = join(folder, "recordings", `${name}.jsonl`);
    const asked = calls.flatMap((call) => ["--call", call]);
    return run("record", folder, ...connection(), "--set", `mood=${mood}`, "--allow-writes", "--out", out, ...asked);
  };
  const places = (): readonly string[] => filesBelow(author.home).filter((file) => !/\/given-\w+$/.test(file));
  const found = async (): Promise<string[]> => {
    const files = await Promise.all(places().map(async (file) => [file, await readFile(file)] as const));
    const spoken = ["the commands' words", Buffer.from(told.map(({ out, err }) => out + err).join("\n"))] as const;
    return [spoken, ...files.flatMap(unpacked)].flatMap(([place, bytes]) =>
      findIn({ ...canaries, short }, place, bytes),
    );
  };

  beforeAll(async () => {
    author = openAuthor();
    device = await startHttp(canaryDevice());
    folder = author.write("canary", canaryPack());
  });
  afterAll(async () => {
    author.dispose();
    await device.close();
  });

  test("are not in a recording of any call, nor in what is told meanwhile", { timeout: 120_000 }, async () => {
    const looks = hows
      .filter((how) => !lasting.includes(how))
      .map((how) => `read canary.look read vm/1 how=${how} pin=[secret:pin]`);
    expect(looks.length).toBeGreaterThan(20);
    const acts = ["both:says", "apply:throws", "after:fine", "blocked:fine"].flatMap((how) => [
      `plan canary.act go vm/1 how=${how}`,
      `run canary.act go vm/1 how=${how}`,
    ]);
    const writes = ["1", "401", "hang", "reset"].map((how) => `run canary.free go vm/1 how=${how}`);
    await record("looks", "", ["test_connection", "inventory_list type=vm", ...looks]);
    await record("acts", "", [...acts, "run canary.act go vm/1 how=both:says", "undo", ...writes]);
    for (const mood of ["error", "throws", "shape"]) {
      await record(mood, mood, ["test_connection", "inventory_list type=vm"]);
    }
    const recordings = places().filter((file) => file.endsWith(".jsonl"));
    expect(recordings).toHaveLength(5);
    for (const file of recordings) expect(await readFile(file, "utf8")).toContain("[secret:token]");
    expect(told.map(({ err }) => err).join()).toContain("[secret:token]");
    expect(await found()).toEqual([]);
  });

  test("are refused as parameters that are written out, which a recording would keep", async () => {
    const call = `read canary.look read vm/1 how=fine pin=${canaries.pin}`;
    const { code, err } = await record("refused", "", [call]);
    expect([code, err]).toEqual([2, expect.stringContaining("--secret pin=@file")]);
    expect(await found()).toEqual([]);
  });

  test("are given to a driver as handles, in a replay as well", async () => {
    const text = await readFile(join(folder, "recordings", "looks.jsonl"), "utf8");
    expect(text).toContain('"pin":"[secret:pin]"');
    const driver = (canaryPack()["driver.ts"] ?? "").replace(
      "pin: params.pin ?? null",
      "pin: /^swh_[0-9a-f]{32}$/.test(params.pin)",
    );
    const changed = author.write("handles", { ...canaryPack(), "driver.ts": driver, "recordings/looks.jsonl": text });
    const { out } = await run("replay", changed);
    expect(out).toMatch(/pin.*true/);
  });

  test("are not in a replay, whether it is as it was or shows what a changed driver does", async () => {
    const replayed = await run("replay", folder);
    expect(replayed.out).toContain("looks.jsonl");
    const driver = canaryPack()["driver.ts"] ?? "";
    const changes = [
      ['echo(path = "/echo")', 'echo(path = "/another")'],
      ['note: "n"', 'note: "changed"'],
      [
        'path: "/free/" + (params.how ?? "1"), json: { password: this.secrets.quoted }',
        'path: "/free/" + (params.how ?? "1"), json: { password: this.secrets.token }',
      ],
    ];
    for (const [from = "", to = ""] of changes) {
      expect(driver).toContain(from);
      const changed = author.write("canary", { ...canaryPack(), "driver.ts": driver.replaceAll(from, to) });
      for (const more of [[], ["--json"]]) {
        const { code, out } = await run("replay", changed, ...more);
        expect([code, /recording_mismatch/.test(out)]).toEqual([1, true]);
      }
    }
    expect(await found()).toEqual([]);
  });

  test("are not in what a check and a build say and make", { timeout: 180_000 }, async () => {
    folder = author.write("canary", canaryPack());
    const checked = await run("check", folder, "--write");
    expect(checked.out).toMatch(/bronze|silver|tier/i);
    await run("build", folder, "--out", join(author.home, "canary.int"));
    expect(places()).toContain(join(author.home, "canary.int"));
    expect(await found()).toEqual([]);
  });
});
