/** Changing things by the command line, and looking at one thing whole; any route; completion. */
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CliBench } from "../kit/cli.ts";
import { httpPack, zip } from "../kit/pack.ts";
import { hasPrograms } from "../kit/program.ts";
import { useCli } from "../kit/use-cli.ts";

interface InstanceBody {
  readonly instance_id: string;
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly state: string;
}

describe("the command line changes things", { timeout: 120_000 }, () => {
  let bench: CliBench;
  const { cli, typed, json } = useCli((used) => {
    bench = used;
  });

  /** An editor that does this to the file it is given. */
  const editor = (name: string, script: string): Record<string, string> => {
    const path = join(bench.scratch, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return { VISUAL: "", EDITOR: path };
  };

  describe("of an instance", () => {
    const add = async (name: string): Promise<InstanceBody> => {
      const set = [`host=${bench.lab.host}`, `port=${bench.lab.port}`, `tls_fingerprint=${bench.lab.fingerprint}`];
      const pairs = set.flatMap((pair) => ["--set", pair]);
      const secret = ["--secret", `api_token=@${join(bench.scratch, "token")}`];
      const token = ["--set", `token_name=${bench.lab.tokens.admin.token_name}`];
      return json<InstanceBody>("add", "walnut.proxmox.ve", "--name", name, ...pairs, ...token, ...secret);
    };

    it("by options: one field, a default, a secret, the name; the rest stays", async () => {
      const { config } = await add("by-options");
      await cli("test", "by-options");
      const changed = await json<InstanceBody>("edit", "by-options", "--set", "port=9", "--name", "renamed");
      expect(changed).toMatchObject({ name: "renamed", config: { ...config, port: 9 }, state: "needs_review" });
      const said = await cli("edit", "renamed", "--unset", "port");
      expect(said).toMatchObject({ code: 0, err: expect.stringContaining("npx switchyard test renamed") });
      expect((await json<InstanceBody>("show", "renamed")).config).not.toHaveProperty("port");
      const secret = bench.start(["edit", "renamed", "--secret", "api_token=-", "--json"], {
        input: "another-token-value\n",
      });
      const after = await secret.done;
      expect(after, after.err).toMatchObject({ code: 0 });
      expect(after.out).not.toContain("another-token-value");
      const wrong: readonly (readonly [string[], string])[] = [
        [["--set", "prt=1"], "Did you mean port?"],
        [["--unset", "hots"], "Did you mean host?"],
        [["--unset-secret", "nothing"], "it is not set"],
        [["--set", "api_token=visible"], "api_token=-"],
        [[], "no terminal for an editor"],
      ];
      for (const [args, words] of wrong) {
        expect(await cli("edit", "renamed", ...args)).toMatchObject({ code: 2, err: expect.stringContaining(words) });
      }
    });

    it("says each wrong field once", async () => {
      await add("wrong-fields");
      const { code, err } = await cli("edit", "wrong-fields", "--set", "port=none", "--unset", "host");
      expect(code).toBe(2);
      expect(err.match(/--set port/g), err).toHaveLength(1);
      expect(err.match(/expected/g)?.length, err).toBe(new Set(err.match(/--set \S+/g)).size);
    });

    it("in an editor, that shows the schema and is opened again with what was refused", async () => {
      await add("by-hand");
      const seen = join(bench.scratch, "seen.yaml");
      const same = await typed(["edit", "by-hand"], { env: editor("same", `cp "$1" ${seen}`) });
      expect(same, same.seen).toMatchObject({ code: 0, seen: expect.stringContaining("Nothing was changed") });
      const shown = execFileSync("cat", [seen], { encoding: "utf8" });
      expect(shown).toMatch(/^name: by-hand$/m);
      expect(shown).toMatch(/^ {2}# .*required.*\n {2}host: /m);
      expect(shown).not.toContain(bench.lab.tokens.admin.api_token);
      // The first time a port that is none, the second time one that is.
      const twice = `if grep -q 'port: nope' "$1"; then sed -i 's/port: .*/port: 8007/' "$1"; else sed -i 's/port: .*/port: nope/' "$1"; fi`;
      const changed = await typed(["edit", "by-hand"], { env: editor("twice", twice), answers: ["y"] });
      expect(changed, changed.seen).toMatchObject({ code: 0, asked: [expect.stringContaining("again")] });
      expect(changed.seen).toContain("config_invalid");
      expect((await json<InstanceBody>("show", "by-hand")).config).toMatchObject({ port: 8007 });
      const left = await typed(["edit", "by-hand"], { env: editor("broken", `echo '[' > "$1"`), answers: ["n"] });
      expect(left).toMatchObject({ code: 6, seen: expect.stringContaining("not YAML") });
      const none = await typed(["edit", "by-hand"], { env: { VISUAL: "", EDITOR: "/nowhere/editor" } });
      expect(none).toMatchObject({ code: 2, seen: expect.stringContaining("EDITOR") });
    });

    it("says that a pinned certificate is not the one that is shown, and how the new one is trusted", async () => {
      await add("pinned");
      const other = "ab".repeat(32);
      await cli("edit", "pinned", "--set", `tls_fingerprint=${other}`);
      const own = bench.lab.fingerprint.replaceAll(":", "").toLowerCase();
      const { code, err } = await cli("test", "pinned");
      expect(code).toBe(1);
      expect(err).toMatch(/tls_untrusted[\s\S]*not the pinned one/);
      expect(err).toContain(
        `renewed, and only then, trust the new one: npx switchyard edit pinned --set tls_fingerprint=${own}`,
      );
      const doctor = await cli("doctor");
      expect(doctor).toMatchObject({
        code: 1,
        out: expect.stringMatching(/not ok +instance pinned +Its state is needs_review: .*pinned/),
      });
      expect(await cli("edit", "pinned", "--set", `tls_fingerprint=${bench.lab.fingerprint}`)).toMatchObject({
        code: 0,
      });
      expect((await cli("instances")).out).toMatch(/pinned +needs_review .*Changed since it was tested/);
      expect(await cli("test", "pinned")).toMatchObject({ code: 0 });
      await cli("edit", "pinned", "--unset", "tls_fingerprint");
      expect((await cli("test", "pinned")).err).toMatch(/-> When the device itself shows this fingerprint/);
    });

    it("says how to change a host that no instance may reach", async () => {
      await add("astray");
      await cli("edit", "astray", "--set", `port=${new URL(bench.system.url).port}`);
      const { code, err } = await cli("test", "astray");
      expect(code).toBe(1);
      expect(err).toMatch(
        /endpoint_not_allowed[\s\S]*the runner itself[\s\S]*-> Change it with: npx switchyard edit astray/,
      );
    });

    it("pauses and resumes what is done to it by itself", async () => {
      const said = await cli("schedules", "pause", "pve", "--json");
      expect(said, said.err).toMatchObject({ code: 0 });
      const paused = JSON.parse(said.out) as { items: { id: string; paused: boolean }[] };
      expect(paused.items.map((item) => item.paused)).toEqual([true, true]);
      expect((await cli("schedules")).out).toMatch(/pve +heartbeat +2 min +paused/);
      const one = await json<{ items: { id: string }[] }>("schedules", "resume", "pve", "--kind", "heartbeat");
      expect(one.items).toEqual([expect.objectContaining({ paused: false, kind: "instance.test_connection" })]);
      const other = await cli("schedules", "resume", paused.items[1]?.id ?? "");
      expect(other).toMatchObject({ code: 0, out: expect.stringMatching(/^pve: (refresh|heartbeat) ticks\n$/) });
      expect(await cli("schedules", "pause", "pvo")).toMatchObject({ code: 4, err: expect.stringContaining("pve?") });
      expect(await cli("schedules", "pause", "pve", "--kind", "refrsh")).toMatchObject({ code: 2 });
    });
  });

  it("shows the releases of a type, validates it again, and goes back to the beginning of a digest", async () => {
    for (const version of ["1.0.0", "1.1.0"]) {
      const file = join(bench.scratch, `lamp-${version}.int`);
      writeFileSync(file, await zip(httpPack("test.lamp", { version })));
      expect(await cli("install", file, "--wait")).toMatchObject({ code: 0 });
    }
    const { items } = await json<{ items: { version: string; digest: string }[] }>("releases", "test.lamp");
    expect(items.map(({ version }) => version).sort()).toEqual(["1.0.0", "1.1.0"]);
    expect((await cli("releases", "test.lamp")).out).toMatch(/1\.1\.0 +\w+, active/);
    expect(await cli("validate", "test.lamp")).toMatchObject({ code: 0, out: expect.stringContaining("is valid") });
    const first = items.find(({ version }) => version === "1.0.0")?.digest.slice(0, 16) ?? "";
    expect(await cli("rollback", "test.lamp", "--digest", first, "--yes", "--wait")).toMatchObject({ code: 0 });
    expect((await json<{ version: string }>("show", "test.lamp")).version).toBe("1.0.0");
    expect(await cli("rollback", "test.lamp", "--digest", "zz", "--yes")).toMatchObject({ code: 4 });
  });

  it("advises to take a broken pack away only where it is the one that is installed", async () => {
    const install = async (id: string, version: string, more: object = {}) => {
      const file = join(bench.scratch, `${id}-${version}.int`);
      writeFileSync(file, await zip(httpPack(id, { version, ...more })));
      return cli("install", file, "--wait");
    };
    const broken = { driver: "  async test_connection() { return 1 +; }" };
    expect((await install("test.first", "1.0.0", broken)).err).toContain("npx switchyard remove test.first");
    expect(await install("test.fan", "1.0.0")).toMatchObject({ code: 0 });
    const { err } = await install("test.fan", "1.1.0", broken);
    expect(err).toContain("The installed 1.0.0 stays as it is.");
    expect(err).toContain("-> Mend the pack and install it again.");
    expect(err).not.toContain("npx switchyard remove");
  });

  it("shows a job, a plan, an instance and a type, and says what is near when there is none", async () => {
    const job = await json<{ id: string; result: { plan_id: string } }>(
      "plan",
      "pve",
      "vm.lifecycle",
      "shutdown",
      bench.nextVm(),
    );
    expect((await cli("show", job.id)).out).toMatch(
      /^job +job_\w+ \(action\.plan\)\nwhat +plan vm\.lifecycle shutdown vm\/\d+/,
    );
    expect(await json("show", job.result.plan_id)).toMatchObject({ plan_id: job.result.plan_id });
    expect((await cli("show", job.result.plan_id)).out).toContain("It can be applied until");
    expect((await cli("show", "pve")).out).toMatch(/^instance_id: ins_/);
    expect((await cli("show", "prometheus")).out).toMatch(/^id: prometheus/);
    expect(await cli("show", "promethius")).toMatchObject({
      code: 4,
      err: expect.stringContaining("Did you mean prometheus?"),
    });
  });

  it("asks any route with a body of any kind, and has clear words for what it cannot ask", async () => {
    const file = join(bench.scratch, "by-api.int");
    writeFileSync(file, await zip(httpPack("test.byapi")));
    const uploaded = await json("api", "POST", "/api/integrations/types/upload", "--form", `file=@${file}`);
    expect(uploaded).toMatchObject({ kind: "pack.install" });
    const body = join(bench.scratch, "token.json");
    writeFileSync(body, JSON.stringify({ name: "from a file", role: "viewer" }));
    expect(await json("api", "post", "/api/tokens", "-f", body)).toMatchObject({ name: "from a file" });
    const odd = await cli("api", "POST", "/api/tokens", "-f", body, "--content-type", "text/csv");
    expect(odd).toMatchObject({ code: 2, err: expect.stringContaining("unsupported_media_type") });
    const wrong: readonly (readonly [string[], string])[] = [
      [["GTE", "/api/jobs"], "Did you mean GET"],
      [["FROB", "/api/jobs"], "one of GET, HEAD"],
      [["PUT", "/api/jobs"], "method_not_allowed"],
      [["GET", "api/jobs"], "Expected a path"],
      [["POST", "/api/tokens", "-d", "{"], "expected JSON"],
      [["POST", "/api/tokens", "-f", "/nowhere"], "cannot be read"],
      [["POST", "/api/tokens", "-d", "{}", "-f", body], "one body"],
    ];
    for (const [args, words] of wrong) {
      expect(await cli("api", ...args), args.join(" ")).toMatchObject({ code: 2, err: expect.stringContaining(words) });
    }
    expect(await cli("api", "GET", "/")).toMatchObject({ code: 0 });
  });

  describe("completion", () => {
    const next = async (...words: string[]): Promise<string[]> =>
      (await cli("__complete", "--", ...words)).out.split("\n").filter((word) => word !== "");

    it("offers commands, options, known words, and names from the server", async () => {
      await cli("refresh", "pve", "--wait");
      expect(await next("sched")).toEqual(["schedules"]);
      expect(await next("schedules", "")).toEqual(["pause", "resume"]);
      expect(await next("jobs", "--sta")).toEqual(["--state"]);
      expect(await next("jobs", "--state", "can")).toEqual(["cancelled"]);
      expect(await next("jobs", "--kind", "action.")).toEqual(["action.plan", "action.run"]);
      expect(await next("test", "pv")).toEqual(["pve"]);
      expect(await next("run", "pve", "vm.l")).toEqual(["vm.lifecycle"]);
      expect(await next("run", "pve", "vm.lifecycle", "shut")).toEqual(["shutdown"]);
      expect(await next("run", "--yes", "pve", "vm.lifecycle", "shutdown", "vm/10")).toContain("vm/100");
      expect(await next("watch", "job_")).not.toEqual([]);
      expect(await next("test", "pv", "--url", "http://127.0.0.1:1", "")).toEqual([]);
      expect(await next("")).not.toContain("__complete");
    });

    it("works in bash as it is sourced, and its script needs no server", async () => {
      const script = await bench.start(["completion", "bash"], { env: { SWITCHYARD_DATA: bench.scratch } }).done;
      expect(script).toMatchObject({ code: 0, err: "" });
      const file = join(bench.scratch, "completion.bash");
      writeFileSync(
        file,
        `${script.out}\nCOMP_WORDS=(switchyard test p); COMP_CWORD=2; _switchyard; echo "\${COMPREPLY[*]}"\n`,
      );
      const env = { ...process.env, SWITCHYARD_DATA: bench.system.dataDir };
      expect(execFileSync("bash", [file], { encoding: "utf8", env }).trim().split(/\s+/)).toContain("pve");
      expect(await cli("completion", "bahs")).toMatchObject({ code: 2, err: expect.stringContaining("bash") });
    });
  });

  /** How a shell is made to complete `switchyard test p`, and to print what came of it. */
  const asks: Readonly<Record<string, readonly [args: readonly string[], asked: string]>> = {
    zsh: [["-f"], 'compadd() { shift; print -l -- "$@"; }; words=(switchyard test p); CURRENT=3; _switchyard'],
    fish: [["--no-config"], 'complete -C "switchyard test p"'],
  };
  it.for(Object.entries(asks))("completes in %s as it is sourced", async ([shell, [args, asked]], { skip }) => {
    const { out } = await cli("completion", shell);
    const file = join(bench.scratch, `completion.${shell}`);
    writeFileSync(file, `${out}\n${asked}\n`);
    if (!hasPrograms(shell)) skip(`${shell} is not installed`);
    const env = { ...process.env, HOME: bench.scratch, SWITCHYARD_DATA: bench.system.dataDir };
    const said = execFileSync(shell, [...args, file], { encoding: "utf8", env });
    expect(said.trim().split(/\s+/)).toContain("pve");
  });

  it("has no colour in a pipe, and none on a terminal with NO_COLOR", async () => {
    const piped = await bench.start(["jobs", "--all"], { env: { FORCE_COLOR: "3" } }).done;
    expect(piped.out + piped.err).not.toContain("\u001b");
    const colours = async (env: Record<string, string>) => (await bench.typed(["jobs", "--all"], { env })).raw;
    expect(await colours({ NO_COLOR: "1", TERM: "xterm" })).not.toMatch(/\u001b\[\d+m/);
    expect(await colours({ NO_COLOR: "", TERM: "xterm" })).toMatch(/\u001b\[\d+m/);
  });
});
