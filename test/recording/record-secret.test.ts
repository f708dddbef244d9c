/** A secret on its way to `record`: from standard input or typed unseen, and never where other users of the machine look. */
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type HttpDevice, sendJson, startHttp } from "../kit/device.ts";
import { hasPrograms } from "../kit/program.ts";
import { openShell, type Shell, type ShellTerms } from "../kit/shell.ts";
import { descendants } from "../kit/system.ts";
import { removePack, writeLampPack } from "./lamp.ts";

const secret = "a-lamp-token-of-some-length";

/** What any process of this user can read of another: its arguments, and its environment. */
const shownOf = (pid: number): string => {
  const read = (name: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, "latin1");
    } catch {
      return "";
    }
  };
  return read("cmdline") + read("environ");
};

describe("record --secret token=-", () => {
  let shell: Shell;
  let lamp: HttpDevice;
  /** What is looked at while the device is asked. */
  let whileAsked: () => void = () => undefined;
  beforeAll(async () => {
    shell = openShell();
    const folder = writeLampPack();
    cpSync(folder, join(shell.home, "lamp"), { recursive: true });
    removePack(folder);
    lamp = await startHttp((_, response) => {
      whileAsked();
      sendJson(response, { name: "Desk" });
    });
  });
  afterAll(async () => {
    shell.dispose();
    await lamp.close();
  });
  let seenBefore = 0;
  beforeEach(() => {
    whileAsked = () => undefined;
    seenBefore = lamp.seen.length;
  });
  const command = (): string =>
    `npx switchyard record lamp --force --set host=127.0.0.1 --set port=${lamp.port} --secret token=- --call test_connection`;
  const record = (terms: ShellTerms) => shell.run(command(), terms);
  const sent = () => lamp.seen.slice(seenBefore).map(({ headers }) => headers.authorization);

  it.each([
    ["with a line end", `${secret}\n`],
    ["with the line end of Windows", `${secret}\r\n`],
    ["without one", secret],
  ])("takes what stands on standard input, %s", async (_, input) => {
    expect(await record({ input })).toMatchObject({ code: 0, err: expect.stringContaining("ok   test_connection") });
    expect(sent()).toEqual([`Bearer ${secret}`]);
    const recordings = readdirSync(join(shell.home, "lamp/recordings"));
    for (const name of recordings) {
      expect(readFileSync(join(shell.home, "lamp/recordings", name), "utf8")).not.toContain(secret);
    }
  });

  it.skipIf(!existsSync("/proc/self/environ"))("shows it to nobody who lists processes", async () => {
    let looked: { readonly pid: number; readonly title: string }[] = [];
    let isShown = false;
    whileAsked = () => {
      looked = descendants(process.pid);
      isShown = looked.some(({ pid }) => shownOf(pid).includes(secret));
    };
    expect(await record({ input: `${secret}\n` })).toMatchObject({ code: 0 });
    expect(looked.filter(({ title }) => title.includes("token=-")).length).toBeGreaterThan(0);
    expect(looked.filter(({ title }) => title.includes("switchyard-sandbox")).length).toBeGreaterThan(0);
    expect(isShown).toBe(false);
  });

  it.each([
    ["nothing", ""],
    ["an empty line", "\n"],
  ])("asks no device when %s comes, and says what was expected", async (_, input) => {
    expect(await record({ input })).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--secret token: expected a value on standard input, got nothing/),
    });
    expect(sent()).toEqual([]);
  });

  it("is the only way on a command line", async () => {
    const told = await shell.run(command().replace("token=-", `token=${secret}`));
    expect(told).toMatchObject({ code: 2, err: expect.stringContaining("--secret token=-") });
    expect(told.err).not.toContain(secret);
    expect(sent()).toEqual([]);
  });

  describe.skipIf(!hasPrograms("script"))("on a terminal", () => {
    /** Answers the question once. */
    const typing = (text: string) => {
      let isAsked = false;
      return (screen: string): string | undefined => {
        if (isAsked || !screen.includes("token: ")) return undefined;
        isAsked = true;
        return text;
      };
    };

    it("asks for it, and shows nothing of what is typed", async () => {
      const { code, out } = await record({ type: typing(`${secret}\r`) });
      expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining("ok   test_connection") });
      expect(out).toContain("token: \r\n");
      expect(out).not.toMatch(/a-lamp|of-some|length/);
      expect(sent()).toEqual([`Bearer ${secret}`]);
    });

    it.each([
      ["an answer that is left empty", "\r", 2],
      ["Ctrl-C", "\u0003", 6],
      ["the end of input", "\u0004", 6],
    ])("asks no device after %s", async (_, typed, code) => {
      const told = await record({ type: typing(typed) });
      expect(told).toMatchObject({ code });
      expect(sent()).toEqual([]);
    });
  });
});
