/** The command line against a running system: every command, and its JSON. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CliBench } from "../kit/cli.ts";
import { httpPack, zip } from "../kit/pack.ts";
import { until } from "../kit/system.ts";
import { useCli } from "../kit/use-cli.ts";

interface JobBody {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly error: { readonly code: string } | null;
  readonly result: Record<string, unknown>;
}

const packFolder = join(import.meta.dirname, "..", "..", "integrations", "walnut.proxmox.ve");
const shutdown = ["pve", "vm.lifecycle", "shutdown"];

describe("the command line", { timeout: 120_000 }, () => {
  let bench: CliBench;
  const { start, cli, json } = useCli((used) => {
    bench = used;
  });

  describe("looking", () => {
    it("tests an instance and waits for what comes out", async () => {
      const { code, out } = await cli("test", "pve");
      expect(out).toMatch(/^connected {2}Proxmox VE /);
      expect(code).toBe(0);
      expect(await json<JobBody>("test", "pve")).toMatchObject({
        kind: "instance.test_connection",
        state: "succeeded",
      });
    });

    it("lists types, instances, jobs, schedules, tokens, changes and the audit log as the API has them", async () => {
      await cli("refresh", "pve", "--wait");
      const routes: readonly (readonly [string, string[]])[] = [
        ["/api/integrations/types", ["types"]],
        ["/api/integrations/types/prometheus", ["types", "prometheus"]],
        ["/api/integrations/instances", ["instances"]],
        ["/api/jobs?kind=instance.refresh_inventory", ["jobs", "--kind", "instance.refresh_inventory"]],
        ["/api/tokens", ["token", "list"]],
        ["/api/whoami", ["whoami"]],
      ];
      for (const [path, args] of routes) {
        expect(await json(...args)).toEqual((await bench.system.call("GET", path)).body);
        expect(await cli(...args)).toMatchObject({ code: 0, err: "" });
      }
      for (const name of ["schedules", "audit"]) expect(await json(name)).toHaveProperty("items.0");
      expect(await json("changes", "pve")).toHaveProperty("items.0.added");
      expect((await cli("changes", "pve")).out).toMatch(/\+ 100 /);
    });

    it("says what is wrong with the system", async () => {
      expect(await cli("doctor")).toMatchObject({ code: 0, out: expect.stringMatching(/ok +redis/) });
      expect(await json("doctor")).toMatchObject({ ok: true });
    });

    it("shows the inventory by a person's name for the instance", async () => {
      const { out, code } = await cli("inventory", "pve", "--type", "host");
      expect(code).toBe(0);
      expect(out.split("\n")[0]).toMatch(/^ID +NAME +STATUS/);
      const all = await json<{ items: unknown[] }>("inventory", "pve", "--type", "vm", "--all");
      const active = await json<{ items: unknown[] }>("inventory", "pve", "--type", "vm", "--refresh");
      expect(all.items.length).toBe(40);
      expect(active.items.length).toBeLessThan(40);
    });

    it("helps with what the server knows: fields, actions with their parameters, routes; and without one", async () => {
      const helped = async (...args: string[]) => (await cli(...args, "--help")).out;
      expect(await helped("add", "walnut.proxmox.ve")).toMatch(/--secret api_token=- +string.*\n[\s\S]*--set verify/);
      expect(await helped("add")).toContain("$ npx switchyard add walnut.proxmox.ve --name pve");
      const other = await helped("add", "prometheus.alertmanager");
      expect(other).not.toContain("walnut");
      expect(other).toMatch(/\$ npx switchyard add prometheus\.alertmanager --name NAME --set \w+=\.\.\./);
      expect(await helped("edit", "pve")).toContain("--set host=...");
      const all = await helped("run", "pve");
      expect(all).toMatch(/Actions of pve .*\n +vm\.lifecycle shutdown\|start/);
      expect(all).toContain("power.control");
      const one = await helped("plan", "pve", "vm.lifecycle", "shutdown");
      expect(one).toMatch(/--param \w+=\.\.\. +(integer|boolean|string|number)/);
      expect(one).not.toContain("power.control");
      const route = await helped("api", "POST", "/api/jobs/job_1/undo");
      expect(route).toMatch(
        /POST \/api\/jobs\/\{id\}\/undo: .*Needs the role operator.*\n[\s\S]*confirm \(body\) +boolean/,
      );
      for (const words of [["run", "nobody"], ["run"], ["api", "GET", "/nowhere"]]) {
        expect(await cli(...words, "--help")).toMatchObject({ code: 0, out: expect.stringContaining("Usage: ") });
      }
      const away = await cli("run", "pve", "--url", "http://127.0.0.1:9", "--help");
      expect(away).toMatchObject({ code: 0, err: "", out: expect.not.stringContaining("Actions of") });
    });

    it("asks any route", async () => {
      expect(await cli("api", "GET", "/healthz")).toMatchObject({
        code: 0,
        out: expect.stringContaining('"alive":true'),
      });
      expect((await cli("api", "get", "/metrics")).out).toContain("# HELP");
      expect(await cli("api", "GET", "/api/nothing")).toMatchObject({ code: 4 });
    });
  });

  describe("acting", () => {
    it("plans, applies that plan, and takes it back", async () => {
      const vm = bench.nextVm();
      const planned = await cli("plan", ...shutdown, vm);
      expect(planned.code).toBe(0);
      expect(planned.out).toMatch(/ok +permission/);
      expect(planned.out).toMatch(
        new RegExp(`1\\. POST /api2/json/nodes/\\w+/${vm.replace("vm", "qemu")}/status/shutdown`),
      );
      expect(planned.out).toContain(`${vm.slice(3)}: running -> stopped`);
      expect(bench.lab.writes).toEqual([]);
      const plan = /--plan (pln_\w+)/.exec(planned.err)?.[1] ?? "";
      const done = await json<JobBody>("run", ...shutdown, vm, "--plan", plan, "--wait");
      expect(done).toMatchObject({ state: "succeeded", result: { plan_id: plan } });
      const undone = await cli("undo", done.id, "--yes", "--watch");
      expect(undone).toMatchObject({ code: 0, out: expect.stringContaining(`${vm.slice(3)}: stopped -> running`) });
      expect(bench.lab.writes.length).toBe(2);
    });

    it("lists what an action made of its target, not what was seen before", async () => {
      const vm = bench.nextVm();
      const listed = async () =>
        (await cli("inventory", "pve", "--type", "vm", "--all")).out
          .split("\n")
          .find((line) => line.startsWith(`${vm.slice(3)} `));
      expect(await listed()).toContain("running");
      expect(await cli("run", ...shutdown, vm, "--wait")).toMatchObject({ code: 0 });
      expect(await listed()).toContain("stopped");
    });

    it("answers at once with the job when nobody waits", async () => {
      const queued = await cli("run", ...shutdown, bench.nextVm());
      expect(queued).toMatchObject({ code: 0, err: expect.stringMatching(/switchyard watch job_/) });
      const id = /^(job_\w+) /.exec(queued.out)?.[1] ?? "";
      expect(await cli("watch", id)).toMatchObject({ code: 0, out: expect.stringContaining("running -> stopped") });
    });

    it("exits with 0 for a plan that may not be applied, with 1 for its run", async () => {
      const locked = [...bench.lab.state.guests.values()].find(
        ({ kind, lock }) => kind === "qemu" && lock !== null,
      )?.vmid;
      const planned = await cli("plan", ...shutdown, `vm/${locked}`);
      expect(planned).toMatchObject({ code: 0, out: expect.stringMatching(/not ok +not_locked/) });
      expect(await json<JobBody>("plan", ...shutdown, `vm/${locked}`)).toMatchObject({ result: { ok: false } });
      const ran = await cli("run", ...shutdown, `vm/${locked}`, "--wait");
      expect(ran).toMatchObject({ code: 1, err: expect.stringContaining("plan_blocked") });
      expect(ran.err).toContain("not_locked");
      expect(ran.err).not.toContain("npx switchyard plan");
    });

    it("prints each event as the API has it, one a line, without colour", async () => {
      const { out } = await start(["run", ...shutdown, bench.nextVm(), "--watch", "--json"]).done;
      const lines = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      const done = lines.pop();
      expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
      expect(done).toMatchObject({ state: "succeeded", success: true });
      const { out: text, err } = await start(["watch", String(done?.["job_id"])], { env: { FORCE_COLOR: "3" } }).done;
      expect(text + err).not.toMatch(/\u001b/);
      expect(text.split("\n").filter((line) => / (info|warn|error) /.test(line)).length).toBe(lines.length);
    });

    it("shows each line once when the API is killed under the watcher", async () => {
      const { id } = await json<JobBody>("run", ...shutdown, bench.nextVm());
      const watching = start(["watch", id, "--json"]);
      await until(() => (watching.out().includes('"phase":"write"') ? true : undefined), "the first write");
      expect(bench.system.kill("switchyard-api").length).toBe(1);
      const { code, out } = await watching.done;
      const lines = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(code).toBe(0);
      expect(lines.pop()).toMatchObject({ state: "succeeded" });
      expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
      await until(
        async () => ((await fetch(`${bench.system.url}/readyz`).catch(() => null))?.ok ? true : undefined),
        "ready",
      );
    });
  });

  describe("packs", () => {
    it("installs a file and a folder, and removes the type", async () => {
      const file = join(bench.scratch, "lamp.int");
      writeFileSync(file, await zip(httpPack("test.lamp")));
      const installed = await cli("install", file, "--wait");
      expect(installed).toMatchObject({ code: 0, out: expect.stringContaining("test.lamp 1.0.0 is valid") });
      expect(await cli("remove", "test.lamp", "--wait", "--yes")).toMatchObject({ code: 0 });
      const folder = join(bench.scratch, "folder");
      cpSync(packFolder, folder, { recursive: true, filter: (path) => !path.endsWith("/test") });
      const manifest = readFileSync(join(folder, "plugin.yaml"), "utf8").replace(
        "id: walnut.proxmox.ve",
        "id: test.copy",
      );
      writeFileSync(join(folder, "plugin.yaml"), manifest);
      expect(await json<JobBody>("install", folder, "--wait")).toMatchObject({
        result: { type_id: "test.copy", status: "valid" },
      });
      expect(await cli("rollback", "test.copy", "--wait", "--yes")).toMatchObject({
        code: 1,
        err: expect.stringContaining("no_earlier_release"),
      });
      expect(await cli("rescan", "--wait")).toMatchObject({ code: 0 });
    });

    it("lists what a pack asks for, and grants it when told so", async () => {
      const transports = `  http:\n    url: "http://lamp.example:{port}/api"`;
      const file = join(bench.scratch, "asking.int");
      writeFileSync(
        file,
        await zip(
          httpPack("test.asking", { transports, extra: 'requires: { permissions: ["net:http:lamp.example"] }' }),
        ),
      );
      const silent = await zip(httpPack("test.silent", { transports }));
      writeFileSync(join(bench.scratch, "silent.int"), silent);
      const invalid = await cli("install", join(bench.scratch, "silent.int"), "--watch");
      expect(invalid.out).toMatch(/ schema_error: plugin\.yaml:\d+:\d+: \/transports\/http\/url expected /);
      expect(invalid).toMatchObject({ code: 1, err: expect.stringMatching(/schema_error: \/transports\/http\/url/) });
      const refused = await cli("install", file, "--wait");
      expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("asks for net:http:lamp.example") });
      const unasked = await cli("install", file, "--consent", "--wait");
      expect(unasked).toMatchObject({ code: 3, err: expect.stringContaining("--consent --yes") });
      const granted = await cli("install", file, "--consent", "--yes", "--wait");
      expect(granted).toMatchObject({ code: 0, out: expect.stringContaining("is valid") });
    });
  });
});
