/** A pack for a lamp, the lamp itself, and its recording: whole, or with one thing wrong. */
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { formatVersion, recordingText } from "../../src/recording/format.ts";
import { readPack } from "../../src/recording/pack.ts";
import { createRecorder } from "../../src/recording/recorder.ts";
import { parseCall } from "../../src/recording/script.ts";
import { openRealSession } from "../../src/recording/session.ts";
import { openStage } from "../../src/recording/stage.ts";

export const lampSecret = "a-lamp-token-of-some-length";

const manifest = {
  id: "acme.lamp",
  name: "Lamp",
  version: "1.0.0",
  min_core_version: "1.0.0",
  category: "smart-home",
  driver: { entrypoint: "driver:LampDriver", language: "node" },
  schema: {
    connection: {
      type: "object",
      additionalProperties: false,
      required: ["host", "port", "token"],
      properties: {
        host: { type: "string" },
        port: { type: "integer" },
        token: { type: "string", secret: true },
      },
    },
  },
  transports: {
    http: { url: "http://{host}:{port}", headers: { Authorization: "Bearer {secret:token}" } },
  },
  defaults: { http: { timeout_s: 5, retries: 0 } },
  capabilities: [
    { id: "inventory.list", verbs: ["list"], targets: ["lamp"], dry_run: "not_supported" },
    {
      id: "light.power",
      verbs: ["on", "off"],
      targets: ["lamp"],
      dry_run: "required",
      invertible: { on: { inverse: "off" }, off: { inverse: "on" } },
      writes: ["POST /lamps/{target}/{verb}"],
      params: {
        type: "object",
        additionalProperties: false,
        properties: { after_s: { type: "integer", default: 3 } },
      },
    },
  ],
};

const driver = `
import { Driver, DriverError } from "switchyard/sdk";
export class LampDriver extends Driver {
  static handles = {
    "inventory.list": { verbs: ["list"], targets: ["lamp"] },
    "light.power": { verbs: ["on", "off"], targets: ["lamp"] },
  };
  async test_connection() {
    const { name } = await this.read("/about");
    return { status: "connected", message: String(name) };
  }
  async inventory_list() {
    const lamps = await this.lamps();
    return lamps.map(({ id, name, on }) => ({
      type: "lamp", external_id: String(id), name: String(name), attrs: { on: on === true }, labels: {},
    }));
  }
  async light_power({ verb, target, dryRun }) {
    const from = await this.state(target.id);
    if (dryRun) return this.plan(verb, target.id, from);
    await this.apply();
    const to = await this.state(target.id);
    return { ok: true, effects: { per_target: [{ id: target.id, from, to }] } };
  }
  plan(verb, id, from) {
    const steps = [{ method: "POST", path: "/lamps/" + id + "/" + verb }];
    const effects = { summary: verb, per_target: [{ id, from, to: verb }] };
    return { ok: true, severity: "info", preconditions: [], plan: { kind: "api", steps }, effects };
  }
  async state(id) {
    const lamp = (await this.lamps()).find((one) => String(one.id) === id);
    if (!lamp) throw new DriverError("target_not_found", "There is no lamp " + id + ".");
    return lamp.on ? "on" : "off";
  }
  async lamps() {
    const lamps = await this.read("/lamps");
    if (!Array.isArray(lamps) || lamps.some((lamp) => typeof lamp !== "object" || lamp === null)) throw new DriverError("protocol_mismatch", "Expected a list of lamps.");
    return lamps;
  }
  async read(path) {
    const answer = await this.transports.http.request({ path });
    if (answer.status === 401) throw new DriverError("auth_failed", "The token is not accepted.");
    try {
      const body = answer.json();
      if (typeof body === "object" && body !== null) return body;
    } catch {}
    throw new DriverError("protocol_mismatch", "Expected JSON.");
  }
}
`;

