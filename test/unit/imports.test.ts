/** Imports that no sandbox allows are named at install, each with its place. */
import { describe, expect, it } from "vitest";
import { forbiddenImports } from "../../src/packs/imports.ts";

const pack = (files: Readonly<Record<string, string>>) =>
  Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) }));
const found = (files: Readonly<Record<string, string>>, entry = "driver.ts") =>
  forbiddenImports(entry, pack(files)).map(({ specifier, file, line }) => `${file}:${line} ${specifier}`);

describe("the imports of a driver", () => {
  it("are all named that cannot work, in every file that is reached, with what to use instead", () => {
    const files = {
      "driver.ts": `import { Driver } from "switchyard/sdk";
import net from "node:net";
import {
  spawn,
  exec,
} from 'child_process';
export * from "./lib/http.ts";
const later = () => import("node:dns/promises");
`,
      "lib/http.ts": `/* the client */ import axios from "axios"; import https from "https";\nimport "../more.js";\n`,
      "more.ts": `import "node:worker_threads";\n`,
      "unused.ts": `import "node:net";\n`,
    };
    expect(found(files)).toEqual([
      "driver.ts:2 node:net",
      "driver.ts:6 child_process",
      "driver.ts:8 node:dns/promises",
      "lib/http.ts:1 axios",
      "lib/http.ts:1 https",
      "more.ts:1 node:worker_threads",
    ]);
    const [first] = forbiddenImports("driver.ts", pack(files));
    expect(first?.message).toContain("this.transports");
  });

  it("are left alone when they work, are types only, or stand in comments and texts", () => {
    const driver = `import { Driver } from "switchyard/sdk";
import { setTimeout } from "node:timers/promises";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { type Server } from "node:http";
// import a from "node:net";
/*
import b from "node:net";
*/
const text = \`
import c from "node:net";
\`;
const url = "https://host/" + 'it says: import d from "node:net"';
export class D extends Driver { important = "x"; exports = "y"; }
`;
    expect(found({ "driver.ts": driver })).toEqual([]);
  });

  it("are looked for in no time, whatever the file holds", () => {
    const hostile = ["/*", '"\\', "`\\", "\nexport a", "import(", "'\\\\", "\nimport {"].map((text) =>
      text.repeat(200_000),
    );
    const before = performance.now();
    for (const text of hostile) found({ "driver.js": text.slice(0, 1_000_000) }, "driver.js");
    expect(performance.now() - before).toBeLessThan(10_000);
  });
});
