/** What a driver may import says of itself what it is: each thing, and each member of it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../../src");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const names = [...read("sdk/index.ts").matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = ""]) =>
  list
    .split(",")
    .map((name) => name.trim().replace(/^type /, ""))
    .filter((name) => name !== ""),
);
const files = [
  ...readdirSync(join(root, "sdk")).map((name) => `sdk/${name}`),
  ...["plan", "target", "json"].map((name) => `model/${name}.ts`),
];

const declared = (line: string): string | undefined =>
  /^export (?:declare )?(?:interface|class|type|const) (\w+)/.exec(line)?.[1];

const member = (line: string): string | undefined =>
  /^ {2}(?:declare |readonly |async )*(?!constructor|private)(\w+)\??[:(<]/.exec(line)?.[1];

/** What a line names that a driver may name; `owner` is what is being declared around it. */
const nameAt = (line: string, owner: string | undefined): string | undefined => {
  const found = declared(line);
  if (found !== undefined) return found === owner ? found : undefined;
  const inner = /\bprivate\b/.test(line) ? undefined : member(line);
  return owner === undefined || inner === undefined ? undefined : `${owner}.${inner}`;
};

/** Everything in a file that a driver may name, and whether a comment stands before it. */
const toldIn = (file: string): { name: string; isTold: boolean }[] => {
  let owner: string | undefined;
  return read(file)
    .split("\n")
    .flatMap((line, at, lines) => {
      const found = declared(line);
      if (found !== undefined || /^\};?$/.test(line)) owner = names.find((name) => name === found);
      const name = nameAt(line, owner);
      return name === undefined ? [] : [{ name, isTold: lines[at - 1]?.trimEnd().endsWith("*/") === true }];
    });
};

it("has a comment on everything that is exported, and on each of its members", () => {
  const told = files.flatMap(toldIn);
  expect(names.filter((name) => !told.some((one) => one.name === name))).toEqual([]);
  expect(told.length).toBeGreaterThan(120);
  expect(told.filter(({ isTold }) => !isTold).map(({ name }) => name)).toEqual([]);
});

it("names the errors and the units of what goes over the network", () => {
  const text = files.map(read).join("\n");
  const before = (line: string): string =>
    /\/\*\*(?:(?!\*\/)[\s\S])*\*\/$/.exec(text.slice(0, text.indexOf(line)).trimEnd())?.[0] ?? "";
  expect(before("request(request: HttpRequest)")).toMatch(/connection_refused[\s\S]*response_timeout/);
  expect(before("open(): Promise<TcpConnection>")).toMatch(/connection_refused[\s\S]*connect_timeout/);
  for (const [, line = ""] of text.matchAll(/\n( {2}readonly \w+_ms\??:.*)/g))
    expect(before(line), line).toMatch(/millisecond/i);
});
