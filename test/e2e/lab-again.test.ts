/** A lab that is started again: whoever knew its devices finds them where they were, as who they were. */
import { type ChildProcess, fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { request } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createBelongings } from "../kit/process.ts";
import { endProgram } from "../kit/program.ts";
import { openShell, type Shell } from "../kit/shell.ts";
import { type System, startSystem, until } from "../kit/system.ts";

const host = "127.0.0.1";
const entry = join(import.meta.dirname, "..", "..", "lab/main.ts");
const own = createBelongings();
afterEach(() => own.giveBack(), 20_000);

interface Device {
  readonly name: string;
  readonly config: {
    readonly token_name?: string;
    readonly port?: number;
    readonly ssh_port?: number;
    readonly snmp_port?: number;
  };
  readonly secrets: Readonly<Record<string, string>>;
}
interface Started {
  readonly child: ChildProcess;
  readonly devices: readonly Device[];
}

const start = async (keep: string): Promise<Started> => {
  const out = join(own.folder(), "lab.json");
  const child = own.add(fork(entry, ["--out", out, "--keep", keep], { stdio: "inherit" }), endProgram);
  await once(child, "message");
  const { devices } = JSON.parse(readFileSync(out, "utf8")) as { devices: Device[] };
  return { child, devices: devices.map(({ name, config, secrets }) => ({ name, config, secrets })) };
};
const startAgain = async (keep: string): Promise<readonly Device[]> => {
  const { child, devices } = await start(keep);
  await endProgram(child);
  return devices;
};

const ask = async <T>(port: number | undefined, what: object): Promise<T> => {
  const asked = request({ host, port, rejectUnauthorized: false, ...what }).end();
  const [answer] = await once(asked, "response");
  expect(answer.statusCode).toBe(200);
  return json(answer) as Promise<T>;
};

const portsOf = (devices: readonly Device[]): number[][] =>
  devices.map(({ config: { port, ssh_port, snmp_port } }) =>
    [port, ssh_port, snmp_port].filter((one) => one !== undefined),
  );

it("has the same ports, certificates, host keys and tokens, and keeps them for its owner alone", async () => {
  const keep = join(own.folder(), "lab");
  const first = await startAgain(keep);
  expect(await startAgain(keep)).toEqual(first);
  expect(first.map(({ name }) => name)).toEqual(["lab-proxmox", "lab-switch", "lab-stack"]);
  const modes = readdirSync(keep).map((name) => [name, statSync(join(keep, name)).mode & 0o777]);
  expect(modes).toEqual(["lab-proxmox.json", "lab-stack.json", "lab-switch.json"].map((name) => [name, 0o600]));
});

it("ends the tasks that run before it goes, and knows them and its guests again", async () => {
  const keep = join(own.folder(), "lab");
  const { child, devices } = await start(keep);
  const { token_name, port } = devices[0]?.config ?? {};
  const authorization = `PVEAPIToken=${token_name}=${devices[0]?.secrets["api_token"]}`;
  const path = "/api2/json/nodes/pve1/qemu/100/status/shutdown";
  const { data: upid } = await ask<{ data: string }>(port, { method: "POST", path, headers: { authorization } });
  await endProgram(child);

  await start(keep);
  const guests = await ask<{ vmid: number; state: string }[]>(port, { path: "/lab/guests" });
  expect(guests.find(({ vmid }) => vmid === 100)).toMatchObject({ state: "stopped" });
  expect(await ask(port, { path: "/lab/tasks" })).toMatchObject([{ upid, exitstatus: "OK" }]);
});

it("goes to another port where somebody else has the one it kept, and stays there", async () => {
  const keep = join(own.folder(), "lab");
  const first = await startAgain(keep);
  const [cluster, single] = portsOf(first);
  const takers = [...(cluster ?? []), ...(single ?? []).slice(0, 1)].map((port) => createServer().listen(port, host));
  const agent = createSocket("udp4").bind(single?.[1], host);
  await Promise.all([...takers, agent].map((taker) => once(taker, "listening")));

  const moved = await startAgain(keep).finally(() => [...takers, agent].map((taker) => taker.close()));
  const [newCluster, newSingle, newStack] = portsOf(moved);
  expect(newCluster).not.toEqual(cluster);
  for (const port of newSingle ?? []) expect(single).not.toContain(port);
  expect(newStack).toEqual(portsOf(first)[2]);
  const unplaced = (devices: readonly Device[]) =>
    devices.map(({ config, ...device }) => ({ ...device, ...config, port: 0, ssh_port: 0, snmp_port: 0 }));
  expect(unplaced(moved)).toEqual(unplaced(first));
  expect(await startAgain(keep)).toEqual(moved);
}, 20_000);

