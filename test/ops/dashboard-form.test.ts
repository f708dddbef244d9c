/** The dashboard against the form that Grafana publishes for its own: each member, each type, each word of a choice. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const compiler = join(root, "node_modules/typescript/bin/tsc");
const compilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  module: "esnext",
  target: "es2022",
  types: [],
};

/** Choices as their plain words, as they stand in a file; what an export adds is beside it. */
const program = (dashboard: string): string => `
import type { Dashboard } from "@grafana/schema";
type Plain<T> = T extends string ? \`\${T}\` : T extends number | boolean | null | undefined ? T
  : T extends readonly (infer E)[] ? Plain<E>[] : unknown extends T ? T : { [K in keyof T]: Plain<T[K]> };
export const dashboard: Plain<Dashboard> & { __inputs: object[]; __requires: object[]; __elements: object } = ${dashboard};
`;

const dir = mkdtempSync(join(tmpdir(), "sw-dashboard-"));
symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
writeFileSync(
  join(dir, "tsconfig.json"),
  JSON.stringify({ compilerOptions: { ...compilerOptions, moduleResolution: "bundler" }, files: ["dashboard.ts"] }),
);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What the compiler says against it. */
const said = async (dashboard: string): Promise<string> => {
  writeFileSync(join(dir, "dashboard.ts"), program(dashboard));
  const checked = promisify(execFile)(process.execPath, [compiler, "-p", dir]);
  return checked.then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  );
};

it("has the members of a Grafana dashboard and no others", async () => {
  const dashboard = readFileSync(join(root, "ops/grafana-dashboard.json"), "utf8");
  expect(await said(dashboard)).toBe("");
  expect(await said(dashboard.replace('"type": "value"', '"type": "values"'))).toContain('"values"');
  expect(await said(dashboard.replace('"editable":', '"edible":'))).toContain("edible");
}, 120_000);
