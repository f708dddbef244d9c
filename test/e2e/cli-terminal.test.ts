/** The command line before a person: questions, tables of the terminal's width, and what is followed live. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CliBench } from "../kit/cli.ts";
import { httpPack, zip } from "../kit/pack.ts";
import { until } from "../kit/system.ts";
import { useCli } from "../kit/use-cli.ts";

interface JobBody {
  readonly id: string;
  readonly state: string;
}

const shutdown = ["pve", "vm.lifecycle", "shutdown"];
const widestLine = (text: string): number => Math.max(...text.split("\n").map(({ length }) => length));

describe("the command line at a terminal", { timeout: 120_000 }, () => {
  let bench: CliBench;
  const { cli, typed, json } = useCli(async (used) => {
    bench = used;
    await cli("test", "pve");
    await cli("refresh", "pve", "--wait");
  });

  const addInstance = async (name: string): Promise<void> => {
    const set = [
      "--set",
      `host=${bench.lab.host}`,
      "--set",
      "port=1",
      "--secret",
      `api_token=@${join(bench.scratch, "token")}`,
    ];
    expect(await cli("add", "walnut.proxmox.ve", "--name", name, ...set)).toMatchObject({ code: 0 });
  };

  describe("before what cannot be taken back", () => {
    it("asks by the name of what goes, and leaves it when the answer is no or nobody is there", async () => {
      await addInstance("spare");
      const { token } = await json<{ id: string; token: string }>(
        "token",
        "create",
        "--name",
        "old",
        "--role",
        "viewer",
      );
      const { items } = await json<{ items: { id: string; name: string }[] }>("token", "list");
      const id = items.find(({ name }) => name === "old")?.id ?? "";
      const destructive: readonly (readonly [string[], string])[] = [
        [["delete", "spare"], "Delete spare"],
        [["remove", "walnut.proxmox.ve"], "pve"],
        [["rollback", "walnut.proxmox.ve"], "Take walnut.proxmox.ve"],
        [["token", "revoke", id], "(old, viewer)"],
      ];
      for (const [args, words] of destructive) {
        const left = await typed(args, { answers: ["n"] });
        expect(left, args.join(" ")).toMatchObject({ code: 6, asked: [expect.stringContaining(words)] });
        expect(await typed(args), args.join(" ")).toMatchObject({ code: 6 });
        expect(await cli(...args), args.join(" ")).toMatchObject({ code: 2, err: expect.stringContaining("--yes") });
      }
      expect(await cli("instances", "--token", token)).toMatchObject({ code: 0 });
      expect(await typed(["token", "revoke", id], { answers: ["y"] })).toMatchObject({ code: 0 });
      expect(await cli("instances", "--token", token)).toMatchObject({ code: 3 });
      expect(await typed(["delete", "spare"], { answers: ["yes"] })).toMatchObject({ code: 0 });
      expect((await cli("instances")).out).not.toContain("spare");
    });

    it("does not guess which of two tokens of one name is meant", async () => {
      const make = () => json<{ id: string }>("token", "create", "--name", "twin", "--role", "viewer");
      const ids = [(await make()).id, (await make()).id];
      const refused = await cli("token", "revoke", "twin", "--yes");
      expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('2 tokens are called "twin"') });
      for (const id of ids) expect(refused.err).toContain(id);
      expect(await cli("token", "revoke", ids[0] ?? "", "--yes")).toMatchObject({ code: 0 });
      expect(await cli("token", "revoke", "twin", "--yes")).toMatchObject({ code: 0, out: `${ids[1]} is revoked\n` });
    });

    it("refuses to leave nobody who may manage tokens, unless forced", async () => {
      const me = await json<{ id: string }>("whoami");
      const refused = await cli("token", "revoke", me.id, "--yes");
      expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/last_admin_token[\s\S]*--force/) });
      expect(await cli("whoami")).toMatchObject({ code: 0 });
    });
  });

  describe("acting", () => {
    it("shows the plan, asks, and follows what was agreed to", async () => {
      const vm = bench.nextVm();
      const left = await typed(["run", ...shutdown, vm], { answers: ["n"] });
      expect(left).toMatchObject({ code: 6, seen: expect.stringContaining("Nothing was sent") });
      const done = await typed(["run", ...shutdown, vm], { answers: ["y"] });
      expect(done.code, done.seen).toBe(0);
      expect(done.asked).toEqual(["Apply this plan? [y/N]"]);
      expect(done.seen).toMatch(/write +POST/);
      const id = /npx switchyard undo (job_\w+)/.exec(done.seen)?.[1] ?? "";
      const again = await typed(["run", ...shutdown, vm], { answers: ["y"] });
      expect(again, again.seen).toMatchObject({ code: 0, asked: [], seen: expect.stringContaining("nothing to do") });
      const planned = await cli("plan", ...shutdown, vm);
      expect(planned.err).not.toContain("--plan");
      const undone = await typed(["undo", id], { answers: ["y"] });
      expect(undone.code, undone.seen).toBe(0);
      const twice = await cli("undo", id, "--yes");
      expect(twice).toMatchObject({ code: 1, err: expect.stringMatching(/undo_conflict[\s\S]*job_\w+ undoes/) });
      expect(twice.err).toContain(`npx switchyard show ${id}\n`);
    }, 60_000);

    it("asks for the name of the target before what cannot be undone", async () => {
      const vm = bench.nextVm();
      const id = vm.slice("vm/".length);
      const { items } = await json<{ items: { external_id: string; name: string }[] }>("inventory", "pve", "--all");
      const name = items.find(({ external_id }) => external_id === id)?.name ?? "";
      const question = `reset is destructive and cannot be undone. Type ${id} or ${name} to do it:`;
      const reset = ["pve", "vm.lifecycle", "reset", vm];
      const habit = await typed(["run", ...reset], { answers: ["y"] });
      expect(habit, habit.seen).toMatchObject({ code: 6, asked: [question] });
      expect(habit.seen).toContain(`Nothing was sent. Expected ${id} or ${name}, got "y".`);
      expect(await typed(["run", ...reset])).toMatchObject({ code: 6 });
      const planned = await json<{ result: { plan_id: string } }>("plan", ...reset);
      const left = await typed(["run", ...reset, "--plan", planned.result.plan_id], { answers: ["yes"] });
      expect(left).toMatchObject({ code: 6, asked: [question] });
      for (const answer of [id, name]) {
        const done = await typed(["run", ...reset], { answers: [answer] });
        expect(done, done.seen).toMatchObject({ code: 0, asked: [question] });
      }
    }, 60_000);

    it("says what a device may still do when a job ends behind a write, and what to do instead of undo and retry", async () => {
      // It takes its time to shut down, so that the cancel comes before the end.
      const slow = [...bench.lab.state.guests.values()].find(({ quirk }) => quirk === "shutdown_hangs");
      const vm = `vm/${slow?.vmid}`;
      const { id } = await json<JobBody>("run", ...shutdown, vm, "--yes");
      await until(async () => {
        const { body } = await bench.system.call<{ items: unknown[] }>("GET", `/api/jobs/${id}/journal`);
        return body.items.length > 0 ? true : undefined;
      }, "the write");
      await bench.system.call("POST", `/api/jobs/${id}/cancel`);
      const ended = await cli("watch", id);
      expect(ended).toMatchObject({ code: 6 });
      expect(ended.err).toMatch(/A write was sent before: the device may still act on it/);
      expect(ended.err).toMatch(/POST \S+shutdown: 200 UPID:/);
      expect(ended.err).toContain("npx switchyard inventory pve --type vm --all --refresh");
      const undone = await cli("undo", id, "--yes");
      expect(undone).toMatchObject({ code: 1, err: expect.stringContaining(`npx switchyard journal ${id}`) });
      expect(undone.err).toContain("ended as cancelled");
      expect(await cli("retry", id)).toMatchObject({ code: 2, err: expect.stringContaining("1 write had been sent") });
      const looked = await typed(["retry", id], { answers: ["n"] });
      expect(looked.seen).toContain(`Does vm.lifecycle shutdown ${vm} again`);
      const again = await json<JobBody>("retry", id, "--yes");
      expect(again).toMatchObject({ retry_of: id });
      await bench.system.call("POST", `/api/jobs/${again.id}/cancel`);
      expect((await cli("journal", id)).out).toMatch(/^STEP +SENT +WHAT +ANSWERED +ANSWER\n1 /);
    }, 60_000);
  });

  describe("showing tables", () => {
    it.each([80, 120])("keeps what identifies a row, within %i columns", async (columns) => {
      await cli("run", ...shutdown, bench.nextVm(), "--yes", "--wait");
      const lists: readonly (readonly [string[], RegExp])[] = [
        [["jobs", "--all"], /^JOB +STATE +INSTANCE +WHAT +ASKED/],
        [["jobs", "--kind", "action.run"], /\njob_\w{14,26} +\w+ +pve +(vm\.lifecycle )?shutdown vm\/\d+ /],
        [["token", "list"], /^TOKEN +NAME +ROLE +ENDS/],
        [["audit"], /\n(2026-)?\d\d-\d\d \d\d:\d\d:\d\d +admin /],
        [["instances"], /^INSTANCE +STATE +TYPE +CHECKED[^\n]*\npve +connected +walnut.proxmox.ve +\d+ m?s/],
        [["schedules"], /pve +heartbeat +2 min +in \d+ (s|min) /],
        [["types"], /\nwalnut.proxmox.ve +\d+\.\d+\.\d+ +valid /],
        [["inventory", "pve", "--all"], /\n\d+ +\S+ +running +pve\d/],
      ];
      for (const [args, form] of lists) {
        const { code, out, seen } = await typed(args, { columns });
        expect(code, seen).toBe(0);
        expect(out, args.join(" ")).toMatch(form);
        expect(widestLine(out), `${args.join(" ")}\n${out}`).toBeLessThanOrEqual(columns);
      }
    });

    it.each([50, 30])("wraps no row at %i columns either, and says what it left out", async (columns) => {
      for (const args of [["jobs", "--all"], ["audit"], ["instances"], ["types"], ["inventory", "pve", "--all"]]) {
        const { out, seen } = await typed(args, { columns });
        expect(widestLine(out), out).toBeLessThanOrEqual(columns);
        expect(seen.replaceAll(/\s+/g, " "), args.join(" ")).toMatch(/left out: [A-Z_]+.* \(widen the terminal or/);
      }
    });

    it("takes the shortened ids that it shows", async () => {
      await cli("test", "pve");
      const { out } = await typed(["jobs"], { columns: 80 });
      const short = /job_\w+/.exec(out)?.[0] ?? "";
      expect(short.length).toBeLessThan(30);
      expect(await cli("show", short)).toMatchObject({ code: 0, out: expect.stringContaining(short) });
      expect(await cli("watch", short.slice(4))).toMatchObject({ code: 0 });
      expect(await cli("watch", "job_0000000000")).toMatchObject({ code: 4 });
    });

    it("leaves out what schedules asked for, and says so", async () => {
      const { seen } = await typed(["jobs"]);
      expect(seen).toContain("--all");
      expect(await typed(["jobs", "--by", "schedule"])).toMatchObject({ code: 0 });
      expect(await typed(["jobs", "--by", "me", "--since", "1h"])).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^JOB/),
      });
      for (const [option, word, near] of [
        ["--kind", "action.rum", "action.run"],
        ["--state", "runing", "running"],
        ["--by", "schedul", "schedule"],
        ["--since", "yesterday", "2h"],
      ] as const) {
        expect(await cli("jobs", option, word)).toMatchObject({ code: 2, err: expect.stringContaining(near) });
      }
    });
  });

  it("leaves removed types out of the list, and says how to get rid of one that never was valid", async () => {
    const broken = join(bench.scratch, "broken.int");
    writeFileSync(
      broken,
      await zip(httpPack("test.broken", { transports: `  http:\n    url: "http://lamp.example"` })),
    );
    const failed = await cli("install", broken, "--wait");
    expect(failed).toMatchObject({ code: 1, err: expect.stringContaining("npx switchyard remove test.broken") });
    expect((await cli("types")).err).toContain("npx switchyard remove test.broken");
    expect(await cli("remove", "test.broken", "--yes", "--wait")).toMatchObject({ code: 0 });
    const listed = await cli("types");
    expect(listed.out).not.toContain("test.broken");
    expect(listed.err).toContain("--all");
    expect((await cli("types", "--all")).out).toMatch(/test.broken +1\.0\.0 +removed/);
  });

  it("suggests the id of a target that was called by its name", async () => {
    const { items } = await json<{ items: { external_id: string; name: string }[] }>("inventory", "pve", "--all");
    const [first] = items;
    const near = `Did you mean vm/${first?.external_id} (${first?.name})?`;
    const named = await cli("plan", ...shutdown, `vm/${first?.name}`);
    expect(named).toMatchObject({ code: 4, err: expect.stringContaining(near) });
    const missed = await cli("plan", ...shutdown, `vm/${first?.external_id}9`);
    expect(missed).toMatchObject({ code: 4, err: expect.stringMatching(/target_not_found[\s\S]*Did you mean vm\//) });
  });

  it("sends nobody to an inventory of targets that a type acts on without listing them", async () => {
    const file = join(bench.scratch, "rack.int");
    const lost = `async vm_power({ target }) { throw new DriverError("target_not_found", "No " + target.id + "."); }
      async test_connection() { return { status: "connected", latency_ms: 1 }; }
      async inventory_list() { return []; }`;
    const power = "{ id: vm.power, verbs: [stop], targets: [vm], dry_run: required, writes: [POST /vms/*] }";
    const listed = {
      "test.rack": "  - { id: inventory.list, verbs: [list], targets: [rack, shelf] }\n",
      "test.blind": "",
    };
    for (const [id, inventory] of Object.entries(listed)) {
      const driver = inventory === "" ? lost.replace("async inventory_list() { return []; }", "") : lost;
      writeFileSync(file, await zip(httpPack(id, { driver, capabilities: `${inventory}  - ${power}` })));
      const installed = await cli("install", file, "--wait");
      expect(installed, installed.err).toMatchObject({ code: 0 });
      expect(await cli("add", id, "--name", id, "--set", "host=127.0.0.1", "--set", "port=1")).toMatchObject({
        code: 0,
      });
    }
    const stop = (instance: string) => cli("plan", instance, "vm.power", "stop", "vm/1");
    expect((await stop("test.rack")).err).toContain("No inventory lists vm.");
    const blind = await stop("test.blind");
    expect(blind).toMatchObject({ code: 4, err: expect.stringContaining("target_not_found") });
    expect(blind.err).not.toContain("inventory");
  });

  it("says how to have the files that an action kept, and shows no change where there is none", async () => {
    const file = join(bench.scratch, "keeper.int");
    const driver = `async test_connection() { return { status: "connected", latency_ms: 1 }; }
      async vm_config({ target, dryRun }) {
        const effects = { summary: "save", per_target: [{ id: target.id, from: null, to: null }] };
        if (dryRun) return { ok: true, severity: "info", preconditions: [], plan: { kind: "api", steps: [] }, effects };
        this.artifact("config.txt", new TextEncoder().encode("hostname one"), "text/plain");
        return { ok: true, details: { lines: 1 } };
      }`;
    const capabilities =
      "  - { id: vm.config, verbs: [backup], targets: [vm], dry_run: required, writes: [POST /vms/*] }";
    writeFileSync(file, await zip(httpPack("test.keeper", { driver, capabilities })));
    const installed = await cli("install", file, "--wait");
    expect(installed, installed.err).toMatchObject({ code: 0 });
    await cli("add", "test.keeper", "--name", "keeper", "--set", "host=127.0.0.1", "--set", "port=1");
    const ran = await cli("run", "keeper", "vm.config", "backup", "vm/1", "--yes", "--wait");
    expect(ran, ran.err).toMatchObject({ code: 0, out: expect.stringMatching(/^backup vm 1$/m) });
    const [, route = ""] = /It kept config\.txt \(12 bytes\): npx switchyard api GET (\S+)/.exec(ran.err) ?? [];
    const kept = await cli("api", "GET", route);
    expect(kept, `${ran.out} ${ran.err} ${kept.err}`).toMatchObject({
      code: 0,
      out: expect.stringContaining("hostname one"),
    });
  });
});
