/** `record` and `replay` as an author uses them: against the lab's cluster, and then without it. */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Proxmox, startProxmox } from "../../lab/proxmox.ts";
import { openPack } from "../../src/testing/index.ts";
import { lampCalls, lampSecret, recordedPack, recordLamps, removePack, writeLampPack } from "./lamp.ts";

const root = join(import.meta.dirname, "..", "..");
const scratch = mkdtempSync(join(tmpdir(), "recording-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const cli = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    const all = ["--disable-warning=ExperimentalWarning", join(root, "src/cli/main.ts"), ...args];
    execFile(process.execPath, all, { cwd: scratch }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });

/** The shipped pack in a folder of the test's own, with changes in one of its files. */
const copyOfProxmox = (name: string, change?: { file: string; from: string; to: string }): string => {
  const folder = join(scratch, name);
  cpSync(join(root, "integrations/walnut.proxmox.ve"), folder, { recursive: true });
  rmSync(join(folder, "recordings"), { recursive: true, force: true });
  if (change !== undefined) {
    const path = join(folder, change.file);
    const text = readFileSync(path, "utf8");
    expect(text).toContain(change.from);
    writeFileSync(path, text.replaceAll(change.from, change.to));
  }
  return folder;
};

describe("a recording of the lab's cluster", () => {
  let lab: Proxmox;
  let folder: string;
  let token: string;
  const connection = (): string[] => {
    const { token_name, api_token } = lab.tokens.admin;
    token = api_token;
    writeFileSync(join(scratch, "token"), `${api_token}\n`, { mode: 0o600 });
    const set = { host: lab.host, port: lab.port, token_name, tls_fingerprint: lab.fingerprint };
    return [
      ...Object.entries(set).flatMap(([name, value]) => ["--set", `${name}=${value}`]),
      ...["--secret", `api_token=@${join(scratch, "token")}`],
    ];
  };
  const calls = (...texts: string[]): string[] => texts.flatMap((text) => ["--call", text]);
  beforeAll(async () => {
    lab = await startProxmox({ taskMs: 40 });
    folder = copyOfProxmox("pve");
  });
  afterAll(() => lab.close());

  it("is refused when a call would write, and nothing is sent", async () => {
    const ran = await cli("record", folder, ...connection(), ...calls("run vm.lifecycle shutdown vm/100"));
    expect(ran).toMatchObject({ code: 2, err: expect.stringContaining("--allow-writes") });
    expect(lab.writes).toEqual([]);
  });

  it("is refused with a call that it does not know, and says which there are", async () => {
    const ran = await cli("record", folder, ...connection(), ...calls("inventory_list vm"));
    expect(ran).toMatchObject({ code: 2, err: expect.stringContaining("plan|run|read <capability>") });
  });

  it("is refused with a config that no instance could have", async () => {
    const ran = await cli("record", folder, "--set", "port=high", ...calls("test_connection"));
    expect(ran).toMatchObject({ code: 2, err: expect.stringMatching(/\/port expected.*\/host|\/host.*\/port/s) });
  });

  it("holds what passed, without the secret, and replays when the cluster is gone", async () => {
    const asked = calls(
      "test_connection",
      "inventory_list type=vm",
      "run vm.lifecycle shutdown vm/100",
      "undo",
      "plan vm.lifecycle start vm/999",
    );
    const ran = await cli(
      "record",
      folder,
      ...connection(),
      "--allow-writes",
      "--out",
      join(folder, "recordings", "lab.jsonl"),
      ...asked,
    );
    expect(ran).toMatchObject({
      code: 1,
      err: expect.stringContaining("FAIL plan vm.lifecycle start vm/999: 1 request, target_not_found"),
    });
    expect(lab.writes).toHaveLength(2);
    const text = readFileSync(join(folder, "recordings", "lab.jsonl"), "utf8");
    expect(text).not.toContain(token);
    const [head = ""] = text.split("\n");
    expect(JSON.parse(head).config, "a later default changes no recording").toMatchObject({ verify_ssl: true });
    expect(text).not.toContain(Buffer.from(token).toString("base64").slice(2, -4));
    const again = await cli(
      "record",
      folder,
      ...connection(),
      "--out",
      join(folder, "recordings", "lab.jsonl"),
      ...calls("test_connection"),
    );
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining("--force") });
    await lab.close();
    const replayed = await cli("--json", "replay", folder);
    expect(replayed.code).toBe(0);
    const [{ calls: played }] = JSON.parse(replayed.out) as [{ calls: { differences: string[] }[] }];
    expect(played.map(({ differences }) => differences)).toEqual([[], [], [], [], []]);
    lab = await startProxmox({ taskMs: 40 });
  });

  it("shows a changed driver the nearest request", async () => {
    const changed = copyOfProxmox("changed", {
      file: "driver.ts",
      from: "/cluster/resources",
      to: "/cluster/resource",
    });
    const file = join(folder, "recordings", "lab.jsonl");
    const ran = await cli("replay", changed, "--file", file);
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(
      /FAIL lab\.jsonl: inventory_list type=vm\n\s+recording_mismatch: .*\/path: recorded "\/cluster\/resources", asked "\/cluster\/resource"/,
    );
  });

  it("is refused when another version of the format made it", async () => {
    const old = join(scratch, "old.jsonl");
    const text = readFileSync(join(folder, "recordings", "lab.jsonl"), "utf8");
    writeFileSync(old, text.replace('"switchyard_recording":1', '"switchyard_recording":9'));
    const ran = await cli("replay", folder, "--file", old);
    expect(ran).toMatchObject({ code: 1, err: expect.stringMatching(/format 1, got 9: record it again/) });
  });
});

