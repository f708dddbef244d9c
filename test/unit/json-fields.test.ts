/** What programs read of the API and of --json stays: members are added to documents, never renamed or taken away. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { components } from "../../src/api/schemas/index.ts";

type Kept = Readonly<Record<string, readonly string[]>>;
const root = join(import.meta.dirname, "../..");
const kept = JSON.parse(readFileSync(join(root, "test/fixtures/json-fields.json"), "utf8")) as Kept;

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

/** Paths of all members: `error.code`, `items[].name`. */
const fieldsOf = ({ properties = {}, items, anyOf = [] }: Node, path = ""): string[] => [
  ...Object.entries(properties).flatMap(([name, node]) => {
    const own = path === "" ? name : `${path}.${name}`;
    return [own, ...fieldsOf(node, own)];
  }),
  ...(items === undefined ? [] : fieldsOf(items, `${path}[]`)),
  ...anyOf.flatMap((node) => fieldsOf(node, path)),
];

/** Documents that commands print by themselves, by the command: `{file, bytes}` in the page's table. */
const printed = (): Kept =>
  Object.fromEntries(
    [...readFileSync(join(root, "docs/cli.md"), "utf8").matchAll(/^\| `([^`]+)` \|.*\| (.+) \|$/gm)].flatMap(
      ([, usage = "", prints = ""]) => {
        const fields = [...prints.matchAll(/`\[?\{[^`]*`/g)].flatMap(([document]) => document.match(/\w+/g) ?? []);
        return fields.length === 0 ? [] : [[`cli ${usage.split(" ")[0]}`, [...new Set(fields)]]];
      },
    ),
  );

const current: Kept = {
  ...Object.fromEntries(
    Object.entries(components).map(([name, schema]) => [name, [...new Set(fieldsOf(schema as Node))].sort()]),
  ),
  ...printed(),
};

it("loses no member of any document", () => {
  const lost = Object.entries(kept).flatMap(([name, fields]) =>
    fields.filter((field) => !current[name]?.includes(field)).map((field) => `${name}: ${field}`),
  );
  expect(lost).toEqual([]);
});

it("has every member on the list that is kept: who adds one adds it there", () => {
  const unlisted = Object.entries(current).flatMap(([name, fields]) =>
    fields.filter((field) => !kept[name]?.includes(field)).map((field) => `${name}: ${field}`),
  );
  expect(unlisted).toEqual([]);
});
