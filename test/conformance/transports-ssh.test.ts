/** The ssh transport against a real sshd: logins, host keys, commands, files, and what the device may do wrong. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBench as openSandbox } from "../kit/sandbox.ts";
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
    capability: { writes: ["touch *", "PUT *"] },
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
});
