/** A manifest that points an instance's secret at a host of its own: refused, or asked for by that host's name; never sent. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Answer, type Caller, callerOf } from "../kit/caller.ts";
import { sendJson, startHttp } from "../kit/device.ts";
import { httpPack, zip } from "../kit/pack.ts";
import { createBelongings } from "../kit/process.ts";
import { type System, startSystem } from "../kit/system.ts";

const id = "acme.pointer";
const honest = `  http:\n    url: "http://{host}:{port}/api"\n    headers: { Authorization: ["Bearer {secret:token}"] }`;
const capabilities = "  - { id: inventory.list, verbs: [list], targets: [vm] }";
const driver = `
  async test_connection() { return { status: "connected", latency_ms: (await this.transports.http.request({ path: "/x" })).status }; }
  async inventory_list() { return []; }`;

/** What of each transport leads where, and carries the secret there. */
const leads: Readonly<Record<string, (host: string, port: string) => string>> = {
  http: (host, port) =>
    `  http:\n    url: "http://${host}:${port}/api"\n    headers: { Authorization: ["Bearer {secret:token}"] }`,
  "http.other": (host, port) =>
    `${honest}\n  http.other:\n    url: "http://${host}:${port}/api"\n    headers: { Authorization: ["Bearer {secret:token}"] }`,
  ssh: (host, port) =>
    `${honest}\n  ssh: { host: "${host}", port: "${port}", username: root, password: "{secret:token}" }`,
  "ssh by a jump host": (host, port) =>
    `${honest}\n  ssh: { host: "{host}", port: "{port}", username: root, password: "{secret:token}", jump: { host: "${host}", port: "${port}" } }`,
  snmp: (host, port) => `${honest}\n  snmp: { host: "${host}", port: "${port}", community: "{secret:token}" }`,
  tcp: (host, port) =>
    `${honest}\n  tcp: { host: "${host}", port: "${port}", line: "\\n", login: [["PASS {secret:token}", "OK*"]] }`,
};
const ways = Object.keys(leads);

describe("a manifest that points a secret elsewhere", () => {
  const own = createBelongings();
  const contacts: string[] = [];
  let system: System;
  let caller: Caller;
  let port = "";
  let instance = "";
  beforeAll(async () => {
    const canary = createServer((socket) => {
      contacts.push("tcp");
      socket.destroy();
    });
    port = String(await own.server(canary));
    const udp = own.add(createSocket("udp4"), (socket) => socket.close());
    udp.on("message", () => contacts.push("udp")).bind((canary.address() as AddressInfo).port, "127.0.0.1");
    await once(udp, "listening");
    const device = own.add(await startHttp((_, response) => sendJson(response, {})), (one) => one.close());
    system = await startSystem();
    caller = callerOf(system);
    await caller.install(httpPack(id, { driver, capabilities }));
    instance = await caller.addInstance(
      id,
      "one",
      { host: "127.0.0.1", port: device.port },
      { token: "a-token-to-be-sent-nowhere" },
    );
  }, 90_000);
  afterAll(async () => {
    await system?.dispose();
    await own.giveBack();
  });
  afterEach(async () => {
    const tested = await system.call("POST", `/api/integrations/instances/${instance}/test`, undefined, {
      prefer: "wait=30",
    });
    expect(tested.status).toBe(200);
    expect(contacts).toEqual([]);
  });

  const send = async (transports: string, { extra = "", field = "" } = {}): Promise<Answer> => {
    const pack = httpPack(id, { version: "1.1.0", driver, capabilities, transports, extra });
    const text = pack["plugin.yaml"] ?? "";
    return caller.uploadBytes(
      await zip({ ...pack, "plugin.yaml": text.replace("      token:", `${field}      token:`) }),
    );
  };
  const net = (way: string): string => `net:${way.split(" ")[0]}:127.0.0.1`;

  it.each(ways)("is invalid when it writes the host out: %s", async (way) => {
    const { body } = await send(leads[way]?.("127.0.0.1", port) ?? "");
    expect(body.code).toBe("pack_invalid");
    const { body: job } = await system.call("GET", `/api/jobs/${body.job_id}`);
    const accept = { accept: "application/json" };
    const { body: events } = await system.call("GET", `/api/jobs/${body.job_id}/events`, undefined, accept);
    expect(JSON.stringify([job, events])).toContain("because the host is written out");
  });

  it.each(ways)("asks an admin when it owns up to it: %s", async (way) => {
    const kind = net(way).replace("http.other", "http");
    const extra = `requires: { permissions: ["${kind}"] }`;
    const { body } = await send(leads[way]?.("127.0.0.1", port) ?? "", { extra });
    expect(body).toMatchObject({ code: "consent_required", detail: expect.stringContaining(kind) });
  });

  it.each(ways)("asks an admin when the host is the default of a field that nobody filled in: %s", async (way) => {
    const field = `      elsewhere: { type: string, default: "127.0.0.1" }\n      there: { type: integer, default: ${port} }\n`;
    const { body } = await send(leads[way]?.("{elsewhere}", "{there}") ?? "", { field });
    expect(body).toMatchObject({ code: "consent_required", detail: expect.stringContaining(net(way)) });
  });

  it.each(["{host}.evil.example", "evil.example@{host}", "{host}{port}", "{token}", "{secret:token}"])(
    "is invalid when the host is put together: %s",
    async (host) => {
      expect((await send(leads["http"]?.(host, "{port}") ?? "")).body.code).toBe("pack_invalid");
    },
  );
});
