/** Whatever the transport: what was recorded of a real server is played back, reads, plans and writes alike. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { formatVersion, recordingText } from "../../src/recording/format.ts";
import { readPack } from "../../src/recording/pack.ts";
import { createRecorder } from "../../src/recording/recorder.ts";
import { parseCall } from "../../src/recording/script.ts";
import { openRealSession } from "../../src/recording/session.ts";
import { openStage } from "../../src/recording/stage.ts";
import { openPack } from "../../src/testing/index.ts";
import { canRunPython } from "../kit/python.ts";
import { manifestOf } from "../kit/transport-bench.ts";
import { type Kind, kinds, token } from "../kit/transport-kinds.ts";
import { removePack } from "./lamp.ts";

/** How a driver reads and writes over each kind; `name` is what is written. */
const drivers: Readonly<Record<keyof typeof kinds, { read: string; write: string }>> = {
  http: {
    read: 'return (await this.transports.http.request({ path: "/version" })).body;',
    write: 'return this.transports.http.request({ method: "POST", path: "/vm/100/stop/" + name });',
  },
  ssh: {
    read: 'return (await this.transports.ssh.run("show version")).stdout;',
    write: 'return this.transports.ssh.run("set 100 stop " + name);',
  },
  snmp: {
    read: 'return String((await this.transports.snmp.get(["1.3.6.1.2.1.1.3.0"])) !== null);',
    write: 'return this.transports.snmp.set([{ oid: "1.3.6.1.4.1.8072.9999.1", type: "OctetString", value: name }]);',
  },
  tcp: {
    read: 'const tcp = await this.transports.tcp.open(); await tcp.send("VER"); const lines = await tcp.readUntil("^OK", { timeout_ms: 2_000 }); await tcp.close(); return lines.join();',
    write:
      'const tcp = await this.transports.tcp.open(); await tcp.send("SET 100 stop " + name); const lines = await tcp.readUntil(".", { timeout_ms: 2_000 }); await tcp.close(); return lines;',
  },
  block: {
    read: 'const tcp = await this.transports.tcp.open(); await tcp.send(["VER", "VER"]); const lines = await tcp.readUntil("^OK", { timeout_ms: 2_000 }); await tcp.close(); return lines.join();',
    write:
      'const tcp = await this.transports.tcp.open(); await tcp.send(["PUT 100 stop 1", "value " + name]); const lines = await tcp.readUntil(".", { timeout_ms: 2_000 }); await tcp.close(); return lines;',
  },
};

const driverOf = (kind: keyof typeof kinds, step: string): string => `
import { Driver } from "switchyard/sdk";
export class Device extends Driver {
  async test_connection() { return { status: "connected", message: await this.see() }; }
  async vm_lifecycle({ target, dryRun, params }) {
    const effects = { summary: "stop", per_target: [{ id: target.id, from: "up", to: "down" }] };
    if (dryRun) return { ok: true, severity: "info", preconditions: [], effects, plan: { kind: "api", steps: [${step}] } };
    if (params.by === "hand") await this.say("one"); else await this.apply();
    return { ok: true, effects, details: { seen: await this.see() } };
  }
  async vm_knock({ params }) { return { ok: true, details: { said: JSON.stringify(await this.say(params.name)) } }; }
  async see() { ${drivers[kind].read} }
  async say(name) { ${drivers[kind].write} }
}
`;

/** The same for a driver in Python. */
const adapters: Readonly<Record<keyof typeof kinds, { read: string; write: string }>> = {
  http: {
    read: '(await device.call({"method": "GET", "path": "/version"}))["raw"]',
    write: '(await device.call({"method": "POST", "path": "/vm/100/stop/" + name}))["data"]',
  },
  ssh: {
    read: '(await device.call({"commands": ["show version"]}))["data"]["stdout"]',
    write: '(await device.call({"commands": ["set 100 stop " + name]}))["data"]["exit_code"]',
  },
  snmp: {
    read: 'str((await device.call({"op": "get", "oid": "1.3.6.1.2.1.1.3.0"}))["data"] is not None)',
    write: '(await device.call({"op": "set", "oid": "1.3.6.1.4.1.8072.9999.1", "value": name}))["data"]',
  },
  tcp: {
    read: '(await device.call({"commands": ["VER"], "prompt": "^OK"}, timeout_s=2))["raw"]',
    write: '(await device.call({"commands": ["SET 100 stop " + name], "prompt": "."}, timeout_s=2))["data"]["results"]',
  },
  block: {
    read: '(await device.call({"commands": [["VER", "VER"]], "prompt": "^OK"}, timeout_s=2))["raw"]',
    write:
      '(await device.call({"commands": [["PUT 100 stop 1", "value " + name]], "prompt": "."}, timeout_s=2))["data"]["results"]',
  },
};