const readme = `# Lamp\n\n${"It lists lamps, and switches each of them on and off. ".repeat(8)}`;
const ownTest = `
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openPack } from "switchyard/testing";
const pack = await openPack(import.meta.dirname);
after(() => pack.close());
test("does what was recorded", async () => {
  for (const { differences } of await pack.replay()) assert.deepEqual(differences, []);
});
`;

const files = () => ({
  "plugin.yaml": stringify(manifest),
  "driver.js": driver,
  "README.md": readme,
  "driver.test.js": ownTest,
});
export type LampFile = keyof ReturnType<typeof files>;

/** One place of one file, changed. */
export interface Change {
  readonly file: LampFile;
  readonly from: string | RegExp;
  readonly to: string;
}

/** Writes the pack into a fresh folder. */
export const writeLampPack = (changes: readonly Change[] = []): string => {
  const folder = mkdtempSync(join(tmpdir(), "lamp-"));
  for (const [name, text] of Object.entries(files())) {
    const ours = changes.filter(({ file }) => file === name);
    const changed = ours.reduce((whole, { from, to }) => {
      const next = whole.replace(from, to);
      if (next === whole) throw new Error(`Expected ${String(from)} in ${name}.`);
      return next;
    }, text);
    writeFileSync(join(folder, name), changed);
  }
  return folder;
};
export const removePack = (folder: string): void => rmSync(folder, { recursive: true, force: true });

/** The lamps themselves. */
export const startLamps = async () => {
  const lamps = [
    { id: 1, name: "hall", on: true },
    { id: 2, name: "porch", on: false },
  ];
  const writes: string[] = [];
  const server = createServer((request, response) => {
    const [, , id, verb] = (request.url ?? "").split("/");
    const lamp = lamps.find((one) => String(one.id) === id);
    if (request.headers.authorization !== `Bearer ${lampSecret}`) return void response.writeHead(401).end("{}");
    if (request.method === "POST" && lamp !== undefined) {
      writes.push(`${verb} ${id}`);
      lamp.on = verb === "on";
    }
    const about = { name: "lamps", echo: request.headers.authorization };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(request.url === "/lamps" ? lamps : about));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    config: { host: "127.0.0.1", port },
    writes,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};

export const lampCalls = [
  "test_connection",
  "inventory_list type=lamp",
  "plan light.power off lamp/1",
  "run light.power off lamp/1",
  "undo",
  "run light.power on lamp/2",
  "undo",
];

/** The text of a recording, made with a driver in order. */
export const recordLamps = async (
  calls: readonly string[] = lampCalls,
  secret = lampSecret,
  changes: readonly Change[] = [],
): Promise<string> => {
  const lamps = await startLamps();
  const folder = writeLampPack(changes);
  const stage = await openStage({ now: Date.now });
  try {
    const pack = await readPack(folder);
    const secrets = [{ name: "token", value: secret }];
    const open = openRealSession({ manifest: pack.manifest, config: lamps.config, secrets, now: Date.now });
    const { signal } = new AbortController();
    const recorder = createRecorder({ stage, pack, config: lamps.config, open, now: Date.now, signal });
    const recorded = [];
    for (const call of calls) recorded.push(await recorder.record(call, parseCall(call)));
    open.close();
    const head = {
      ...{
        switchyard_recording: formatVersion,
        core: "1.0.0",
        pack: { id: "acme.lamp", version: "1.0.0", digest: "" },
      },
      ...{ config: lamps.config, secrets: ["token"], recorded_at: "2026-11-21T00:00:00.000Z" },
    };
    return recordingText({ head, calls: recorded });
  } finally {
    await stage.close();
    await lamps.close();
    removePack(folder);
  }
};

/** A pack with its recording. */
export const recordedPack = (text: string, changes: readonly Change[] = []): string => {
  const folder = writeLampPack(changes);
  mkdirSync(join(folder, "recordings"));
  writeFileSync(join(folder, "recordings", "lamps.jsonl"), text);
  return folder;
};
