/** A pack in Python as it was written before this runner: installed, tested, listed, planned, run and undone in a whole system. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, type Caller, callerOf } from "../kit/caller.ts";
import type { HttpDevice } from "../kit/device.ts";
import { systemLevels } from "../kit/levels.ts";
import { zip } from "../kit/pack.ts";
import { canRunPython } from "../kit/python.ts";
import {
  hypervisorConfig,
  hypervisorFiles,
  hypervisorId,
  hypervisorToken,
  startHypervisor,
} from "../kit/python-hypervisor.ts";
import { type System, startSystem } from "../kit/system.ts";

const wait = { prefer: "wait=30" };

type Files = Readonly<Record<string, string | Buffer>>;

/** Its capabilities pin no writes: an admin says yes to the list. */
const installedBy = async (caller: Caller, files: Files): Promise<Answer> => {
  const archive = await zip(files);
  const first = await caller.uploadBytes(archive);
  if (first.body.code !== "consent_required") return first;
  const { digest } = first.body as unknown as { digest: string };
  return caller.uploadBytes(archive, { query: `?consent=${digest}` });
};

describe.skipIf(!canRunPython)("a pack in Python", () => {
  let system: System;
  let caller: Caller;
  let device: HttpDevice;
  let instance: string;
  const writes = (): string[] =>
    device.seen.filter(({ method }) => method !== "GET").map(({ method, url }) => `${method} ${url}`);
  const lifecycle = (verb: string, more: object = {}): Promise<Answer> =>
    caller.act(instance, { capability: "vm.lifecycle", verb, target: "100", ...more });
  const eventsOf = async (id: string): Promise<{ phase: string; level: string; message: string; meta: object }[]> => {
    const { body } = await system.call<{ items: { phase: string; level: string; message: string; meta: object }[] }>(
      "GET",
      `/api/jobs/${id}/events`,
      undefined,
      { accept: "application/json" },
    );
    return body.items;
  };
  const installed = (files: Files): Promise<Answer> => installedBy(caller, files);

  beforeAll(async () => {
    [device, system] = await Promise.all([startHypervisor(), startSystem()]);
    caller = callerOf(system);
  }, 90_000);
  afterAll(async () => {
    await system?.dispose();
    await device?.close();
  });

  it("is installed as it stands, and its type says what it is written in", async () => {
    const nested = Object.fromEntries(
      Object.entries(hypervisorFiles()).map(([path, bytes]) => [`acme/${path}`, bytes]),
    );
    const stale = { "acme/__pycache__/driver.cpython-311.pyc": "stale", "acme/utils/states.pyc": "stale" };
    expect((await installed({ ...nested, ...stale })).body).toMatchObject({
      state: "succeeded",
      result: { type_id: hypervisorId, status: "valid" },
    });
    const { body } = await system.call("GET", `/api/integrations/types/${hypervisorId}`);
    expect(body).toMatchObject({ language: "python", status: "valid", sandbox_level: "full", errors: {} });
    instance = await caller.addInstance(hypervisorId, "hypervisor", hypervisorConfig(device.port), {
      api_token: hypervisorToken,
    });
  });

  it("tests its connection and lists its targets; what it prints are lines of the job", async () => {
    const tested = await system.call<{ id: string }>(
      "POST",
      `/api/integrations/instances/${instance}/test`,
      undefined,
      wait,
    );
    expect(tested.body).toMatchObject({
      state: "succeeded",
      result: { status: "connected", details: { version: "9.1" } },
    });
    expect(await eventsOf(tested.body.id)).toContainEqual(
      expect.objectContaining({ phase: "driver", message: "connected to hypervisor", meta: { printed: true } }),
    );
    const listed = await system.call("GET", `/api/integrations/instances/${instance}/inventory?type=vm`);
    expect(listed.body).toMatchObject({
      items: [{ external_id: "100", name: "vm100", attrs: { status: "running", node: "pve" }, labels: {} }],
    });
  });

  it("plans without a write, runs what the plan told, and undoes it", async () => {
    const planned = await lifecycle("shutdown", { dry_run: true });
    expect(planned.body).toMatchObject({
      state: "succeeded",
      result: {
        ok: true,
        pinned: false,
        plan: {
          preview: ["POST /nodes/pve/qemu/100/status/shutdown"],
          notes: [expect.stringContaining('"order": 1'), expect.any(String)],
        },
        effects: { per_target: [{ id: "100", from: "running", to: "stopped" }] },
      },
    });
    expect(writes()).toEqual([]);
    const { plan_id } = planned.body.result as { plan_id: string };
    const ran = await lifecycle("shutdown", { plan_id });
    expect(ran.body).toMatchObject({
      state: "succeeded",
      result: { ok: true, pinned: false, task_id: "UPID:pve:shutdown:100" },
    });
    expect(await eventsOf(ran.body.id)).toContainEqual(
      expect.objectContaining({ message: "asked for shutdown of 100", meta: { logger: "driver" } }),
    );
    expect((await eventsOf(ran.body.id)).filter(({ phase }) => phase === "write")).toHaveLength(2);
    const undone = await system.call<{ id: string }>("POST", `/api/jobs/${ran.body.id}/undo`, {}, wait);
    expect(undone.body).toMatchObject({ state: "succeeded", result: { task_id: "UPID:pve:start:100" } });
    expect(writes()).toEqual(["shutdown", "start"].map((verb) => `POST /api2/json/nodes/pve/qemu/100/status/${verb}`));
  });

  it("has its older form of a plan read, and a driver that says no is heard", async () => {
    const asked = { capability: "power.control", verb: "cycle", target: { type: "host", id: "pve" } };
    const path = `/api/integrations/instances/${instance}/actions`;
    const planned = await system.call("POST", path, { ...asked, dry_run: true }, wait);
    expect(planned.body).toMatchObject({
      state: "succeeded",
      result: {
        ok: true,
        severity: "warn",
        preconditions: [{ check: "node_online", ok: true }],
        plan: { kind: "cli", preview: ["reboot pve"], notes: ["every VM of the node stops"] },
        effects: { summary: "power.control:cycle", per_target: [{ id: "pve", from: "online", to: "restarted" }] },
      },
    });
    expect((await system.call<{ code: string }>("POST", path, asked, wait)).body.code).toBe("device_error");
  });

  it("holds no secret, and its plan is stale when the device changed", async () => {
    const planned = await lifecycle("shutdown", { dry_run: true });
    const { plan_id } = planned.body.result as { plan_id: string };
    const other = await lifecycle("shutdown");
    expect(other.body.state).toBe("succeeded");
    // The manifest has a plan looked at again after a second.
    const plannedAt = Date.now();
    await expect.poll(() => Date.now() - plannedAt, { timeout: 10_000 }).toBeGreaterThan(1_100);
    expect(caller.codeOf(await lifecycle("shutdown", { plan_id }))).toBe("plan_stale");
    expect(JSON.stringify((await system.call("GET", "/api/jobs?limit=100")).body)).not.toContain(hypervisorToken);
    expect(system.pids("switchyard-sandbox").length).toBeGreaterThan(0);
  });

  const changed = (driver: string, manifest = ""): Record<string, string | Buffer> => {
    const files: Record<string, string | Buffer> = { ...hypervisorFiles(), "driver.py": driver };
    const text = String(files["plugin.yaml"]).replace("version: 1.0.1", "version: 1.1.0");
    return { ...files, "plugin.yaml": text + manifest };
  };
  const own = String(hypervisorFiles()["driver.py"]);

  it.each([
    [
      "a syntax error",
      changed(own.replace("async def test_connection(self):", "async def test_connection(self)")),
      { import_error: { file: "driver.py", line: 31 } },
    ],
    [
      "a missing module",
      changed(`import netmikoo\n${own}`),
      { import_error: { message: expect.stringContaining("no module netmikoo"), file: "driver.py", line: 1 } },
    ],
    [
      "a missing method",
      changed(own.replace("async def power_control", "async def power_controls")),
      { capability_mismatch: [{ capability: "power.control", message: "expected a method power_control, got none" }] },
    ],
    [
      "a parameter that nobody gives",
      changed(own.replace("vm_lifecycle(self, verb,", "vm_lifecycle(self, call, verb,")),
      { capability_signature: [{ method: "vm_lifecycle", message: expect.stringMatching(/got call$/) }] },
    ],
    [
      "a Python that is too new",
      changed(own, "requires: { python: '>=3.99' }\n"),
      { requires_unmet: [{ requirement: "python" }] },
    ],
  ])("with %s is refused with the place, and the release before stays", async (_, files, errors) => {
    const { body } = await installed(files);
    expect(caller.codeOf({ body } as Answer)).toBe("pack_invalid");
    const job = await caller.job(body.job_id ?? body.id);
    expect(JSON.parse(JSON.stringify(job.error))).toMatchObject({ details: { errors } });
    expect((await system.call("GET", `/api/integrations/types/${hypervisorId}`)).body).toMatchObject({
      version: "1.0.1",
      status: "valid",
    });
  });

  it("that opens sockets by itself fails with what to use instead, whatever it makes of it", async () => {
    const library =
      "import socket\ndef connect(host):\n    try:\n        return socket.create_connection((host, 22), 2)\n    except OSError:\n        raise RuntimeError('device unreachable') from None\n";
    const driver = own.replace(
      'answer = await self._ask("GET", "/version")',
      "import netmiko; netmiko.connect(self.instance.config['host'])\n        answer = {}",
    );
    const { body } = await installed({ ...changed(driver), "vendor/netmiko.py": library });
    expect(body).toMatchObject({ state: "succeeded" });
    const tested = await system.call<{ code: string; detail: string }>(
      "POST",
      `/api/integrations/instances/${instance}/test`,
      undefined,
      wait,
    );
    expect(tested.body.code).toBe("endpoint_not_allowed");
    expect(tested.body.detail).toMatch(
      /module netmiko tried to open a connection.*127\.0\.0\.1:22.*transports\.get\("ssh"\)/,
    );
  });
});

const degraded = (await systemLevels()).find(({ level }) => level === "degraded");

describe.skipIf(degraded === undefined)("a pack in Python where bubblewrap is not to be had", () => {
  it("is refused with the reason and the next step", async () => {
    const system = await startSystem({ around: degraded?.around ?? [] });
    try {
      const { body } = await installedBy(callerOf(system), hypervisorFiles());
      expect(body).toMatchObject({
        code: "sandbox_level_too_low",
        detail: expect.stringMatching(/driver in Python, which runs behind bubblewrap only.*install bubblewrap/),
      });
    } finally {
      await system.dispose();
    }
  }, 90_000);
});
