/** What a driver lists becomes targets of the contract, whatever else it says of them and in whatever language. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asTargets } from "../../src/model/dry-run.ts";
import { testableLevels } from "../kit/levels.ts";
import { canRunPython, openPythonBench } from "../kit/python.ts";
import { type Bench, openBench } from "../kit/sandbox.ts";

const typescript = `
import { Driver } from "switchyard/sdk";
export class D extends Driver {
  async inventory_list({ targetType }) {
    return [{ colour: "red", type: targetType, external_id: "1", name: "One", attrs: { a: 1 }, labels: {}, id: 1 }];
  }
}
`;
const python = `
class D:
    def __init__(self, instance, secrets, transports):
        pass

    def inventory_list(self, target_type):
        return [{"colour": "red", "type": target_type, "external_id": "1", "name": "One", "attrs": {"a": 1}, "labels": {}, "id": 1}]
`;

const languages = [
  ["TypeScript", true, async () => openBench((await testableLevels())[0] ?? "degraded", { "driver.ts": typescript })],
  ["Python", canRunPython, () => openPythonBench({ "driver.py": python })],
] as const;

describe.each(languages)("what a driver in %s lists", (_language, canRun, open) => {
  let bench: Bench;
  beforeAll(async () => {
    if (canRun) bench = await open();
  });
  afterAll(() => bench?.close());

  it.skipIf(!canRun)("has the five members of a target, and no other reaches whoever reads it", async () => {
    const listed = await bench.call("inventory_list", { targetType: "lamp", activeOnly: false, options: {} });
    expect(asTargets(listed, "lamp")).toEqual([
      { type: "lamp", external_id: "1", name: "One", attrs: { a: 1 }, labels: {} },
    ]);
  });
});
