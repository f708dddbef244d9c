/** Switches in a running system: a plan, its run and its undo on three ranges of a stack, a backup, and what goes wrong. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Aoss, labSecrets, startAoss } from "../../lab/aoss.ts";
import { instanceOf } from "../kit/aoss.ts";
import { type Answer, type Asked, type Caller, callerOf } from "../kit/caller.ts";
import { type System, startSystem, until } from "../kit/system.ts";

const three = "1/9-1/11,2/9,3/20-3/21";
const six = ["1/9", "1/10", "1/11", "2/9", "3/20", "3/21"];

interface Effect {
  readonly id: string;
  readonly from: unknown;
  readonly to: unknown;
}

describe("switches", () => {
  let system: System;
  let caller: Caller;
  let lab: Aoss;
  let stack: string;

  const add = async (name: string, switchOf: Aoss, changes: { config?: object; secrets?: object } = {}) => {
    const { config, secrets } = instanceOf(switchOf);
    return caller.addInstance(
      "com.aruba.aoss",
      name,
      { ...config, ...changes.config },
      { ...secrets, ...changes.secrets },
    );
  };
  const send = (method: string, path: string, body?: object): Promise<Answer> =>
    system.call(method, path, body, { prefer: "wait=50" });
  const tested = (instance: string): Promise<Answer> => send("POST", `/api/integrations/instances/${instance}/test`);
  const act = (asked: Omit<Asked, "target"> & { target?: { type: string; id: string } }): Promise<Answer> =>
    send("POST", `/api/integrations/instances/${stack}/actions`, {
      target: { type: "switch", id: "switch" },
      ...asked,
    });
  const power = (state: string, more: object = {}): Promise<Answer> =>
    act({ capability: "poe.port", verb: "set", target: { type: "poe_port", id: three }, params: { state }, ...more });
  const effectsIn = ({ body }: Answer): Effect[] => {
    const { per_target: effects = [] } = (body.result?.["effects"] ?? {}) as { per_target?: Effect[] };
    return effects;
  };
  const withoutPower = (): string[] =>
    lab.state.ports.filter(({ poe }) => poe?.enabled === false).map(({ name }) => name);

  beforeAll(async () => {
    [system, lab] = await Promise.all([startSystem(), startAoss({ kind: "stack", bootMs: 1_000 })]);
    caller = callerOf(system);
    await until(async () => {
      const { body } = await system.call("GET", "/api/integrations/types/com.aruba.aoss");
      return body["status"] === "valid" ? true : undefined;
    }, "the type");
    stack = await add("stack", lab, { config: { timeout_s: 5 } });
    expect((await tested(stack)).body).toMatchObject({ state: "succeeded" });
  }, 120_000);
  afterAll(async () => {
    await system?.dispose();
    await lab?.close();
  }, 60_000);

  it("are planned, run and undone: three ranges of a stack, exactly these, there and back", async () => {
    const plan = await power("off", { dry_run: true });
    expect(plan.body.result).toMatchObject({
      ok: true,
      pinned: true,
      plan: { preview: [`ssh: configure; interface ${three}; no power-over-ethernet; end`] },
    });
    expect(effectsIn(plan).map(({ id }) => id)).toEqual(six);
    expect(withoutPower()).toEqual([]);

    const run = await power("off", { plan_id: plan.body.result?.["plan_id"] });
    expect(run.body).toMatchObject({ state: "succeeded", result: { pinned: true, steps_done: 1 } });
    expect(effectsIn(run)).toEqual(six.map((id) => ({ id, from: { state: "on" }, to: { state: "off" } })));
    expect(withoutPower()).toEqual(six);

    const undo = await send("POST", `/api/jobs/${run.body.id}/undo`, {});
    expect(undo.body).toMatchObject({ state: "succeeded" });
    expect(effectsIn(undo)).toEqual(six.map((id) => ({ id, from: { state: "off" }, to: { state: "on" } })));
    expect(withoutPower()).toEqual([]);
    const journal = await system.call("GET", `/api/jobs/${run.body.id}/journal`);
    expect(JSON.stringify(journal.body)).toContain(`interface ${three}`);
  }, 120_000);

  it("are not undone where somebody changed a port since", async () => {
    const run = await power("off");
    const port = lab.state.ports.find(({ name }) => name === "2/9")?.poe;
    if (port !== null && port !== undefined) port.enabled = true;
    expect(caller.codeOf(await send("POST", `/api/jobs/${run.body.id}/undo`, {}))).toBe("undo_conflict");
    expect(caller.codeOf(await power("on"))).toBe("succeeded");
  }, 120_000);

  it("are led back where they were, also where one port of the range was as asked for before", async () => {
    const port = lab.state.ports.find(({ name }) => name === "2/9")?.poe;
    if (port !== null && port !== undefined) port.enabled = false;
    const run = await power("off");
    expect(withoutPower()).toEqual(six);
    const undo = await send("POST", `/api/jobs/${run.body.id}/undo`, {});
    expect(undo.body).toMatchObject({
      state: "succeeded",
      subject: { target: { type: "poe_port", id: "1/9,1/10,1/11,3/20,3/21" } },
    });
    expect(withoutPower()).toEqual(["2/9"]);
    expect(caller.codeOf(await power("on"))).toBe("succeeded");
  }, 120_000);

  it("keep uplinks from being shut, until that is overridden", async () => {
    const shut = (more: object): Promise<Answer> =>
      act({
        capability: "net.interface",
        verb: "set",
        target: { type: "interface", id: "1/25" },
        params: { admin: "down", ...more },
      });
    const blocked = await shut({});
    expect(caller.codeOf(blocked)).toBe("plan_blocked");
    expect(JSON.stringify(blocked.body)).toContain("core-1");
    expect(lab.writes.filter((line) => line.includes("disable"))).toEqual([]);
  }, 60_000);

  it("keep their configuration as an artifact, with what changed since the last one", async () => {
    const backup = (): Promise<Answer> => act({ capability: "switch.config", verb: "backup" });
    expect((await backup()).body).toMatchObject({ state: "succeeded", result: { details: { first: true } } });
    await act({
      capability: "net.interface",
      verb: "set",
      target: { type: "interface", id: "3/10" },
      params: { admin: "down" },
    });
    const second = await backup();
    expect(second.body).toMatchObject({ result: { details: { changed: true, added: 3, removed: 0 } } });
    const kept = await fetch(`${system.url}/api/jobs/${second.body.id}/artifacts/changes.diff`, {
      headers: { authorization: `Bearer ${system.token}` },
    });
    expect(await kept.text()).toContain("+ interface 3/10\n+    disable\n");
  }, 60_000);

  it("ask before they reboot, and say when they are back", async () => {
    expect(caller.codeOf(await act({ capability: "switch.reboot", verb: "exec" }))).toBe("confirmation_required");
    expect(caller.codeOf(await act({ capability: "switch.reboot", verb: "exec", confirm: true }))).toBe("plan_blocked");
    expect(caller.codeOf(await act({ capability: "switch.config", verb: "save" }))).toBe("succeeded");
    const done = await act({ capability: "switch.reboot", verb: "exec", confirm: true });
    expect(done.body).toMatchObject({ state: "succeeded" });
  }, 120_000);

  it.each([
    ["a wrong password", {}, { password: "not-the-password" }, "auth_failed"],
    [
      "a wrong enable password",
      { username: labSecrets.operator.username },
      { password: labSecrets.operator.password, enable_password: "not-the-enable-password" },
      "auth_failed",
    ],
    ["another host key", { host_key_sha256: `SHA256:${"A".repeat(43)}` }, {}, "host_key_mismatch"],
    ["a wrong port", { ssh_port: 1 }, {}, "connection_refused"],
  ])(
    "with %s are refused by name, and left as they were",
    async (name, config, secrets, code) => {
      const before = lab.writes.length;
      const instance = await add(name, lab, { config, secrets });
      expect(caller.codeOf(await tested(instance))).toBe(code);
      expect(lab.writes).toHaveLength(before);
      await system.call("DELETE", `/api/integrations/instances/${instance}`);
    },
    60_000,
  );

  it.each([
    ["hang up in the middle of a read", "close", "power-over-ethernet brief", /^device_error$/],
    ["print garbage", "garbage", "power-over-ethernet brief", /^protocol_mismatch$/],
    ["page for ever", "pages", "power-over-ethernet brief", /^(?:response_too_large|response_timeout|timed_out)$/],
    ["do not take a command", "refuse", "interface", /^device_error$/],
  ] as const)(
    "that %s end the job by name, and free the lock",
    async (_, kind, command, codes) => {
      lab.faults.add({ kind, command });
      const failed = await power("off");
      lab.faults.clear();
      const job = await caller.settled(failed.body.job_id ?? failed.body.id, 90_000);
      expect(job.error?.code).toMatch(codes);
      expect(withoutPower()).toEqual([]);
      expect(caller.codeOf(await power("on"))).toBe("succeeded");
    },
    180_000,
  );

  it("that hang up behind a command leave a job that says so: what was sent last, and to look at the switch", async () => {
    lab.faults.add({ kind: "close", command: "no power-over-ethernet", after: true, times: 1 });
    const answer = await power("off");
    const job = await caller.settled(answer.body.job_id ?? answer.body.id, 90_000);
    expect(job.state).toBe("failed");
    expect(job.error).toMatchObject({
      code: "device_error",
      details: { outcome: "unknown", next: "read_back", last_write: { transport: "ssh", state: "sent" } },
    });
    expect(withoutPower()).toEqual(six);
    expect(caller.codeOf(await power("on"))).toBe("succeeded");
    expect(withoutPower()).toEqual([]);
  }, 180_000);

  it("that are cancelled in the pause of a cycle are left without power, and the job says how far it came", async () => {
    const begun = await system.call<{ id: string }>("POST", `/api/integrations/instances/${stack}/actions`, {
      ...{ capability: "poe.port", verb: "set", target: { type: "poe_port", id: "2/9" } },
      params: { state: "cycle", off_s: 60 },
    });
    await until(() => (withoutPower().length === 1 ? true : undefined), "the power to go off");
    await system.call("POST", `/api/jobs/${begun.body.id}/cancel`);
    const job = await caller.settled(begun.body.id);
    expect(job).toMatchObject({ state: "cancelled", error: { details: { outcome: "partial" } } });
    expect(withoutPower()).toEqual(["2/9"]);
    expect(caller.codeOf(await power("on"))).toBe("succeeded");
  }, 60_000);

  it("wait for each other on one switch, whatever their ranges", async () => {
    const jobs = await Promise.all(
      ["1/9-1/12", "1/12,2/1", "2/1-2/3"].map((id) =>
        system.call<{ id: string }>("POST", `/api/integrations/instances/${stack}/actions`, {
          ...{ capability: "poe.priority", verb: "set", target: { type: "poe_port", id }, params: { level: "high" } },
        }),
      ),
    );
    for (const { body } of jobs) expect((await caller.settled(body.id, 60_000)).state).toBe("succeeded");
    expect(lab.state.ports.filter(({ poe }) => poe?.priority === "high")).toHaveLength(7);
  }, 120_000);
});
