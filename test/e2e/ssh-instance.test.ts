/** An instance behind ssh in a running system: its host key is trusted, changes and is accepted; a file is kept with its job. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, callerOf } from "../kit/caller.ts";
import { upload as uploadOf, zip } from "../kit/pack.ts";
import { hasSshd, startSshd, type TestSshd } from "../kit/sshd.ts";
import { type System, startSystem } from "../kit/system.ts";

const pack = {
  "plugin.yaml": `id: test.box
name: Box
version: 1.0.0
min_core_version: 1.0.0
category: compute
driver: { entrypoint: "driver:BoxDriver" }
schema:
  connection:
    type: object
    required: [host, port, username, password]
    additionalProperties: false
    properties:
      host: { type: string }
      port: { type: integer }
      username: { type: string }
      password: { type: string, secret: true }
transports:
  ssh: { host: "{host}", port: "{port}", username: "{username}", password: "{secret:password}", reads: ["uname", "echo *"] }
defaults: { heartbeat_interval_s: 0, inventory_refresh_interval_s: 0 }
capabilities:
  - { id: box.config, verbs: [read], targets: [box] }
`,
  "driver.ts": `import { Driver } from "switchyard/sdk";
export class BoxDriver extends Driver {
  async test_connection() {
    const { exit_code } = await this.transports.ssh.run("uname");
    return { status: exit_code === 0 ? "connected" : "error", latency_ms: 1 };
  }
  async box_config() {
    const { stdout } = await this.transports.ssh.run("echo configuration", { stream: true });
    const before = await this.lastArtifact("config.txt");
    this.log.info("colour \\u001b[31mred\\u001b[0m\\u0007");
    this.artifact("config.txt", stdout, "text/plain");
    return { before: before === null ? null : Buffer.from(before).toString() };
  }
}
`,
};

describe.skipIf(!hasSshd)("an instance behind ssh", () => {
  let sshd: TestSshd;
  let system: System;
  let caller: Caller;
  let instance: string;
  const path = (rest: string): string => `/api/integrations/instances/${instance}${rest}`;
  const send = (method: string, where: string, body?: object) =>
    system.call(method, where, body, { prefer: "wait=30" });

  beforeAll(async () => {
    [sshd, system] = await Promise.all([startSshd({ keys: ["ed25519", "ecdsa"] }), startSystem()]);
    caller = callerOf(system);
    const upload = async (consent: string) =>
      system.call<{ digest: string }>("POST", `/api/integrations/types/upload${consent}`, uploadOf(await zip(pack)), {
        prefer: "wait=30",
      });
    const { body } = await upload("");
    expect((await upload(`?consent=${body.digest}`)).status).toBe(200);
    const config = { host: "127.0.0.1", port: sshd.port, username: sshd.username };
    instance = await caller.addInstance("test.box", "box", config, { password: sshd.password });
  }, 120_000);
  afterAll(async () => {
    await system?.dispose();
    await sshd?.[Symbol.asyncDispose]();
  }, 60_000);

  test("trusts the first key it meets and says so, refuses another, and trusts that once an admin accepts it", async () => {
    expect((await send("POST", path("/test"))).status).toBe(200);
    expect((await send("GET", path(""))).body).toMatchObject({ flags: ["host_key_trusted_on_first_use"] });
    const first = sshd.fingerprint("ed25519");
    expect((await send("GET", path("/host-key"))).body).toMatchObject({
      items: [
        {
          place: `127.0.0.1:${sshd.port}`,
          trusted: { fingerprint: first, by: "first_use" },
          seen: { fingerprint: first },
        },
      ],
    });
    await sshd.changeHostKeys();
    const changed = sshd.fingerprint("ed25519");
    const refused = await send("POST", path("/test"));
    expect(refused).toMatchObject({
      status: 502,
      body: { code: "host_key_mismatch", detail: expect.stringContaining(changed) },
    });
    expect(sshd.log().split("Accepted password")).toHaveLength(2);
    expect((await send("POST", path("/host-key/accept"), { fingerprint: first })).body).toMatchObject({
      code: "validation_failed",
    });
    const accepted = await send("POST", path("/host-key/accept"), { fingerprint: changed });
    expect(accepted.body).toMatchObject({ items: [{ trusted: { fingerprint: changed, by: "admin" } }] });
    expect((await send("POST", path("/test"))).status).toBe(200);
  });

  test("keeps a file with its job, gives it out, and gives it to the next job", async () => {
    const asked = { capability: "box.config", verb: "read", target: { type: "box", id: "1" } };
    const one = await send("POST", path("/actions"), asked);
    expect(one.body).toMatchObject({ state: "succeeded", result: { details: { before: null } } });
    const id = String((one.body as { id: string }).id);
    expect((await send("GET", `/api/jobs/${id}/artifacts`)).body).toMatchObject({
      items: [{ name: "config.txt", content_type: "text/plain", size: 14 }],
    });
    const kept = await fetch(`${system.url}/api/jobs/${id}/artifacts/config.txt`, {
      headers: { authorization: `Bearer ${system.token}` },
    });
    expect([await kept.text(), kept.headers.get("content-disposition")]).toEqual([
      "configuration\n",
      'attachment; filename="config.txt"',
    ]);
    expect((await send("GET", `/api/jobs/${id}/artifacts/other.txt`)).status).toBe(404);
    const two = await send("POST", path("/actions"), asked);
    expect(two.body).toMatchObject({ result: { details: { before: "configuration\n" } } });
    const events = JSON.stringify(
      (await system.call("GET", `/api/jobs/${id}/events`, undefined, { accept: "application/json" })).body,
    );
    expect(events).toContain("colour red");
    expect(events).toContain('"stream":"stdout"');
    expect(events).not.toMatch(/\\u00(?:1b|07)/);
  });
});