describe("a replay", () => {
  let text: string;
  beforeAll(async () => {
    text = await recordLamps(lampCalls);
  });
  const withPack = async (
    act: (pack: Awaited<ReturnType<typeof openPack>>) => Promise<void>,
    changes: Parameters<typeof recordedPack>[1] = [],
  ) => {
    const folder = recordedPack(text, changes);
    try {
      await using pack = await openPack(folder);
      await act(pack);
    } finally {
      removePack(folder);
    }
  };
  const plan = (from: string, to: string) => [{ file: "driver.js" as const, from, to }];

  it("refuses a write while the driver may only read, as the real door does", () =>
    withPack(
      async (pack) => {
        await expect(pack.call("inventory_list type=lamp")).rejects.toMatchObject({ code: "read_only_violation" });
      },
      plan(
        "const lamps = await this.lamps();\n    return",
        'await this.transports.http.request({ method: "POST", path: "/lamps/1/on" });\n    const lamps = await this.lamps();\n    return',
      ),
    ));

  it("refuses a plan that is outside what the manifest lets it write", () =>
    withPack(
      async (pack) => {
        await expect(pack.call("plan light.power off lamp/1")).rejects.toMatchObject({ code: "plan_deviation" });
      },
      plan('path: "/lamps/" + id + "/" + verb', 'path: "/lamps/all/" + verb'),
    ));

  it("shows how a write differs from the one that was sent", () =>
    withPack(
      async (pack) => {
        const [run] = (await pack.replay()).filter(({ call }) => call === "run light.power off lamp/1");
        expect(run?.differences[0]).toMatch(/recording_mismatch: .*write 0.*\/json\/dim: recorded nothing, asked 3/);
      },
      plan('path: "/lamps/" + id + "/" + verb', 'path: "/lamps/" + id + "/" + verb, json: { dim: 3 }'),
    ));

  it("gives the driver its handle where the device echoed the secret", async () => {
    expect(text).toContain("Bearer [secret:token]");
    expect(text).not.toContain(lampSecret);
    await withPack(
      async (pack) => {
        const { message } = (await pack.call("test_connection")) as { message: string };
        expect(message).toBe("same");
      },
      plan(
        'const { name } = await this.read("/about");',
        'const { echo } = await this.read("/about"); const name = echo === "Bearer " + this.secrets.token ? "same" : "other";',
      ),
    );
  });

  it("holds what stood where the driver put its handle, and no credentials at all", async () => {
    const handled = plan(
      "this.transports.http.request({ path })",
      'this.transports.http.request({ path, headers: { "x-lamp": this.secrets.token, cookie: "a=b" } })',
    );
    const recorded = await recordLamps(["test_connection"], lampSecret, handled);
    expect(recorded).toContain('"headers":{"x-lamp":"[secret:token]","cookie":"[not recorded]"}');
    const folder = recordedPack(recorded, handled);
    await using pack = await openPack(folder);
    expect((await pack.replay())[0]?.differences).toEqual([]);
    removePack(folder);
  });

  it("names what a device was recorded to refuse", async () => {
    const refused = await recordLamps(["test_connection"], "another-token-of-some-length");
    expect(refused).toContain('"failed":{"code":"auth_failed"');
    const folder = recordedPack(refused);
    await using pack = await openPack(folder);
    expect((await pack.replay())[0]).toMatchObject({ error: { code: "auth_failed" }, differences: [] });
    await expect(pack.call("inventory_list type=lamp")).rejects.toMatchObject({ code: "recording_mismatch" });
    removePack(folder);
  });

  it("holds calls to what the manifest promises", () =>
    withPack(async (pack) => {
      const refused = (call: string) => pack.call(call, { config: {}, secrets: ["token"], answer: () => null });
      await expect(refused("plan light.colour on lamp/1")).rejects.toMatchObject({ code: "capability_unsupported" });
      await expect(refused("plan light.power dim lamp/1")).rejects.toMatchObject({ code: "verb_unsupported" });
      await expect(refused("plan light.power on vm/1")).rejects.toMatchObject({ code: "target_unsupported" });
      await expect(refused("plan light.power on lamp/1 level=9")).rejects.toMatchObject({ code: "params_invalid" });
    }));

  it("gives the driver the defaults of parameters, as a job does", () =>
    withPack(
      async (pack) => {
        const answer = () => ({ status: 200, headers: {}, body: '[{"id":1,"on":true}]', latency_ms: 1 });
        const simulated = { config: { host: "h", port: 1 }, secrets: ["token"], answer };
        const plan = (await pack.call("plan light.power off lamp/1", simulated)) as { effects: { summary: string } };
        expect(plan.effects.summary).toBe("off in 3 s");
      },
      plan("summary: verb", 'summary: verb + " in " + this.after + " s"').concat(
        plan(
          "async light_power({ verb, target, dryRun }) {",
          "async light_power({ verb, target, dryRun, params }) {\n    this.after = params.after_s;",
        ),
      ),
    ));

  it("is not needed where a test answers by itself", async () => {
    const folder = writeLampPack();
    await using pack = await openPack(folder);
    const asked: unknown[] = [];
    const answer = (request: object) => {
      asked.push(request);
      return { status: 200, headers: {}, body: '[{"id":7,"name":"attic","on":true}]', latency_ms: 1 };
    };
    const simulated = { config: { host: "lamps.example", port: 80 }, secrets: ["token"], answer };
    expect(await pack.call("inventory_list type=lamp", simulated)).toMatchObject([
      { external_id: "7", attrs: { on: true } },
    ]);
    expect(asked).toEqual([{ transport: "http", method: "GET", path: "/lamps" }]);
    removePack(folder);
  });
});
