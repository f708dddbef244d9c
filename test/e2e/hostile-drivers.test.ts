/** Drivers that misbehave when they are called: each is named in its job, and the device gets nothing it should not. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Answer, type Caller, callerOf } from "../kit/caller.ts";
import { type HttpDevice, sendJson, startHttp } from "../kit/device.ts";
import { systemLevels } from "../kit/levels.ts";
import { rogueId, roguePack } from "../kit/rogue-driver.ts";
import { type SseLine, type System, startSystem, until } from "../kit/system.ts";

const token = "tok-5f1d6b2c90aa4e";

/** Each spelling of a way out, in a path or a whole url. */
const waysOut: readonly (readonly ["path" | "url", string])[] = [
  ...[
    ...["/../admin", "/vms/../../admin", "/%2e%2e/admin", "/%2E%2e/admin", "/%252e%252e/admin", "/..%2fadmin"],
    ...["/vms/..%5c..%5cadmin", "/..;x/admin", "/vms\\..\\admin", "//other.example/x", "vms/1", "/vms?x=1", "/vms#x"],
    ...["/vms\r\nHost: other", "/vms/%0d%0aX: y", "/vms/%00", "http://other.example/"],
  ].map((text) => ["path", text] as const),
  ...[
    ...["http://127.0.0.1:OTHER/api/vms", "http://localhost:PORT/api/vms", "https://127.0.0.1:PORT/api/vms"],
    ...["http://127.0.0.1:PORT/apix", "http://127.0.0.1:PORT/", "http://127.0.0.1:PORT@127.0.0.1:OTHER/api/vms"],
    ...["http://127.0.0.1:PORT/api/../admin", "//127.0.0.1:OTHER/api/vms", "http://0x7f.1:OTHER/api/vms"],
    ...["file:///etc/passwd", "unix:/run/redis.sock", "http://169.254.169.254/latest"],
  ].map((text) => ["url", text] as const),
];

