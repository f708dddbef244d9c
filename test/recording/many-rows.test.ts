/** Ten thousand targets of an agent's table: listed, cut off by a driver, or not to be had because no name is free. */
import { afterAll, expect, it } from "vitest";
import { readPack } from "../../src/recording/pack.ts";
import { checkPack } from "../../src/testing/conformance.ts";
import { openAuthor } from "../kit/author.ts";

const author = openAuthor();
afterAll(() => author.dispose());

const manifest = `id: example.rack
name: Example rack
version: 1.0.0
min_core_version: 1.0.0
category: network-device
driver: { entrypoint: "driver:RackDriver" }
schema: { connection: { type: object, required: [host], properties: { host: { type: string } } } }
transports: { snmp: { host: "{host}", version: 2c, community: public } }
capabilities:
  - { id: inventory.list, verbs: [list], targets: [outlet] }
`;

const driver = (kept: string): string => `import { Driver } from "switchyard/sdk";
export class RackDriver extends Driver {
  async test_connection() { return { status: "connected", latency_ms: 1 }; }
  async inventory_list({ targetType }) {
    const rows = await this.transports.snmp.table("1.3.6.1.4.1.9", [2]);
    return rows${kept}.map(({ index, columns }) => ({
      type: targetType, external_id: index, name: String(columns[2].value), attrs: {}, labels: {},
    }));
  }
}
`;

const outlet = (index: string, name: string) => ({ type: "outlet", external_id: index, name, attrs: {}, labels: {} });
const recording = [
  {
    ...{ switchyard_recording: 1, core: "1.0.0", config: { host: "127.0.0.1" }, secrets: [] },
    pack: { id: "example.rack", version: "1.0.0", digest: "0".repeat(64) },
    recorded_at: "2026-01-01T00:00:00.000Z",
  },
  { call: "inventory_list type=outlet" },
  {
    ...{ seq: 1, transport: "snmp", ms: 1 },
    request: { op: "snmp.table", oid: "1.3.6.1.4.1.9", columns: [2] },
    answer: [{ base: "1.3.6.1.4.1.9.2.", names: ["1", "2"], types: [4, 4], values: ["A1", "A2"], hex: [] }],
  },
  { result: [outlet("1", "A1"), outlet("2", "A2")] },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join("");

it.each([
  ["passes for a driver that lists what is there", "", "passed", /^$/],
  ["fails for one that stops at a hundred", ".slice(0, 100)", "failed", /expected 10000 targets, got 100;/],
  [
    "is not applicable where a name has a form that there are few of",
    ".filter(({ columns }) => /^A\\d\\d?$/.test(columns[2].value))",
    "not_applicable",
    /takes no copy of a row for a target/,
  ],
])("many_targets %s", async (name, kept, outcome, said) => {
  const files = { "plugin.yaml": manifest, "driver.js": driver(kept), "recordings/rack.jsonl": recording };
  const folder = author.write(name, files);
  const { signal } = new AbortController();
  const facts = { pack: await readPack(folder), coreVersion: "1.0.0", now: Date.now, signal, ownTests: null };
  const { checks } = await checkPack({ ...facts, only: ["many_targets"] });
  expect(checks).toMatchObject([{ outcome, detail: expect.stringMatching(said) }]);
});
