/** The story of the product, told by a client of the HTTP API against the lab. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shownBy } from "../hostile/search.ts";
import { deleteInstance } from "../kit/delete-instance.ts";
import { upload, zip } from "../kit/pack.ts";
import { descendants, type System, startSystem, until } from "../kit/system.ts";

interface Job {
  id: string;
  state: string;
  kind: string;
  result: Record<string, never>;
  error: { code: string } | null;
}

const packFolder = join(import.meta.dirname, "..", "..", "integrations", "walnut.proxmox.ve");
const packFiles = (): Record<string, Buffer> =>
  Object.fromEntries(
    readdirSync(packFolder, { recursive: true })
      .map(String)
      .filter((path) => statSync(join(packFolder, path)).isFile() && !path.startsWith("test"))
      .map((path) => [path, readFileSync(join(packFolder, path))]),
  );

describe("the story", () => {
  let system: System;
  let instance: string;
  const action = (body: object) =>
    system.call<Job>("POST", `/api/integrations/instances/${instance}/actions`, body, { prefer: "wait=30" });

  beforeAll(async () => {
    system = await startSystem({ lab: true });
    const { body } = await system.call<{ instance_id: string }[]>("GET", "/api/integrations/instances");
    instance = body[0]!.instance_id;
  }, 90_000);
  afterAll(() => system.dispose());

  it("installs an uploaded pack while its phases stream, and the type is valid", async () => {
    const files = packFiles();
    const manifest = files["plugin.yaml"]!.toString().replace(/^version: .*$/m, "version: 99.0.0");
    const bytes = await zip({ ...files, "plugin.yaml": manifest });
    const { status, body } = await system.call<Job>("POST", "/api/integrations/types/upload", upload(bytes));
    expect(status).toBe(202);
    const lines = await system.watch(body.id);
    const done = lines.at(-1)!;
    expect(done.data).toMatchObject({ success: true, state: "succeeded" });
    const phases = new Set(lines.map(({ data }) => data["phase"]));
    for (const phase of ["upload", "unpack", "manifest", "install", "registry", "final"])
      expect(phases).toContain(phase);
    expect(lines.map(({ id }) => id)).toEqual(lines.map((_, index) => index + 1));
    const type = await system.call("GET", "/api/integrations/types/walnut.proxmox.ve");
    expect(type.body).toMatchObject({ status: "valid", errors: {} });
  });

  it("tests the connection: connected, a version and a latency", async () => {
    const { status, body } = await system.call<Job>("POST", `/api/integrations/instances/${instance}/test`, undefined, {
      prefer: "wait=30",
    });
    expect(status).toBe(200);
    expect(body.result).toMatchObject({ status: "connected", latency_ms: expect.any(Number) });
    expect(JSON.stringify(body.result)).toMatch(/8\.\d/);
  });

  it.each([
    ["a wrong token", { secrets: { api_token: "00000000-0000-0000-0000-000000000000" } }, "auth_failed"],
    ["a wrong certificate", { config: { tls_fingerprint: `AA:${"00:".repeat(30)}00` } }, "tls_untrusted"],
    ["a wrong port", { config: { port: 1 } }, "connection_refused"],
    ["a wrong host", { config: { host: "no-such-host.invalid" } }, "dns_failed"],
  ])("names the cause of %s and what to do next", async (_, change, code) => {
    const known = await system.call<{ config: object }>("GET", `/api/integrations/instances/${instance}`);
    const created = await system.call<{ instance_id: string }>("POST", "/api/integrations/instances", {
      type_id: "walnut.proxmox.ve",
      name: `wrong ${code}`,
      config: { ...known.body.config, ...("config" in change ? change.config : {}) },
      secrets: { api_token: "11111111-2222-3333-4444-555555555555", ...("secrets" in change ? change.secrets : {}) },
    });
    expect(created.status).toBe(201);
    const path = `/api/integrations/instances/${created.body.instance_id}`;
    const tested = await system.call("POST", `${path}/test`, undefined, { prefer: "wait=30" });
    expect(tested.body).toMatchObject({ code });
    expect(String(tested.body["detail"]).length).toBeGreaterThan(20);
    const after = await system.call("GET", path);
    expect(after.body).toMatchObject({ state: "error", last_error: { code } });
    await deleteInstance(system, created.body.instance_id);
  });

  it("shows how to add an instance of one's own: its secrets lie in files that their owner alone reads", async () => {
    const shown = await until(() => /add walnut\.proxmox\.ve .*@(\S+)$/m.exec(system.output())?.[1], "the lab's words");
    const file = resolve(shown);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const known = await system.call<{ config: object }>("GET", `/api/integrations/instances/${instance}`);
    const created = await system.call<{ instance_id: string }>("POST", "/api/integrations/instances", {
      ...{ type_id: "walnut.proxmox.ve", name: "mine", config: known.body.config },
      secrets: { api_token: readFileSync(file, "utf8") },
    });
    const path = `/api/integrations/instances/${created.body.instance_id}`;
    const tested = await system.call("POST", `${path}/test`, undefined, { prefer: "wait=30" });
    expect(tested.body).toMatchObject({ state: "succeeded", result: { status: "connected" } });
    await deleteInstance(system, created.body.instance_id);
  });

  it("lists guests and hosts, then serves them from the cache", async () => {
    const path = `/api/integrations/instances/${instance}/inventory`;
    for (const type of ["vm", "container", "host"]) {
      const { status, body } = await system.call<{ items: unknown[] }>("GET", `${path}?type=${type}&active_only=false`);
      expect(status, type).toBe(200);
      expect(body.items.length).toBeGreaterThan(1);
    }
    const again = await system.call("GET", `${path}?type=vm&cached_only=true`);
    expect(again.body).toMatchObject({ cache: { state: "fresh", target_count: expect.any(Number) } });
  });

  const listed = async (more = ""): Promise<{ state: string; status: string | undefined }> => {
    type Listing = { cache: { state: string }; items: { external_id: string; attrs: { status: string } }[] };
    const path = `/api/integrations/instances/${instance}/inventory?type=vm&active_only=false${more}`;
    const { cache, items } = (await system.call<Listing>("GET", path)).body;
    return { state: cache.state, status: items.find(({ external_id: id }) => id === "100")?.attrs.status };
  };

  it("plans a shutdown without changing anything, runs exactly that plan, and undoes it", async () => {
    const target = { type: "vm", id: "100" };
    const shutdown = { capability: "vm.lifecycle", verb: "shutdown", target };
    const planned = await action({ ...shutdown, dry_run: true });
    expect(planned.status).toBe(200);
    const plan = planned.body.result as unknown as {
      plan_id: string;
      plan: { preview: string[] };
      effects: { per_target: unknown[] };
      preconditions: { ok: boolean }[];
    };
    expect(plan.plan.preview.join("\n")).toContain("/nodes/pve1/qemu/100/status/shutdown");
    expect(plan.effects.per_target).toEqual([{ id: "100", from: "running", to: "stopped" }]);
    expect(plan.preconditions.every(({ ok }) => ok)).toBe(true);
    const replanned = await action({ ...shutdown, dry_run: true });
    expect(replanned.body.result).toMatchObject({ effects: { per_target: [{ from: "running" }] } });

    const ran = await action({ ...shutdown, plan_id: plan.plan_id });
    expect(ran.body).toMatchObject({
      state: "succeeded",
      result: {
        ok: true,
        pinned: true,
        plan_id: plan.plan_id,
        steps_done: 1,
        task_id: expect.stringMatching(/^UPID:/),
      },
    });
    // What was known from before is not called fresh any more, and is looked at anew.
    const known = await listed("&cached_only=true");
    expect(known).toMatchObject({ state: "stale", status: "running" });
    const isSeen = async () => ((await listed()).status === "stopped" ? true : undefined);
    await until(isSeen, "the inventory to show what was done");

    const journal = await system.call<{ items: unknown[] }>("GET", `/api/jobs/${ran.body.id}/journal`);
    expect(journal.body.items).toHaveLength(1);
    const events = await system.watch(ran.body.id);
    expect(events.filter(({ data }) => data["phase"] === "write")).toHaveLength(2);
    expect(events.some(({ data }) => String(data["message"]).includes("TASK OK"))).toBe(true);

    const used = await action({ ...shutdown, plan_id: plan.plan_id });
    expect(used).toMatchObject({ status: 409, body: { code: "plan_used" } });

    const undone = await system.call<Job>(
      "POST",
      `/api/jobs/${ran.body.id}/undo`,
      { confirm: true },
      { prefer: "wait=30" },
    );
    expect(undone.body).toMatchObject({
      state: "succeeded",
      result: { effects: { per_target: [{ id: "100", from: "stopped", to: "running" }] } },
    });
    const twice = await system.call("POST", `/api/jobs/${ran.body.id}/undo`, { confirm: true }, { prefer: "wait=30" });
    expect(twice.body).toMatchObject({ code: "undo_conflict" });
  });

  it("replays the log of a settled job exactly, also from its middle", async () => {
    const { body } = await system.call<{ items: Job[] }>("GET", "/api/jobs?kind=action.run&state=succeeded");
    const { id } = body.items[0]!;
    const all = await system.watch(id);
    const half = await system.watch(id, { after: 4 });
    expect(all.map((line) => line.id)).toEqual(all.map((_, index) => index + 1));
    expect(half).toEqual(all.slice(4));
  });

  it("keeps every secret out of replies, logs, files of the data folder, argv and environments", async () => {
    const lab = await system.call<{ config: { token_name: string } }>("GET", `/api/integrations/instances/${instance}`);
    expect(JSON.stringify(lab.body)).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/);
    const shown = descendants(system.pid).map(({ pid }) => shownBy(pid).toString());
    const masterKey = readFileSync(join(system.dataDir, "master.key"), "utf8").trim();
    for (const text of shown) expect(text).not.toContain(masterKey);
    expect(system.output()).not.toContain(system.token);
  });
});
