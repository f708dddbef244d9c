/** What the lab keeps of its devices may be damaged: they start all the same, and keep what they are from then on. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isKeptAoss, startAoss } from "../../lab/aoss.ts";
import { readKept, startKept } from "../../lab/kept.ts";
import { isMemory, type Memory } from "../../lab/proxmox/memory.ts";
import { isKeptProxmox, startProxmox } from "../../lab/proxmox.ts";
import { issue } from "../../src/testing/certificate.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lab-kept-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const cluster = async (file: string) => {
  const device = await startKept(file, isKeptProxmox, (kept) => startProxmox({ kept }));
  await device.close();
  return device.kept;
};
const single = async (file: string) => {
  const device = await startKept(file, isKeptAoss, (kept) => startAoss({ kept }));
  await device.close();
  return device.kept;
};

const noObjects = ["null", "7", "[]", '"kept"', "{", ""];

describe.each([
  ["a cluster", cluster],
  ["a switch", single],
])("%s", (_, start: (file: string) => Promise<object>) => {
  it.each(noObjects)("starts anew, once, where %j was kept", async (text) => {
    const file = join(folder, "lab.json");
    writeFileSync(file, text);
    const kept = await start(file);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(kept);
    expect(await start(file)).toEqual(kept);
  });
});

/** The same, but for a member that is damaged. */
const damaged = async <K extends object>(start: (file: string) => Promise<K>, damage: (kept: K) => object) => {
  const file = join(folder, "lab.json");
  const kept = await start(file);
  writeFileSync(file, JSON.stringify({ ...kept, ...damage(kept) }));
  const anew = await start(file);
  return { kept, anew, again: await start(file) };
};

it.each([
  ["a host key that does not parse", { hostKey: "no key" }],
  ["a host key that is none", { hostKey: 7 }],
  ["no host key", { hostKey: undefined }],
  ["a port that is none", { sshPort: "ssh" }],
  ["a port beyond all", { snmpPort: 70_000 }],
])("a switch with %s is another, and stays that", async (_, damage) => {
  const { kept, anew, again } = await damaged(single, () => damage);
  expect(anew.hostKey).not.toBe(kept.hostKey);
  expect(again).toEqual(anew);
});

it.each([
  ["a certificate that does not parse", { pem: "no certificate" }],
  ["a key that does not parse", { keyPem: "no key" }],
  ["the key of another", { keyPem: issue({ commonName: "x", names: [], notBefore: 0, notAfter: 0 }).keyPem }],
  ["another fingerprint", { fingerprint: "AA" }],
])("a cluster with %s is another, and stays that", async (_, damage) => {
  const { kept, anew, again } = await damaged(cluster, ({ certificate }) => ({
    certificate: { ...certificate, ...damage },
  }));
  expect(anew.certificate.pem).not.toBe(kept.certificate.pem);
  expect(again).toEqual(anew);
});

it.each([{ tokens: null }, { tokens: { admin: 7 } }, { certificate: null }, { port: -1 }])(
  "a cluster with %j is another, and stays that",
  async (damage) => {
    const { kept, anew, again } = await damaged(cluster, () => damage);
    expect(anew.tokens).not.toEqual(kept.tokens);
    expect(again).toEqual(anew);
  },
);

const guest = { vmid: 100, state: "paused", startedAt: 1, lock: null, ha: null } as const;
const task = {
  ...{ upid: "UPID:x", node: "pve1", type: "qmstop", id: "100", user: "root@pam" },
  ...{ pid: 5000, pstart: 1, starttime: 1, endtime: 2, exitstatus: "OK", log: ["TASK OK"] },
};

describe("what a cluster knew at its end", () => {
  const begin = async (memory: object) => {
    const file = join(folder, "state.json");
    writeFileSync(file, JSON.stringify(memory));
    const { state, close } = await startProxmox({ memory: readKept(file, isMemory) });
    await close();
    return state;
  };

  it("is there again, but for guests that it does not have", async () => {
    const memory: Memory = { guests: [guest, { ...guest, vmid: 999 }], tasks: [task] };
    const { guests, tasks, lastPid } = await begin(memory);
    expect(guests.get(100)).toMatchObject({ ...guest, name: "web-1" });
    expect([guests.has(999), lastPid]).toEqual([false, 5000]);
    expect(tasks).toMatchObject([task]);
  });

  it.each([
    {},
    { guests: [null] },
    { guests: [{ ...guest, state: "asleep" }] },
    { guests: [{ ...guest, startedAt: "now" }] },
    { guests: [guest], tasks: [{ ...task, exitstatus: undefined }] },
    { guests: [guest], tasks: [{ ...task, log: null }] },
  ])("is forgotten where %j is in its place", async (damage) => {
    const { guests, tasks } = await begin({ tasks: [], ...damage });
    expect(guests.get(100)?.state).toBe("running");
    expect(tasks).toEqual([]);
  });
});
