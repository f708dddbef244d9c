/** Who may import whom: a plain scan of import specifiers against the table of the blueprint. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

/** What a folder of src may import besides itself, `model` and `errors`. A path names one file. */
const allowed: Record<string, readonly string[]> = {
  model: [],
  capabilities: [],
  vault: [],
  rules: [],
  store: ["log"],
  transports: ["log", "metrics"],
  packs: ["capabilities"],
  sdk: ["capabilities"],
  live: ["redis", "log"],
  queue: ["redis", "store", "live", "vault/seal", "capabilities", "jobs/catalog", "log", "metrics", "trace"],
  sandbox: ["transports", "sdk", "packs", "log", "metrics"],
  recording: ["sdk", "packs", "sandbox", "transports", "log"],
  testing: ["recording", "sdk", "packs", "sandbox", "transports", "capabilities", "log"],
  upkeep: ["store", "vault", "live", "redis", "log"],
  jobs: ["capabilities", "packs", "rules", "store", "live", "log"],
  workers: [
    ...["jobs", "queue", "live", "store", "vault", "packs", "sandbox", "transports", "redis", "log", "metrics"],
    "trace",
  ],
  api: [
    "queue",
    "store",
    "live",
    "rules",
    "vault/seal",
    "capabilities",
    "jobs/catalog",
    "redis",
    "log",
    "metrics",
    "trace",
    "config",
  ],
  cli: ["capabilities", "jobs/catalog", "config", "upkeep"],
  web: ["capabilities"],
  redis: ["log"],
  log: [],
  metrics: [],
  trace: [],
  config: [],
  errors: [],
};

/** One door per third-party package: the folders or files that may import it. */
const doors: Record<string, readonly string[]> = {
  bullmq: ["queue"],
  ioredis: ["redis"],
  hono: ["api"],
  "@hono/node-server": ["api"],
  "@fastify/busboy": ["api"],
  ajv: ["model/schema", "model/schema-keywords"],
  "ajv-formats": ["model/schema"],
  re2js: ["model/linear-pattern"],
  yaml: ["packs", "config", "cli"],
  yauzl: ["packs"],
  kysely: ["store"],
  "better-sqlite3": ["store"],
  pg: ["store"],
  ssh2: ["transports"],
  "net-snmp": ["transports"],
  undici: ["transports"],
  pino: ["log"],
  "prom-client": ["metrics"],
  commander: ["cli"],
  yazl: ["packs", "upkeep"],
  "node:child_process": ["sandbox", "roles", "transports/process", "cli/editor", "packs/requires", "testing/own-tests"],
};

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly isTypeOnly: boolean;
  /** Loaded when its line is reached. */
  readonly isLate: boolean;
}

const filesBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'"();]*?\sfrom\s+)?["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g;

const importsOf = (file: string): Import[] =>
  [...readFileSync(join(root, file), "utf8").matchAll(importPattern)].map((match) => ({
    file,
    specifier: match[2] ?? match[3] ?? "",
    isTypeOnly: match[1] !== undefined,
    isLate: match[3] !== undefined,
  }));

const moduleOf = (path: string): string => path.replace(/^src\//, "").replace(/\.(ts|mjs)$/, "");
const folderOf = (module: string): string => module.split("/")[0] ?? "";
const covers = (rule: string, module: string): boolean =>
  module === rule || module.startsWith(`${rule}/`) || folderOf(module) === rule;

const sources = filesBelow("src").flatMap(importsOf);
const inner = sources.filter(({ specifier }) => specifier.startsWith("."));

/** Everything that is loaded with a file. */
const loadedWith = (file: string, seen: Map<string, readonly Import[]> = new Map()): readonly Import[] => {
  if (seen.has(file)) return [];
  const imports = importsOf(file).filter(({ isTypeOnly, isLate }) => !isTypeOnly && !isLate);
  seen.set(file, imports);
  for (const { specifier } of imports)
    if (specifier.startsWith(".") && specifier.endsWith(".ts"))
      loadedWith(normalize(join(dirname(file), specifier)), seen);
  return [...seen.values()].flat();
};

const isLawful = ({ file, specifier, isTypeOnly }: Import): boolean => {
  const from = moduleOf(file);
  const to = moduleOf(normalize(join(dirname(file), specifier)));
  const home = folderOf(from);
  if (home === "roles" || from === "main" || specifier.endsWith("package.json")) return true;
  if (folderOf(to) === home || to === "errors") return true;
  if (folderOf(to) === "model") return !(home === "sdk" || home === "web") || isTypeOnly;
  if (
    home === "cli" &&
    from.startsWith("cli/authoring") &&
    ["packs", "testing", "recording", "sandbox", "transports", "log"].includes(folderOf(to))
  )
    return true;
  return (allowed[home] ?? []).some((rule) => covers(rule, to));
};

describe("the import law", () => {
  it("holds between the folders of src", () => {
    const broken = inner.filter((found) => !isLawful(found)).map(({ file, specifier }) => `${file} -> ${specifier}`);
    expect(broken).toEqual([]);
  });

  it("lets each third-party package in through one door", () => {
    const broken = sources
      .filter(({ specifier }) => !specifier.startsWith("."))
      .filter(({ file, specifier }) => {
        const name = Object.keys(doors).find((known) => specifier === known || specifier.startsWith(`${known}/`));
        return (
          name !== undefined &&
          !doors[name]!.some((door) => covers(door, moduleOf(file)) || moduleOf(file).startsWith(door))
        );
      })
      .map(({ file, specifier }) => `${file} -> ${specifier}`);
    expect(broken).toEqual([]);
  });

  it("lets every command start without what only few of them need", () => {
    const packages = new Set(loadedWith("src/cli/main.ts").map(({ specifier }) => specifier));
    expect(packages).toContain("commander");
    for (const name of ["typebox", "ajv/dist/2020.js", "re2js"]) expect(packages).not.toContain(name);
  });

  it("keeps errors free of imports", () => {
    expect(importsOf("src/errors.ts")).toEqual([]);
  });

  it("reads the environment in config and at the command line's entry only", () => {
    const readers = filesBelow("src").filter((file) => /process\.env\b/.test(readFileSync(join(root, file), "utf8")));
    expect(readers.filter((file) => !["src/config.ts", "src/cli/main.ts"].includes(file))).toEqual([]);
  });

  it("lets packs import the sdk alone", () => {
    const foreign = filesBelow("integrations")
      .flatMap(importsOf)
      .filter(({ file, specifier }) => {
        if (specifier.startsWith(".") || specifier === "switchyard/sdk") return false;
        if (specifier === "switchyard/testing" && file.endsWith(".test.ts")) return false;
        return !(file.includes("/test/") || specifier.startsWith("node:"));
      });
    expect(foreign).toEqual([]);
  });

  it("opens secrets in the worker's sessions only", () => {
    const openers = filesBelow("src").filter((file) => /\bvault\.open\(/.test(readFileSync(join(root, file), "utf8")));
    expect(openers.filter((file) => !file.startsWith("src/vault/"))).toEqual(["src/workers/session.ts"]);
  });

  it("gives every file a first line that says what it is for", () => {
    const silent = filesBelow("src").filter((file) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(join(root, file), "utf8")));
    expect(silent).toEqual([]);
  });
});
