/** The exit codes of the command line, and the words beside them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CliBench, Running } from "../kit/cli.ts";
import { httpPack } from "../kit/pack.ts";
import { openShell } from "../kit/shell.ts";
import { until } from "../kit/system.ts";
import { useCli } from "../kit/use-cli.ts";

interface JobBody {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly error: { readonly code: string } | null;
  readonly result: Record<string, unknown>;
}

const shutdown = ["pve", "vm.lifecycle", "shutdown"];

describe("the exit code of a command", { timeout: 120_000 }, () => {
  let bench: CliBench;
  /** A job whose driver never answers, from the beginning: it takes as long as its kind may. */
  let hanging: Running;
  const { start, cli, json } = useCli(async (used) => {
    bench = used;
    const driver = "async test_connection() { await new Promise(() => setInterval(() => undefined, 1_000)); }";
    const pack = httpPack("acme.hanging", {
      driver: `${driver}\n  async inventory_list() { return []; }`,
      capabilities: "  - { id: inventory.list, verbs: [list], targets: [vm] }",
    });
    const folder = join(bench.scratch, "hanging");
    mkdirSync(folder);
    for (const [name, text] of Object.entries(pack)) writeFileSync(join(folder, name), text);
    expect(await cli("install", folder, "--wait")).toMatchObject({ code: 0 });
    const set = ["--set", "host=127.0.0.1", "--set", "port=1"];
    expect(await cli("add", "acme.hanging", "--name", "hanging", ...set)).toMatchObject({ code: 0 });
    hanging = start(["test", "hanging", "--wait"]);
  });

  it("are 2 for wrong usage, with the words that are near", async () => {
    const wrong: readonly (readonly [string[], string])[] = [
      [["instnces"], "instances"],
      [["add", "walnut.proxmox.ve", "--name", "x", "--set", "hst=1"], "Did you mean host?"],
      [["add", "walnut.proxmox.ve", "--name", "x", "--set", "api_token=a"], "api_token=@"],
      [["add", "walnut.proxmox.ve", "--name", "x", "--set", "zzz=1"], "token_name, "],
      [["add", "walnut.proxmox.ve", "--name", "x", "--set", "api_tokn=a"], "Did you mean api_token?"],
      [["add", "walnut.proxmox.ve", "--name", "x", "--secret", "api_token=a"], "api_token=-"],
      [["run", "pve", "vm.lifecycle", "shutdwon", "vm/100"], "Did you mean shutdown?"],
      [["run", "pve", "vm.lifecycle", "stop", "vm/100"], "--yes"],
      [["run", "pve", "vm.lifecycle", "stop", "vm100"], "vm/100"],
      [["test", "pve", "--timeout", "soon"], "seconds"],
      [["install", join(bench.scratch, "absent.int")], "no file or folder"],
    ];
    for (const [args, words] of wrong) {
      expect(await cli(...args), args.join(" ")).toMatchObject({ code: 2, err: expect.stringContaining(words) });
    }
    const unknown = await cli("add", "walnut.proxmox.ve", "--name", "x", "--set", "zzz=1");
    expect(unknown.err).not.toContain("api_token");
  });

  it("are 3 for what the token may not do, 4 for what is not there, 5 without a server", async () => {
    const made = await cli("token", "create", "--name", "looker", "--role", "viewer");
    const token = made.out.trim();
    expect(await cli("instances", "--token", token)).toMatchObject({ code: 0 });
    expect(await cli("test", "pve", "--token", token)).toMatchObject({
      code: 3,
      err: expect.stringContaining("forbidden"),
    });
    const id = /tok_\w+/.exec(made.err)?.[0] ?? "";
    expect(await cli("token", "revoke", id, "--yes")).toMatchObject({ code: 0 });
    expect(await cli("instances", "--token", token)).toMatchObject({ code: 3 });
    expect(await cli("test", "pev")).toMatchObject({ code: 4, err: expect.stringContaining("Did you mean pve?") });
    expect(await cli("watch", "job_nothing")).toMatchObject({ code: 4 });
    expect(await cli("types", "--url", "http://127.0.0.1:1")).toMatchObject({
      code: 5,
      err: expect.stringContaining("npm start"),
    });
    expect(await start(["types"], { env: { SWITCHYARD_DATA: bench.scratch } }).done).toMatchObject({ code: 5 });
  });

  it("is 1 when the job failed, and the problem is the output of --json", async () => {
    const text = `host=${bench.lab.host}`;
    const added = start(
      ["add", "walnut.proxmox.ve", "--name", "dead", "--set", text, "--set", "port=1", "--secret", "api_token=-"],
      {
        input: "root@pam!x=00000000-0000\n",
      },
    );
    expect(await added.done).toMatchObject({ code: 0 });
    expect(await cli("test", "dead")).toMatchObject({ code: 1, err: expect.stringContaining("connection_refused") });
    expect(await json("types", "nothing")).toMatchObject({ code: "not_found" });
    const failed = await json<{ items: JobBody[] }>("jobs", "--instance", "dead", "--state", "failed");
    const shown = await cli("show", failed.items[0]!.id);
    expect(shown).toMatchObject({ code: 0, out: expect.stringContaining("connection_refused") });
    expect(await cli("retry", failed.items[0]!.id, "--wait")).toMatchObject({ code: 1 });
    expect(await cli("delete", "dead", "--yes")).toMatchObject({ code: 0 });
    expect(await cli("undo", failed.items[0]!.id)).toMatchObject({ code: expect.toBeOneOf([1, 4]) });
  });

  it("is 124 when the wait is over before the job, 6 when the job was cancelled", async () => {
    const vm = bench.nextVm();
    const waited = await cli("run", ...shutdown, vm, "--timeout", "0.3");
    expect(waited).toMatchObject({ code: 124, err: expect.stringContaining("switchyard watch job_") });
    const id = /watch (job_\w+)/.exec(waited.err)?.[1] ?? "";
    expect(await cli("cancel", id)).toMatchObject({ code: 0 });
    expect((await cli("watch", id)).code).toBe(6);
    expect(await cli("cancel", id)).toMatchObject({ code: 1, err: expect.stringContaining("job_settled") });
  });

  it("is 130 when the watcher leaves, and the job goes on", async () => {
    const { id } = await json<JobBody>("run", ...shutdown, bench.nextVm());
    const watching = start(["watch", id]);
    await until(() => (watching.out().includes("start") ? true : undefined), "the first line");
    watching.interrupt();
    expect(await watching.done).toMatchObject({ code: 130, err: expect.stringContaining("goes on") });
    expect(await cli("watch", id)).toMatchObject({ code: 0 });
  });

  it("is 130 as well when a terminal tells everybody, and who stands between passes it on", async () => {
    const { id } = await json<JobBody>("run", ...shutdown, bench.nextVm());
    const shell = openShell({ SWITCHYARD_DATA: bench.system.dataDir });
    try {
      const watching = shell.start(`exec npx switchyard watch ${id}`);
      await until(() => (watching.out().includes("start") ? true : undefined), "the first line");
      watching.interrupt();
      expect(await watching.done).toMatchObject({ code: 130, err: expect.stringContaining("goes on") });
    } finally {
      shell.dispose();
    }
  });

  it("is 124 when the job itself took longer than its kind may", async () => {
    const ended = await hanging.done;
    expect(ended).toMatchObject({ code: 124, err: expect.stringContaining("timed_out") });
    const { items } = await json<{ items: JobBody[] }>("jobs", "--instance", "hanging");
    expect(items).toMatchObject([
      { kind: "instance.test_connection", state: "timed_out", error: { code: "timed_out" } },
    ]);
    expect(await cli("watch", items[0]!.id)).toMatchObject({ code: 124 });
  }, 90_000);

  it("is 7 when a write was sent and its answer is not known", async () => {
    const vm = bench.nextVm();
    bench.lab.faults.add({ kind: "hung", method: "POST", path: `/${vm.replace("vm", "qemu")}/`, after: true });
    const watching = start(["run", ...shutdown, vm, "--watch"]);
    await until(() => (watching.out().includes("write") ? true : undefined), "the write");
    bench.system.kill("switchyard-worker");
    const ended = await watching.done;
    bench.lab.faults.clear();
    expect(ended).toMatchObject({ code: 7, out: expect.stringContaining("unknown_outcome") });
  }, 60_000);
});
