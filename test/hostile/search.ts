/** Looks for secrets, in every form, wherever a running system could have left them. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { ofLiving } from "../kit/living.ts";

/** As a dump of PostgreSQL writes it. */
const inDump = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t");

/** The forms in which a value may lie around. */
export const formsOf = (value: string): readonly Buffer[] => {
  const bytes = Buffer.from(value);
  const inJson = JSON.stringify(value).slice(1, -1);
  const inJsonTwice = JSON.stringify(JSON.stringify(value)).slice(3, -3);
  const texts = [
    value,
    encodeURIComponent(value),
    ...[inJson, inJsonTwice, inDump(value), inDump(inJson), inDump(inJsonTwice)],
    bytes.toString("hex"),
    bytes.toString("base64").replace(/=+$/, "").slice(0, -1),
    Buffer.concat([Buffer.from("x"), bytes])
      .toString("base64")
      .slice(2, -4),
    Buffer.concat([Buffer.from("xy"), bytes])
      .toString("base64")
      .slice(3, -4),
  ];
  // What is shorter stands somewhere by chance.
  const telling = [...new Set(texts)].filter((text) => text.length >= Math.min(value.length, 8));
  return telling.map((text) => Buffer.from(text)).concat(Buffer.from(value, "utf16le"));
};

export type Canaries = Readonly<Record<string, string>>;

/** Where a canary was found: `<name> in <place>`. */
export const findIn = (canaries: Canaries, place: string, content: Buffer): string[] =>
  Object.entries(canaries)
    .filter(([, value]) => formsOf(value).some((form) => content.includes(form)))
    .map(([name]) => `${name} in ${place}`);

/** The same for values as they are: in memory they would be looked for in too many bytes otherwise. */
export const findPlain = (canaries: Canaries, place: string, content: Buffer): string[] =>
  Object.entries(canaries)
    .filter(([, value]) => content.includes(value) || content.includes(Buffer.from(value, "utf16le")))
    .map(([name]) => `${name} in ${place}`);

interface Region {
  readonly start: number;
  readonly length: number;
}

const regionsOf = (pid: number): readonly Region[] =>
  readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .filter((line) => / rw.p /.test(line))
    .map((line) => {
      const [start = 0, end = 0] = (line.split(" ")[0] ?? "").split("-").map((text) => Number.parseInt(text, 16));
      return { start, length: end - start };
    });

const readRegion = (descriptor: number, { start, length }: Region): Buffer => {
  const bytes = Buffer.alloc(length);
  try {
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, start));
  } catch {
    return Buffer.alloc(0);
  }
};

const readMemory = (pid: number): readonly Buffer[] => {
  const descriptor = openSync(`/proc/${pid}/mem`, "r");
  try {
    return regionsOf(pid)
      .filter(({ length }) => length <= 64 * 1024 * 1024)
      .map((region) => readRegion(descriptor, region));
  } finally {
    closeSync(descriptor);
  }
};

/** What a process has in its memory; nothing where we may not look, or when it is gone. */
export const memoryOf = (pid: number): readonly Buffer[] => ofLiving(() => readMemory(pid), []);

/** Its arguments and its environment, as everybody with its rights can read them; nothing when it is gone. */
export const shownBy = (pid: number): Buffer =>
  Buffer.concat(
    ["cmdline", "environ"].map((file) => ofLiving(() => readFileSync(`/proc/${pid}/${file}`), Buffer.alloc(0))),
  );