describe("a system with a lab that is stopped and started again", () => {
  let system: System;
  let shell: Shell;
  beforeAll(async () => {
    system = await startSystem({ lab: true });
    shell = openShell();
  }, 90_000);
  afterAll(async () => {
    shell?.dispose();
    await system?.dispose();
  }, 40_000);

  /** Whatever is asked of the cluster from now on is never answered. */
  const hang = (port: string) => ask(Number(port), { method: "POST", path: "/lab/faults?kind=hung" });

  interface Instance {
    readonly name: string;
    readonly instance_id: string;
    readonly state: string;
  }
  const instances = "/api/integrations/instances";
  const named = async (name: string): Promise<Instance> => {
    const { body } = await system.call<Instance[]>("GET", instances);
    return body.find((one) => one.name === name)!;
  };
  const stateOf = async (id: string) => (await system.call("GET", `/api/jobs/${id}`)).body["state"];
  const untilRunning = (id: string) =>
    until(async () => (await stateOf(id)) === "running" || undefined, "the job to run");
  /** Each start says of each device, in turn, what came of its instance. */
  const presented = (): number => [...system.output().matchAll(/^Lab: lab-stack .*connected$/gm)].length;
  const startAgainAfter = async (change: () => void): Promise<void> => {
    await until(() => presented() > 0 || undefined, "all instances");
    const before = presented();
    await system.stop();
    change();
    await system.restart();
    await until(() => presented() > before || undefined, "all instances, again");
  };

  it("has the instance that was added as the start said, and ends the jobs that were running", async () => {
    const added = await until(() => /^ +(\S+ npx switchyard add .*)$/m.exec(system.output())?.[1], "the line to add");
    expect(await shell.run(added)).toMatchObject({ code: 0 });
    const mine = await named("my-lab-proxmox");
    const lab = await named("lab-proxmox");
    await hang(/port=(\d+)/.exec(added)?.[1] ?? "");
    const action = { capability: "vm.lifecycle", verb: "shutdown", target: { type: "vm", id: "100" } };
    const asked: readonly [string, object?][] = [[`${mine.instance_id}/test`], [`${lab.instance_id}/actions`, action]];
    const jobs = await Promise.all(
      asked.map(([path, body]) => system.call<{ id: string }>("POST", `${instances}/${path}`, body)),
    ).then((answers) => answers.map(({ body }) => body.id));
    await Promise.all(jobs.map(untilRunning));

    await startAgainAfter(() => undefined);
    for (const job of jobs) {
      expect((await system.watch(job)).at(-1)).toMatchObject({ event: "job.done" });
      expect(await stateOf(job)).toBe("succeeded");
    }
    const test = `${instances}/${mine.instance_id}/test`;
    const { body: tested } = await system.call("POST", test, undefined, { prefer: "wait=20" });
    expect(tested).toMatchObject({ state: "succeeded", result: { status: "connected" } });
    const { last_test, latency_ms, ...same } = lab as Instance & Record<string, unknown>;
    expect(await named("lab-proxmox")).toMatchObject(same);
  }, 120_000);

  it("brings its instances to devices that are others now, and leaves what was added to them", async () => {
    const { instance_id: id, config } = (await named("lab-proxmox")) as Instance & { config: object };
    await system.call("PATCH", `${instances}/${id}`, { config: { ...config, node: "pve1" } });
    await startAgainAfter(() => rmSync(join(system.dataDir, "lab"), { recursive: true }));
    const after = (await named("lab-proxmox")) as Instance & { config: object };
    expect(after).toMatchObject({ instance_id: id, state: "connected", config: { node: "pve1" } });
    expect(after.config).not.toEqual({ ...config, node: "pve1" });
  }, 120_000);
});
