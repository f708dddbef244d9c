/** Where a secret could have been left by a system: each place is a test that it is not there. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { filesBelow } from "../kit/files.ts";
import { ofLiving } from "../kit/living.ts";
import { descendants } from "../kit/system.ts";
import type { Planted, Seen } from "./planted-system.ts";
import { type Canaries, findIn, findPlain, memoryOf, shownBy } from "./search.ts";
import { type Content, unpacked } from "./unpack.ts";

export interface Places {
  planted(): Planted;
  canaries(): Canaries;
  /** Has every sandbox use what it was given once more. */
  use(): Promise<unknown>;
  /** What must be so of the jobs before a search says anything. */
  expectSeen(seen: Seen): void;
  /** A word that is in the database for certain. */
  readonly kept: string;
  /** Packed places that the last search must have come to. */
  readonly packed: readonly RegExp[];
}

/** The soft and the hard limit of its core file; none when it is gone. */
const limitsOf = (pid: number): readonly string[] => {
  const limits = ofLiving(() => readFileSync(`/proc/${pid}/limits`, "utf8"), undefined);
  if (limits === undefined) return [];
  return [/^Max core file size\s+(\S+)\s+(\S+)/m.exec(limits)?.slice(1).join(" ") ?? ""];
};

/** The last test stops the system: its files are whole then. */
export const searchPlaces = ({ planted, canaries, use, expectSeen, kept, packed }: Places): void => {
  const search = (contents: readonly Content[]): string[] =>
    contents.flatMap(([place, bytes]) => findIn(canaries(), place, bytes));

  it("are in no reply, no event, no list and no file of a job", { timeout: 180_000 }, async () => {
    const seen = await planted().readAll();
    expectSeen(seen);
    const { replies, files } = planted();
    const answered: Content = ["replies", Buffer.from(JSON.stringify(replies))];
    expect(search([answered, ...files.flatMap(unpacked)])).toEqual([]);
    expect(JSON.stringify(replies)).toContain("[secret:");
  });

  it("are in no log", () => {
    const { system } = planted();
    expect(system.output().length).toBeGreaterThan(1_000);
    expect(search([["the log", Buffer.from(system.output())]])).toEqual([]);
  });

  it("are in no argument and no environment of a process", async () => {
    await use();
    const { system } = planted();
    const processes = descendants(system.pid);
    expect(processes.length).toBeGreaterThan(3);
    const key = readFileSync(join(system.dataDir, "master.key"), "utf8").trim();
    const all = { ...canaries(), "the admin's token": system.token, "the master key": key };
    const found = [system.pid, ...processes.map(({ pid }) => pid)].flatMap((pid) =>
      findIn(all, `process ${pid}`, shownBy(pid)),
    );
    expect(found).toEqual([]);
  });

  it("are in no sandbox's memory, though its driver has used every one of them", async () => {
    await use();
    const { system } = planted();
    const pids = system.pids("switchyard-sandbox");
    expect(pids.length).toBeGreaterThan(0);
    const chunks = pids.flatMap(memoryOf);
    expect(chunks.some((chunk) => chunk.includes("[secret:") || chunk.includes("swh_"))).toBe(true);
    expect(chunks.flatMap((chunk) => findPlain(canaries(), "a sandbox", chunk))).toEqual([]);
  });

  it("are in no core file: no process of ours may leave one", () => {
    const { pid } = planted().system;
    const pids = [pid, ...descendants(pid).map((found) => found.pid)];
    expect(new Set(pids.flatMap(limitsOf))).toEqual(new Set(["0 0"]));
    expect(readdirSync(process.cwd()).filter((name) => /^core(\.\d+)?$/.test(name))).toEqual([]);
  });

  it("are in no file of the data folder, neither Redis' nor the database's, but sealed", async () => {
    const { system, remembered } = planted();
    const { dataDir } = system;
    await system.stop();
    const files = filesBelow(dataDir).map((file): Content => [file, readFileSync(file)]);
    const all = [...files, ...(remembered.contents?.() ?? [])].flatMap(unpacked);
    const database = remembered.contents === undefined ? "switchyard.db" : "the dump";
    const [, content] = all.find(([file]) => file.endsWith(database)) ?? [];
    expect(content?.includes(kept)).toBe(true);
    const places = all.map(([place]) => place);
    for (const place of [/appendonly.*aof$/, ...packed]) expect(places).toContainEqual(expect.stringMatching(place));
    expect(search(all)).toEqual([]);
  });
};
