/** The page about security names the test behind each claim: they are there, and none is left out. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const named = [...readFileSync(`${root}/SECURITY.md`, "utf8").matchAll(/`((?:test|bench)\/[\w./-]+\.ts)`/g)].map(
  ([, path = ""]) => path,
);

test("what SECURITY.md points to exists", () => {
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((path) => !existsSync(`${root}/${path}`))).toEqual([]);
});

test("every hostile suite stands there", () => {
  const suites = globSync("test/{hostile/*,e2e/hostile-*}.test.ts", { cwd: root });
  expect(suites.length).toBeGreaterThan(6);
  expect(suites.filter((path) => !named.includes(path) && !path.endsWith("security-page.test.ts"))).toEqual([]);
});
