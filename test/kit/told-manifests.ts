/** The summary that the manifests of the first packs were written out from, where it lies beside this checkout. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "../../../shared/seeds");
const name = existsSync(folder) ? readdirSync(folder).find((file) => file.startsWith("000")) : undefined;
/** Empty where there is none. */
export const told = name === undefined ? "" : readFileSync(join(folder, name), "utf8");

interface Told {
  readonly facts: Readonly<Record<string, string>>;
  readonly capabilities: readonly { id: string; verbs: string[]; targets: string[]; dry_run: string }[];
}

const listIn = (words = ""): string[] => words.replaceAll(/[[\]]/g, "").split(/,\s*/);

/** `  - id: x` begins a summary; what is indented below it are its facts and its capabilities. */
const tellOf = (id: string): Told => {
  const from = told.indexOf(`- id: ${id}\n`);
  const block = told.slice(from).split(/\n\n/, 1)[0] ?? "";
  const lines = block.split("\n").map((line) => line.trim().replace(/^- /, ""));
  const facts = lines.map((line) => /^([\w.]+): (.+)$/.exec(line)).filter((match) => match !== null);
  const capabilities = lines.flatMap((line) => {
    const [, own = "", verbs, targets, dryRun = ""] =
      /^([\w.]+): verbs=(\[.*?\]), targets=(\[.*?\]), dry_run=(\w+)/.exec(line) ?? [];
    return own === "" ? [] : [{ id: own, verbs: listIn(verbs), targets: listIn(targets), dry_run: dryRun }];
  });
  return { facts: Object.fromEntries(facts.map(([, key = "", value = ""]) => [key, value])), capabilities };
};

const whole = (words: string) => (/^\d+$/.test(words) ? Number(words) : words === "true" ? true : words);

/** `timeout_s:5, retries:2` and `transports.ssh(timeout_s:30,port:22)` as objects. */
const settingsIn = (words: string): Record<string, unknown> =>
  Object.fromEntries([...words.matchAll(/(\w+):\s*([\w.]+)/g)].map(([, key = "", value = ""]) => [key, whole(value)]));

const defaultsOf = ({ facts }: Told): Record<string, unknown> => {
  const { defaults = "", "defaults.http": http } = facts;
  const transports = [...defaults.matchAll(/transports\.(\w+)\(([^)]*)\)/g)].map(([, kind = "", inner = ""]) => [
    kind,
    settingsIn(inner),
  ]);
  const plain = settingsIn(defaults.replaceAll(/transports\.\w+\([^)]*\)/g, ""));
  return {
    ...plain,
    ...(http === undefined ? {} : { http: settingsIn(http) }),
    ...(transports.length === 0 ? {} : { transports: Object.fromEntries(transports) }),
  };
};

const testOf = (words: string): Record<string, unknown> => {
  const [, method, path, success_when] = /http \((\w+) (\S+); success_when: ([^)]+)\)/.exec(words) ?? [];
  return method === undefined ? { method: "driver" } : { method: "http", request: { method, path }, success_when };
};

/** What the summary says of a manifest, as one. */
export const toldManifest = (id: string): Record<string, unknown> => {
  const summary = tellOf(id);
  const { facts, capabilities } = summary;
  const secrets = listIn(facts["schema.connection.secrets"]);
  const required = listIn(facts["schema.connection.required"]);
  const properties = Object.fromEntries(
    [...new Set([...required, ...secrets])].map((field) => [
      field,
      { type: /port$/.test(field) ? "integer" : "string", ...(secrets.includes(field) ? { secret: true } : {}) },
    ]),
  );
  return {
    id,
    ...{ name: facts["name"], version: facts["version"], min_core_version: facts["min_core_version"] },
    category: facts["category"],
    driver: { entrypoint: facts["driver.entrypoint"] },
    schema: { connection: { type: "object", required, properties } },
    defaults: defaultsOf(summary),
    test: testOf(facts["test"] ?? ""),
    capabilities,
  };
};