const pythonDriverOf = (kind: keyof typeof kinds, step: string): string => `
class Device:
    def __init__(self, instance, secrets, transports):
        self.transports = transports

    async def test_connection(self):
        return {"status": "connected", "message": await self.see()}

    async def vm_lifecycle(self, target, dry_run, params):
        effects = {"summary": "stop", "per_target": [{"id": target.id, "from": "up", "to": "down"}]}
        if dry_run:
            return {"ok": True, "severity": "info", "preconditions": [], "effects": effects, "plan": {"kind": "api", "steps": [${step}]}}
        if params.get("by") == "hand":
            await self.say("one")
        else:
            await self.transports.apply()
        return {"ok": True, "effects": effects, "details": {"seen": await self.see()}}

    async def vm_knock(self, params):
        return {"ok": True, "details": {"said": str(await self.say(params["name"]))}}

    async def see(self):
        device = await self.device()
        seen = ${adapters[kind].read}
        await device.close()
        return seen

    async def say(self, name):
        device = await self.device()
        return ${adapters[kind].write}

    async def device(self):
        device = await self.transports.get("${kind === "tcp" || kind === "block" ? "telnet" : kind}")
        return await device.prepare({})
`;

type Language = "node" | "python";
const sources: Readonly<Record<Language, readonly [string, typeof driverOf]>> = {
  node: ["driver.js", driverOf],
  python: ["driver.py", pythonDriverOf],
};

const writePackFor = (name: keyof typeof kinds, kind: Kind, port: number, language: Language) => {
  const facts = kind.facts(port);
  const known = manifestOf(facts);
  const [lifecycle] = known.capabilities;
  const manifest = {
    ...known,
    driver: { entrypoint: "driver:Device", language },
    capabilities: [
      { ...lifecycle, dry_run: "required" },
      { ...lifecycle, id: "vm.knock", dry_run: "not_supported" },
    ],
  };
  const folder = mkdtempSync(join(tmpdir(), "kinds-"));
  writeFileSync(join(folder, "plugin.yaml"), stringify(manifest));
  const [file, source] = sources[language];
  writeFileSync(join(folder, file), source(name, JSON.stringify(kind.step("one"))));
  return { folder, config: facts.config };
};

const calls = [
  "test_connection",
  "run vm.lifecycle stop vm/100",
  "run vm.lifecycle stop vm/100 by=hand",
  "run vm.knock stop vm/100 name=two",
];

const recordInto = async (folder: string, config: object): Promise<string> => {
  const stage = await openStage({ now: Date.now });
  const pack = await readPack(folder);
  const secrets = [{ name: "token", value: token }];
  const open = openRealSession({ manifest: pack.manifest, config: config as never, secrets, now: Date.now });
  const { signal } = new AbortController();
  const recorder = createRecorder({ stage, pack, config: config as never, open, now: Date.now, signal });
  const recorded = [];
  for (const call of calls) recorded.push(await recorder.record(call, parseCall(call)));
  open.close();
  await stage.close();
  const head = {
    ...{
      switchyard_recording: formatVersion,
      core: "1.0.0",
      pack: { id: "test.device", version: "1.0.0", digest: "" },
    },
    ...{ config: config as never, secrets: ["token"], recorded_at: "2026-11-21T00:00:00.000Z" },
  };
  const text = recordingText({ head, calls: recorded });
  mkdirSync(join(folder, "recordings"));
  writeFileSync(join(folder, "recordings", "device.jsonl"), text);
  return text;
};

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach(removePack));

const cases = (Object.entries(kinds) as [keyof typeof kinds, Kind][]).flatMap(([name, kind]) =>
  (["node", "python"] as const).map((language) => [name, language, kind] as const),
);

describe.each(cases)("over %s, with a driver in %s", (name, language, kind) => {
  const isThere = kind.isThere && (language === "node" || canRunPython);
  it.skipIf(!isThere)("a device is recorded, and the driver runs on the recording when it is gone", async () => {
    const { device, writes } = await kind.start();
    const { folder, config } = writePackFor(name, kind, device.port, language);
    folders.push(folder);
    const text = await recordInto(folder, config);
    const seen = writes();
    await device.close();
    expect(text).not.toContain('"failed"');
    expect(text).not.toContain(token);
    expect(seen).toEqual(["one", "one", "two"]);
    await using pack = await openPack(folder);
    const replayed = await pack.replay();
    expect(replayed.map(({ call, differences }) => [call, differences])).toEqual(calls.map((call) => [call, []]));
  });
});
