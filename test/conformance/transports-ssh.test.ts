/**
 * The ssh transport against a real sshd: logins, host keys, commands, files, and what the device may do wrong.
 * Its shells: transports-shell-sshd.test.ts.
 */
import { createHmac } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import { startHttp } from "../kit/device.ts";
import { openBench as openSandbox } from "../kit/sandbox.ts";
import { devicePassword, startSshDevice } from "../kit/ssh-device.ts";
import { hasSshd, startSshd, type TestSshd } from "../kit/sshd.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

const block = {
  host: "{host}",
  port: "{port}",
  username: "{username}",
  password: "{secret:password}",
  private_key: "{secret:private_key}",
  passphrase: "{secret:passphrase}",
  host_key: "host_key",
  known_hosts: "known_hosts",
  reads: ["uname", "echo *", "cat *", "show *"],
};

describe.skipIf(!hasSshd)("ssh", () => {
  let sshd: TestSshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd?.[Symbol.asyncDispose]());

  const facts = (more: Partial<BenchFacts> = {}, config = {}): BenchFacts => ({
    transports: { ssh: block },
    config: { host: "127.0.0.1", port: sshd.port, username: sshd.username, ...config },
    secrets: { password: sshd.password },
    capability: { writes: ["touch *", "PUT /*"] },
    ...more,
  });

  test("a driver in its sandbox runs a command at the device", async () => {
    const pack = {
      "driver.js": `import { Driver } from "switchyard/sdk";
export class D extends Driver {
  async look() { return this.transports.ssh.run("echo from the device"); }
}`,
    };
    const sandbox = await openSandbox("degraded", pack);
    await using bench = openBench(facts());
    const door = bench.door();
    const got = await sandbox.call("look", {}, { ask: (op, args) => door.ask(op, args) });
    expect(got).toEqual({ exit_code: 0, stdout: "from the device\n", stderr: "" });
    await sandbox.close();
  });

  test("a wrong password is refused once, and then by us", async () => {
    await using bench = openBench(facts({ secrets: { password: "not-the-password" } }));
    const tries = (): number => sshd.log().split("Failed password for").length;
    const before = tries();
    for (let call = 0; call < 3; call += 1)
      expect(await codeOf(bench.door().ask("ssh.run", { command: "uname" }))).toBe("auth_failed");
    await expect.poll(() => tries()).toBe(before + 1);
  });

  const run = (facts: BenchFacts, command = "uname"): Promise<string | undefined> => {
    const bench = openBench(facts);
    return codeOf(bench.door().ask("ssh.run", { command })).finally(() => bench.transports.close());
  };

  test("a key logs in, with its passphrase, and one that cannot be read is never offered", async () => {
    const withKey = (secrets: Record<string, string>): BenchFacts => facts({ secrets });
    expect(await run(withKey({ private_key: sshd.privateKey }))).toBeUndefined();
    expect(await run(withKey({ private_key: sshd.encryptedKey, passphrase: "open sesame" }))).toBeUndefined();
    for (const secrets of [{ private_key: sshd.encryptedKey }, { private_key: "no key at all" }])
      expect(await run(withKey(secrets as Record<string, string>))).toBe("auth_failed");
  });

  test.each(["ed25519", "ecdsa", "rsa"] as const)("a pinned %s key is found among the device's keys", async (type) => {
    const hex = Buffer.from(sshd.fingerprint(type).slice(7), "base64").toString("hex");
    for (const host_key of [sshd.fingerprint(type), hex]) expect(await run(facts({}, { host_key }))).toBeUndefined();
  });

  test("another key than the pinned one is refused before anything secret is sent", async () => {
    const before = sshd.log().split(" for operator7 ").length;
    expect(await run(facts({}, { host_key: `SHA256:${"A".repeat(43)}` }))).toBe("host_key_mismatch");
    expect(sshd.log().split(" for operator7 ")).toHaveLength(before);
  });

  test("known hosts name keys by host and port, hashed or not, revoke them, and refuse who is not named", async () => {
    const place = `[127.0.0.1]:${sshd.port}`;
    const salt = Buffer.alloc(20, 7);
    const hashed = `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(place).digest("base64")}`;
    const trusted = [
      `${place} ${sshd.publicKey("rsa")}`,
      `[127.0.*]:* ${sshd.publicKey("ecdsa")}`,
      `${hashed} ${sshd.publicKey("ed25519")}`,
    ];
    for (const known_hosts of trusted) expect(await run(facts({}, { known_hosts }))).toBeUndefined();
    const code = (known_hosts: string): Promise<string | undefined> => run(facts({}, { known_hosts }));
    expect(await code(`other.example ${sshd.publicKey("ed25519")}`)).toBe("host_key_unknown");
    expect(await code(`${place},!127.0.0.1 ssh-ed25519 AAAA`)).toBe("host_key_mismatch");
    expect(await code(`${place} ${sshd.publicKey("ed25519")}\n@revoked * ${sshd.publicKey("ed25519")}`)).toBe(
      "host_key_mismatch",
    );
  });

  test("a key that changes after it was trusted is refused, and the device gets no password", async () => {
    await using other = await startSshd({ keys: ["ed25519"] });
    const given = {
      ...facts(),
      config: { host: "127.0.0.1", port: other.port, username: other.username },
      secrets: { password: other.password },
    };
    await using bench = openBench(given);
    expect(await codeOf(bench.door().ask("ssh.run", { command: "uname" }))).toBeUndefined();
    await other.changeHostKeys();
    const failed = bench.door().ask("ssh.run", { command: "uname" });
    await expect(failed).rejects.toMatchObject({
      code: "host_key_mismatch",
      message: expect.stringContaining(other.fingerprint("ed25519")),
    });
    expect(other.log().split("Accepted password")).toHaveLength(2);
  });

  test("commands share one connection, however many come at once", async () => {
    await using bench = openBench(facts());
    const logins = (): number => sshd.log().split("Accepted password").length;
    const before = logins();
    const door = bench.door();
    const all = Array.from({ length: 30 }, (_, index) => door.ask("ssh.run", { command: `echo ${index}` }));
    expect((await Promise.all(all)).map((answer) => (answer as { stdout: string }).stdout.trim())).toEqual(
      all.map((_, index) => String(index)),
    );
    await bench.door().ask("ssh.run", { command: "uname" });
    await expect.poll(logins).toBe(before + 1);
  });

  test("a command's exit code, output and errors come apart, and its input goes in", async () => {
    await using bench = openBench(facts({ capability: { writes: ["sh -s"] } }));
    const door = bench.door({ mode: "free" });
    const answer = await door.ask("ssh.run", { command: "sh -s", stdin: "echo out; echo err >&2; exit 3" });
    expect(answer).toEqual({ exit_code: 3, stdout: "out\n", stderr: "err\n" });
    expect(await codeOf(bench.door().ask("ssh.run", { command: "echo x", stdin: "y" }))).toBe("read_only_violation");
  });

  test("a command that reads its input hears at once that there is none", async () => {
    await using bench = openBench(facts({ capability: { writes: ["cat"] } }));
    const asked = bench.door({ mode: "free" }).ask("ssh.run", { command: "cat", timeout_ms: 5_000 });
    expect(await asked).toEqual({ exit_code: 0, stdout: "", stderr: "" });
  });

  test("a file is put with its mode, and a refused one is an answer", async () => {
    await using bench = openBench(facts());
    const path = `${sshd.home}/notes.txt`;
    const put = { transport: "ssh", put: { path, mode: 0o640, base64: Buffer.from("a note").toString("base64") } };
    const door = bench.applying([put]);
    expect(await codeOf(door.ask("apply", {}))).toBeUndefined();
    expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["a note", 0o640]);
    expect(bench.journal.events[0]?.message).toBe(`PUT ${path} (6 bytes, mode 640)`);
    bench.journal.entries.length = 0;
    const denied = bench.applying([{ transport: "ssh", put: { path: "/etc/notes.txt", base64: "" } }]);
    expect(await denied.ask("apply", {})).toMatchObject([{ bytes: 0, message: expect.stringMatching(/denied/i) }]);
    expect([denied.stepsDone, denied.unknownStep]).toEqual([0, null]);
    expect(() => bench.normalise([{ transport: "ssh", put: { path: "/a/../b", base64: "" } }])).toThrow(
      expect.objectContaining({ code: "endpoint_not_allowed" }),
    );
  });

  test("a command that hangs is given up in time, and the connection serves on", async () => {
    await using bench = openBench(facts({ transports: { ssh: { ...block, reads: ["sleep *", "uname"] } } }));
    expect(await codeOf(bench.door().ask("ssh.run", { command: "sleep 30", timeout_ms: 300 }))).toBe(
      "response_timeout",
    );
    expect(await codeOf(bench.door().ask("ssh.run", { command: "uname" }))).toBeUndefined();
  });

  test("an answer of 50 MB is cut off at 16 MiB, and nothing of it stays in memory", async () => {
    await using bench = openBench(facts({ transports: { ssh: { ...block, reads: ["cat *"] } } }));
    writeFileSync(`${sshd.home}/large`, Buffer.alloc(50_000_000));
    expect(await codeOf(bench.door().ask("ssh.run", { command: `cat ${sshd.home}/large` }))).toBe("response_too_large");
    expect(bench.transports.inFlightBytes).toBe(0);
  });

  test("a device that goes away in the middle of a write leaves its outcome unknown", async () => {
    await using other = await startSshd({ keys: ["ed25519"] });
    const given = {
      config: { host: "127.0.0.1", port: other.port, username: other.username },
      secrets: { password: other.password },
    };
    await using bench = openBench({ ...facts({ capability: { writes: ["sleep *"] } }), ...given });
    const door = bench.applying([{ transport: "ssh", commands: ["sleep 20"] }]);
    const call = codeOf(door.ask("apply", {}));
    await expect.poll(() => other.log()).toContain("Starting session: command");
    await other.stop();
    expect(await call).toBe("device_error");
    expect(door.unknownStep).toBe(0);
  });

  test("a jump host leads on, and its own key and reach are judged", async () => {
    const jump = { host: "{jump}", port: "{port}", username: "{username}", host_key: "jump_key" };
    const through = (config: JsonObject): BenchFacts =>
      facts(
        { transports: { ssh: { ...block, jump } } },
        { jump: "127.0.0.1", jump_key: sshd.fingerprint("ed25519"), ...config },
      );
    expect(await run(through({}))).toBeUndefined();
    expect(await run(through({ jump_key: `SHA256:${"A".repeat(43)}` }))).toBe("host_key_mismatch");
    expect(await run(through({ host: "169.254.169.254" }))).toBe("endpoint_not_allowed");
  });

  test("what is no ssh is no device of ours", async () => {
    await using http = await startHttp((_, response) => response.end());
    expect(await run(facts({}, { port: http.port }))).toMatch(/protocol_mismatch|device_error/);
  });

  test("old algorithms are spoken only where the instance allows them", async () => {
    await using device = await startSshDevice({
      algorithms: { kex: ["diffie-hellman-group14-sha1"], cipher: ["aes128-cbc"] },
      exec: (_, channel) => {
        channel.write("old but here");
        channel.exit(0);
        channel.end();
      },
    });
    const old = (allowed: boolean): BenchFacts =>
      facts(
        { transports: { ssh: { ...block, legacy_algorithms: "old" } }, secrets: { password: devicePassword } },
        { port: device.port, old: allowed },
      );
    expect(await run(old(false))).toBe("protocol_mismatch");
    expect(await run(old(true))).toBeUndefined();
  });

  test("a command whose beginning was never confirmed may have run: its outcome is unknown", async () => {
    await using device = await startSshDevice({ ignoresExec: true });
    const given = facts({ secrets: { password: devicePassword } }, { port: device.port });
    await using bench = openBench({ ...given, defaults: { transports: { ssh: { timeout_s: 0.5 } } } });
    const door = bench.applying([{ transport: "ssh", commands: ["touch file"] }]);
    expect(await codeOf(door.ask("apply", {}))).toBe("response_timeout");
    expect(door.unknownStep).toBe(0);
    const asking = { commands: ["touch file"], answers: [{ match: "x", send: "y" }] };
    for (const more of [asking, { put: { path: "/x", base64: "" } }]) {
      bench.journal.entries.length = 0;
      const other = bench.applying([{ transport: "ssh", ...more }]);
      expect([await codeOf(other.ask("apply", {})), other.unknownStep]).toEqual(["response_timeout", null]);
    }
  });

  test("a command that the device refuses a channel did not run", async () => {
    await using device = await startSshDevice({ mostChannels: 0 });
    await using bench = openBench(facts({ secrets: { password: devicePassword } }, { port: device.port }));
    const door = bench.applying([{ transport: "ssh", commands: ["touch file"] }]);
    expect(await codeOf(door.ask("apply", {}))).toBe("device_error");
    expect(door.unknownStep).toBeNull();
  });
});
