/** A pack in Python under its author's hands: looked at, recorded from its device, played back and checked. */
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fault } from "../../src/packs/faults.ts";
import { type Author, openAuthor } from "../kit/author.ts";
import type { HttpDevice } from "../kit/device.ts";
import { canRunPython } from "../kit/python.ts";
import {
  hypervisorConfig,
  hypervisorFolder,
  hypervisorId,
  hypervisorToken,
  startHypervisor,
} from "../kit/python-hypervisor.ts";

const calls = [
  "test_connection",
  "inventory_list type=vm",
  "plan vm.lifecycle shutdown vm/100",
  "run vm.lifecycle shutdown vm/100",
  "undo",
];

describe.skipIf(!canRunPython)("the author of a pack in Python", () => {
  let author: Author;
  let device: HttpDevice;
  beforeAll(async () => {
    author = openAuthor();
    device = await startHypervisor();
    cpSync(hypervisorFolder, join(author.home, "acme"), { recursive: true });
  });
  afterAll(async () => {
    author.dispose();
    await device.close();
  });

  it("hears what an install would say, and each fault at its place", async () => {
    expect(await author.json("validate", "acme")).toMatchObject({ type_id: hypervisorId, status: "valid", faults: [] });
    const driver = readFileSync(join(hypervisorFolder, "driver.py"), "utf8");
    author.write("broken", {
      "plugin.yaml": readFileSync(join(hypervisorFolder, "plugin.yaml")),
      "driver.py": driver.replace("from utils.states import state_of", "from utils.state import state_of"),
      "utils/__init__.py": "",
    });
    const { faults } = await author.json<{ faults: Fault[] }>("validate", "broken");
    expect(faults).toMatchObject([
      { code: "import_error", file: "driver.py", line: 8, message: expect.stringContaining("utils.state") },
    ]);
    expect((await author.run(["validate", "broken"])).code).toBe(1);
  });

  it("records it against the device, writes included, and plays it back when the device is gone", async () => {
    const config = Object.entries(hypervisorConfig(device.port)).flatMap(([name, value]) => [
      "--set",
      `${name}=${value}`,
    ]);
    const asked = calls.flatMap((call) => ["--call", call]);
    const secret = ["--secret", `api_token=@${join(author.write("keys", { token: hypervisorToken }), "token")}`];
    const told = await author.run([
      "record",
      "acme",
      ...config,
      ...secret,
      ...asked,
      "--allow-writes",
      "--out",
      "acme/recordings/life.jsonl",
    ]);
    expect(told).toMatchObject({ code: 0 });
    const text = readFileSync(join(author.home, "acme/recordings/life.jsonl"), "utf8");
    expect(text).not.toContain(hypervisorToken);
    expect(text).toContain('"path":"/api2/json/nodes/pve/qemu/100/status/shutdown"');
    await device.close();
    const replayed = await author.run(["replay", "acme"]);
    expect(replayed.out.split("\n").filter((line) => line.startsWith("ok  "))).toHaveLength(calls.length);
    expect(replayed.code).toBe(0);
  });

  it("is told by check what is missing, as for any pack", async () => {
    const told = await author.run(["check", "acme"]);
    for (const line of [
      /^ok {3}bronze {4}Its manifest is in order, its driver loads/m,
      /^FAIL bronze {4}Its driver writes to its log and prints nothing\n {15}it printed "connected to/m,
      /^ok {3}silver {4}A wrong secret is named as the cause/m,
      /^ok {3}gold {6}An undo leaves what was there before/m,
      /^ok {3}gold {6}A cancel ends its calls within a second/m,
      /^ok {3}platinum {2}Ten thousand targets are listed/m,
    ]) {
      expect(told.out).toMatch(line);
    }
  });
});