describe.each(await systemLevels())("an instance whose driver misbehaves, at level $level", ({ around }) => {
  let system: System;
  let caller: Caller;
  let device: HttpDevice;
  let other: HttpDevice;
  let rogue: string;
  let neighbour: string;
  let before = 0;
  const received = (): string[] => device.seen.slice(before).map(({ method, url }) => `${method} ${url}`);
  const writes = (): string[] => received().filter((line) => !line.startsWith("GET "));
  const add = (name: string, more: object = {}): Promise<string> =>
    caller.addInstance(rogueId, name, { host: "127.0.0.1", port: device.port, ...more }, { token });
  const act = (how: string, more: object = {}): Promise<Answer> =>
    caller.act(rogue, { capability: "rogue.act", verb: "go", params: { how, ...more } });
  const plan = (how: string, more: object = {}): Promise<Answer> =>
    caller.act(rogue, { capability: "rogue.act", verb: "go", params: { how: `plan:${how}`, ...more }, dry_run: true });
  const expectFailed = async (answer: Answer, code: string, state = "failed"): Promise<void> => {
    expect(caller.codeOf(answer)).toBe(code);
    expect(await caller.job(answer.body.job_id!)).toMatchObject({
      state,
      error: { code, detail: expect.stringMatching(/.+/) },
    });
  };
  const testOf = (instance: string) =>
    system.call<Record<string, unknown>>("POST", `/api/integrations/instances/${instance}/test`, undefined, {
      prefer: "wait=10",
    });

  const phasesOf = async (id: string): Promise<string[]> => {
    const accept = { accept: "application/json" };
    const path = `/api/jobs/${id}/events`;
    const { body } = await system.call<{ items: { phase: string }[] }>("GET", path, undefined, accept);
    return body.items.map(({ phase }) => phase);
  };

  beforeAll(async () => {
    device = await startHttp(({ url }, response) =>
      url?.includes("/full/") ? sendJson(response, { error: "no room" }, 409) : sendJson(response, { ok: true }),
    );
    other = await startHttp((_, response) => sendJson(response, { other: true }));
    system = await startSystem({ around });
    caller = callerOf(system);
    await caller.install(roguePack());
    rogue = await add("rogue");
    neighbour = await add("neighbour");
  }, 90_000);
  afterAll(async () => {
    await system?.dispose();
    await device?.close();
    await other?.close();
  });
  beforeEach(() => {
    before = device.seen.length;
  });
  afterEach(async () => {
    expect(other.seen).toEqual([]);
    expect((await fetch(`${system.url}/readyz`)).status).toBe(200);
    expect(await testOf(neighbour)).toMatchObject({ status: 200, body: { result: { status: "connected" } } });
  });

  it("does what it should when its driver behaves", async () => {
    expect(await act("apply:")).toMatchObject({ status: 200, body: { result: { steps_done: 1, pinned: true } } });
    expect(device.seen.at(-1)).toMatchObject({ method: "POST", url: "/api/vms/1/go" });
    expect(device.seen.at(-1)?.headers["authorization"]).toBe(`Bearer ${token}`);
  });

  it.each(["text", "nothing", "half", "severity", "fn"])("is told that its plan has a wrong shape: %s", async (how) => {
    await expectFailed(await plan(how), "response_invalid");
    expect(received()).toEqual([]);
  });
  it.each(["cycle", "huge"])("is told that its answer cannot be carried: %s", async (how) => {
    await expectFailed(await plan(how), "response_invalid");
  });

  it.each([...["writes", "writesQuietly", "deletes", "getWithBody", "getAsDelete", "applies"]])(
    "cannot write while it plans: %s",
    async (how) => {
      await expectFailed(await plan(how), "read_only_violation");
      expect(received()).toEqual([]);
    },
  );
  it("cannot turn a read into a write by a header", async () => {
    await expectFailed(await plan("override"), "endpoint_not_allowed");
    expect(received()).toEqual([]);
  });

  it.each(["outside", "otherTarget", "otherVerb", "otherMethod"])(
    "cannot plan a write beyond writes[]: %s",
    async (how) => {
      await expectFailed(await plan(how), "plan_deviation");
    },
  );
  it.each(["otherTransport", "climbingStep", "otherHostStep"])("cannot plan a write to elsewhere: %s", async (how) => {
    await expectFailed(await plan(how), "endpoint_not_allowed");
  });

  it.each([...["handleInPath", "handleInQuery", "handleInMiddle", "handleInStep", "handleInText", "handleInBody"]])(
    "cannot put a handle where it may not stand: %s",
    async (how) => {
      await expectFailed(await plan(how), "handle_misplaced");
      expect(received()).toEqual([]);
    },
  );
  it("never shows a handle or a secret in what it says", async () => {
    const planned = await plan("handleSaid");
    expect(planned.status).toBe(200);
    const events = await system.watch(planned.body.id);
    const shown = JSON.stringify([planned.body, events]);
    expect(shown).toContain("the handle is [secret:token]");
    expect(shown).not.toContain(token);
    expect(shown).not.toMatch(/the handle is (?!\[secret:token\])/);
  });

  it("cannot leave its endpoint by any spelling", async () => {
    const answers = await Promise.all(
      waysOut.map(([kind, text]) => {
        const to = text.replaceAll("OTHER", String(other.port)).replaceAll("PORT", String(device.port));
        return plan(kind, { to });
      }),
    );
    const codes = answers.map((answer, index) => `${waysOut[index]?.join(" ")}: ${caller.codeOf(answer)}`);
    expect(codes).toEqual(waysOut.map((way) => `${way.join(" ")}: endpoint_not_allowed`));
    expect(received()).toEqual([]);
  });

  it.each([
    ["apply:other", "plan_deviation", []],
    ["apply:otherQuietly", "plan_deviation", []],
    ["apply:elsewhere", "plan_deviation", []],
    ["apply:changed", "plan_deviation", []],
    ["apply:header", "plan_deviation", []],
    ["apply:twice", "plan_deviation", ["go"]],
    ["apply:atOnce", "plan_deviation", ["go"]],
    ["two:outOfOrder", "plan_deviation", []],
    ["two:firstTwice", "plan_deviation", ["go"]],
    ["apply:nothing", "plan_incomplete", []],
    ["two:firstOnly", "plan_incomplete", ["go"]],
    ["two:negative", "driver_failed", []],
    ["apply:shape", "response_invalid", ["go"]],
    ["apply:no", "device_error", ["go"]],
    ["apply:throws", "driver_failed", ["go"]],
    ["apply:readsElsewhere", "endpoint_not_allowed", []],
  ])("applies its plan and nothing else: %s is %s", async (how, code, sent) => {
    const answer = await act(how);
    await expectFailed(answer, code);
    expect(writes()).toEqual(sent.map((verb) => `POST /api/vms/1/${verb}`));
    const journal = await system.call<{ items: unknown[] }>("GET", `/api/jobs/${answer.body.job_id}/journal`);
    expect(journal.body.items).toHaveLength(sent.length);
  });
  it("is told what the device refused, when the driver overlooks it", async () => {
    const action = { capability: "rogue.act", verb: "go", target: "full" };
    const answer = await caller.act(rogue, { ...action, params: { how: "two:" } });
    await expectFailed(answer, "device_error");
    const { error } = await caller.job(answer.body.job_id!);
    expect(error?.detail).toMatch(/Step 0 was answered with 409.*no room/);
    expect(writes()).toEqual(["POST /api/vms/full/go"]);
  });
  it("may send both steps at once: they go in order, each once", async () => {
    expect(await act("two:bothAtOnce")).toMatchObject({ status: 200, body: { result: { steps_done: 2 } } });
    expect(writes()).toEqual(["POST /api/vms/1/go", "POST /api/vms/1/second"]);
  });
  it("may forget to wait for its write: the runner does not", async () => {
    expect(await act("apply:unawaited")).toMatchObject({ status: 200, body: { result: { steps_done: 1 } } });
    expect(writes()).toEqual(["POST /api/vms/1/go"]);
  });
  it("sends nothing once its job is over", async () => {
    const planned = await plan("late");
    expect(planned.status).toBe(200);
    expect((await act("apply:late")).status).toBe(200);
    expect((await act("apply:")).status).toBe(200);
    expect(received().sort()).toEqual(["POST /api/vms/1/go", "POST /api/vms/1/go"]);
    const lines = await system.watch(planned.body.id);
    expect(JSON.stringify(lines)).not.toContain("late word");
  });

  it.each([
    ["outside", "plan_deviation", []],
    ["other", "plan_deviation", []],
    ["quietly", "plan_deviation", []],
    ["applies", "read_only_violation", []],
    ["fine", "succeeded", ["POST /api/free/1", "PUT /api/free/1"]],
  ])("is free within writes[] when it cannot be planned: %s is %s", async (how, code, sent) => {
    const answer = await caller.act(rogue, { capability: "rogue.free", verb: "go", params: { how } });
    expect(caller.codeOf(answer)).toBe(code);
    expect(writes()).toEqual(sent);
  });
  it("only reads with a read verb", async () => {
    const looked = await caller.act(rogue, { capability: "rogue.look", verb: "read" });
    expect(looked).toMatchObject({ status: 200, body: { result: { details: { status: 200 } } } });
    const wrote = await caller.act(rogue, { capability: "rogue.look", verb: "read", params: { how: "writes" } });
    expect(caller.codeOf(wrote)).toBe("read_only_violation");
    expect(writes()).toEqual([]);
  });

  it.each([
    ["text", "response_invalid", "response_invalid"],
    ["status", "response_invalid", "response_invalid"],
    ["class", "response_invalid", "response_invalid"],
    ["writes", "read_only_violation", "read_only_violation"],
  ])("is told when a test or an inventory is wrong: %s", async (mood, tested, listed) => {
    const instance = await add(`mood ${mood}`, { mood });
    expect((await testOf(instance)).body["code"]).toBe(tested);
    const inventory = await system.call("GET", `/api/integrations/instances/${instance}/inventory?type=vm`);
    expect(inventory.body["code"]).toBe(listed);
    expect((await system.call("GET", `/api/integrations/instances/${instance}`)).body["state"]).toBe("error");
    expect(writes()).toEqual([]);
  });
  it("may have ten thousand items", async () => {
    const inventory = await system.call<{ items: unknown[] }>(
      "GET",
      `/api/integrations/instances/${rogue}/inventory?type=vm`,
      undefined,
      { prefer: "wait=30" },
    );
    expect(inventory.status).toBe(200);
    expect(inventory.body.items).toHaveLength(10_000);
  });

  it("is ended by a cancel when it never ends, while others go on", async () => {
    const ids = await Promise.all(
      ["loops", "waits", "microtasks"].map(async (how) => {
        const asked = { capability: "rogue.act", verb: "go", params: { how: `plan:${how}` }, dry_run: true };
        const { body } = await caller.act(rogue, asked, { wait: 0 });
        await until(async () => ((await phasesOf(body.id)).includes("driver") ? true : undefined), `${how} to begin`);
        return body.id;
      }),
    );
    expect((await testOf(neighbour)).status).toBe(200);
    expect(await caller.act(rogue, { capability: "rogue.look", verb: "read" })).toMatchObject({ status: 200 });
    for (const id of ids) expect(await caller.job(id)).toMatchObject({ state: "running" });
    for (const id of ids) expect((await system.call("POST", `/api/jobs/${id}/cancel`)).status).toBe(202);
    for (const id of ids) {
      expect(await caller.settled(id, 10_000)).toMatchObject({ state: "cancelled", error: { code: "job_cancelled" } });
    }
  });

  it.each([
    ["heap", "sandbox_out_of_memory"],
    ["buffers", "sandbox_out_of_memory"],
    ["exits", "sandbox_crashed"],
    ["throws", "driver_failed"],
    ["throwsCode", "driver_failed"],
  ])("is named when it breaks its sandbox or itself: %s is %s", async (how, code) => {
    const [answer, beside] = await Promise.all([plan(how), testOf(neighbour)]);
    await expectFailed(answer, code);
    expect(beside.status).toBe(200);
  });

  it.each(["floods", "prints"])("may flood its log: %s is cut, and nobody else waits", async (how) => {
    const [answer, beside] = await Promise.all([plan(how), testOf(neighbour)]);
    expect(answer.status).toBe(200);
    expect(beside.status).toBe(200);
    const lines: SseLine[] = await system.watch(answer.body.id);
    expect(lines.length).toBeLessThan(10_001);
    expect(lines.map(({ id }) => id)).toEqual(lines.map((_, index) => index + 1));
    expect(lines.filter(({ data }) => data["phase"] === "cut")).toHaveLength(1);
    expect(lines.at(-1)?.event).toBe("job.done");
  });
});
