/** docs/cli.md, the hints and the program's own list of commands tell the same. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { withCommands } from "../../src/cli/program.ts";
import type { JobKind } from "../../src/jobs/catalog.ts";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const page = read("docs/cli.md");

/** Of every command that enqueues; told once, above the table. */
const common = ["--wait", "--watch", "--timeout"];

interface Known {
  readonly usage: string;
  readonly options: readonly string[];
}

const visible = (command: Command): readonly Command[] => command.commands.filter((one) => !one.name().startsWith("_"));

const commandsOf = (command: Command, path: readonly string[] = []): Known[] =>
  visible(command).flatMap((one) => {
    const names = [...path, one.name()];
    const args = one.registeredArguments.map((each) => (each.required ? `<${each.name()}>` : `[${each.name()}]`));
    const options = one.options.flatMap(({ long }) => (long && !common.includes(long) ? [long] : []));
    return [{ usage: [...names, ...args].join(" "), options }, ...commandsOf(one, names)];
  });

const nothing = () => async () => undefined;
const program = withCommands(new Command("switchyard"), nothing, nothing);
const known = commandsOf(program);
/** A command that only gathers others does nothing by itself. */
const gathers = ["token", "secrets", "schema"];

const rows = [...page.matchAll(/^\| `([^`]+)` \| (.*?) \| (.+) \|$/gm)]
  .map(([, usage = "", options = "", prints = ""]) => ({
    usage,
    options: [...options.matchAll(/`(--[\w-]+)`/g)].map(([, option]) => option),
    prints,
  }))
  .concat(
    [...page.matchAll(/^\| `([^`]+)` \| \| (.+) \|$/gm)].map(([, usage = "", prints = ""]) => ({
      usage,
      options: [],
      prints,
    })),
  );

const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`);

describe("the page about the command line", () => {
  it("has a row for every command, with its options, and none besides", () => {
    const wanted = known.filter(({ usage }) => !gathers.includes(usage));
    const listed = new Map(rows.map((row) => [row.usage, row.options]));
    expect([...listed.keys()].sort()).toEqual(wanted.map(({ usage }) => usage).sort());
    for (const { usage, options } of wanted)
      expect([...(listed.get(usage) ?? [])].sort(), usage).toEqual([...options].sort());
  });

  it("lists the exit codes that there are", () => {
    const listed = [...page.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));
    expect(listed).toEqual(Object.values(exitCodes).sort((a, b) => a - b));
  });

  it("names documents that the API describes", () => {
    const described = new Set([...read("src/api/schemas/index.ts").matchAll(/^ {2}(\w+): /gm)].map(([, name]) => name));
    const named = rows.flatMap(({ prints }) => [...prints.matchAll(/`([A-Z]\w+)(?:\[\])?`/g)].map(([, name]) => name));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => !described.has(name))).toEqual([]);
  });
});

const inText = /npx switchyard ([a-z][\w-]*)/g;
const inCode = /npx switchyard ([a-z][\w-]*)|\bcall\("([a-z][\w-]*)"/g;

/** The commands that ask for work of each kind; a kind that is added wants its row. */
const asking: Readonly<Record<JobKind, readonly string[]>> = {
  "pack.install": ["install"],
  "pack.validate": ["validate"],
  "pack.rescan": ["rescan"],
  "pack.remove": ["remove"],
  "pack.rollback": ["rollback"],
  "instance.test_connection": ["test"],
  "instance.refresh_inventory": ["refresh"],
  "action.plan": ["plan"],
  "action.run": ["run", "undo", "retry"],
  "vault.rotate": ["secrets rotate"],
  "system.backup": ["backup"],
  "system.support_bundle": ["support-bundle"],
};

const optionsOf = (command: Command, path = ""): [string, readonly string[]][] =>
  command.commands.flatMap((one) => {
    const name = `${path}${one.name()}`;
    return [[name, one.options.map(({ long }) => long ?? "")], ...optionsOf(one, `${name} `)];
  });

describe("a command that enqueues", () => {
  it("can be waited for, watched and given up, and no other says that it can", () => {
    const waiting = optionsOf(program).filter(([, options]) => common.every((option) => options.includes(option)));
    expect(waiting.map(([name]) => name).sort()).toEqual(Object.values(asking).flat().sort());
  });
});

describe("a command in a hint", () => {
  const files = ["README.md", "docs/cli.md", ...sources("src"), ...sources("lab")];

  it("is one that there is", () => {
    const names = new Set(visible(program).map((command) => command.name()));
    const told = files.flatMap((file) =>
      [...read(file).matchAll(file.startsWith("src/cli/") ? inCode : inText)].map(([, typed, called]) => ({
        file,
        name: typed ?? called ?? "",
      })),
    );
    expect(told.length).toBeGreaterThan(20);
    expect(told.filter(({ name }) => !names.has(name))).toEqual([]);
  });

  it("begins with what works from a checkout", () => {
    const bare = sources("src/cli").flatMap((file) =>
      [...read(file).matchAll(/(?<!npx |from )\bswitchyard (?=[a-z]+ ?[<\w-])[^\n]{0,40}/g)].map(
        ([line]) => `${file}: ${line}`,
      ),
    );
    expect(bare.filter((line) => !line.startsWith("src/cli/commands/completion.ts"))).toEqual([]);
  });
});
