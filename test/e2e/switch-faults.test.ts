/** Switches that misbehave, in a running system: an error with a name, nothing changed or said to be unknown, and the next job runs. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Aoss, startAoss } from "../../lab/aoss.ts";
import { instanceOf } from "../kit/aoss.ts";
import { type Answer, type Caller, callerOf, type JobView } from "../kit/caller.ts";
import { type System, startSystem, until } from "../kit/system.ts";

interface Event {
  readonly message: string;
  readonly meta: unknown;
}

/** Every character that a terminal would obey, but ends of lines and tabs. */
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
};

describe("a switch that misbehaves", () => {
  let system: System;
  let caller: Caller;
  let lab: Aoss;
  let instance: string;

  const path = (): string => `/api/integrations/instances/${instance}`;
  const send = async (to: string, body: object): Promise<JobView> => {
    const answer: Answer = await system.call("POST", to, body, { prefer: "wait=50" });
    return caller.settled(answer.body.job_id ?? answer.body.id, 90_000);
  };
  const power = (state: string, query = ""): Promise<JobView> =>
    send(`${path()}/actions${query}`, {
      ...{ capability: "poe.port", verb: "set", target: { type: "poe_port", id: "9-10" } },
      params: { state },
    });
  const refresh = (): Promise<JobView> => send(`${path()}/inventory/refresh`, { type: "port" });
  const eventsOf = async ({ id }: JobView): Promise<readonly Event[]> => {
    const headers = { accept: "application/json" };
    const { body } = await system.call<{ items: Event[] }>("GET", `/api/jobs/${id}/events`, undefined, headers);
    return body.items;
  };
  const withoutPower = (): string[] =>
    lab.state.ports.filter(({ poe }) => poe?.enabled === false).map(({ name }) => name);

  beforeAll(async () => {
    [system, lab] = await Promise.all([startSystem(), startAoss()]);
    caller = callerOf(system);
    await until(async () => {
      const { body } = await system.call("GET", "/api/integrations/types/com.aruba.aoss");
      return body["status"] === "valid" ? true : undefined;
    }, "the type");
    const { config, secrets } = instanceOf(lab);
    instance = await caller.addInstance("com.aruba.aoss", "switch", { ...config, timeout_s: 10 }, secrets);
    expect(await send(`${path()}/test`, {})).toMatchObject({ state: "succeeded" });
  }, 120_000);
  afterAll(async () => {
    await system?.dispose();
    await lab?.close();
  }, 60_000);

  it("and sends fifty megabytes for a table is cut off, and nothing is switched", async () => {
    lab.faults.add({ kind: "flood", command: "power-over-ethernet brief", times: 1 });
    expect(await power("off")).toMatchObject({ state: "failed", error: { code: "response_too_large" } });
    expect(withoutPower()).toEqual([]);
  }, 120_000);

  it("and sends them for a command that it carried out leaves a job that says to look at it", async () => {
    lab.faults.add({ kind: "flood", command: "no power-over-ethernet", after: true, times: 1 });
    const job = await power("off");
    expect(job).toMatchObject({
      state: "failed",
      error: { code: "response_too_large", details: { outcome: "unknown", next: "read_back" } },
    });
    expect(withoutPower()).toEqual(["9", "10"]);
    expect(await power("on")).toMatchObject({ state: "succeeded" });
  }, 120_000);

  it("and colours all that it says is understood, and no control character of it is kept", async () => {
    lab.faults.add({ kind: "control", command: "show " });
    const done = await power("off", "?debug=true");
    lab.faults.clear();
    expect(done).toMatchObject({ state: "succeeded" });
    lab.faults.add({ kind: "control", command: "no power-over-ethernet", times: 1 });
    const failed = await power("on").then(() => power("off", "?debug=true"));
    lab.faults.clear();
    expect(failed).toMatchObject({ state: "failed", error: { code: "device_error" } });
    for (const job of [done, failed]) {
      const journal = (await system.call("GET", `/api/jobs/${job.id}/journal`)).body;
      const texts = textsIn([await eventsOf(job), job.error, job.result, journal]);
      expect(texts.length).toBeGreaterThan(20);
      expect(texts.filter((text) => obeyed.test(text))).toEqual([]);
    }
    expect(await power("on")).toMatchObject({ state: "succeeded" });
  }, 120_000);

  it("and whose agent goes round in circles fails by name, and is read again when it does not", async () => {
    lab.setSnmpFault("loops");
    const failed = await refresh();
    lab.setSnmpFault(null);
    expect(failed).toMatchObject({ state: "failed", error: { code: "device_error" } });
    expect(failed.error?.detail).toMatch(/do not increase/);
    expect(await refresh()).toMatchObject({ state: "succeeded" });
  }, 60_000);

  it("and whose agent answers other requests is read over ssh, and the job says why", async () => {
    lab.setSnmpFault("strays");
    const job = await refresh();
    lab.setSnmpFault(null);
    expect(job).toMatchObject({ state: "succeeded" });
    const told = (await eventsOf(job)).map(({ message }) => message).join("\n");
    expect(told).toMatch(/The ports are read over ssh: .*answers to requests that were not made/);
  }, 60_000);
});
