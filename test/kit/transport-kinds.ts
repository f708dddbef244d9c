/** Each kind of transport as the shared suite drives it: a device, an honest read, writes by name. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../src/model/json.ts";
import type { Door } from "../../src/transports/transports.ts";
import { type Device, sendJson, startHttp, startTcp } from "./device.ts";
import { hasSnmpd, startSnmpd } from "./snmpd.ts";
import { hasSshd, sshdUser, startSshd } from "./sshd.ts";
import type { BenchFacts } from "./transport-bench.ts";

export interface Kind {
  /** Whether the device can be started here. */
  readonly isThere: boolean;
  /** The code of a write whose answer never comes. */
  readonly silence: string;
  /** A step beyond what the manifest lets the capability write. */
  readonly beyond: JsonObject;
  /** Whether patterns of writes can name the target. */
  readonly namesTarget: boolean;
  /** Starts a device; `writes` are the writes that it saw, `hold` keeps the next one without an answer. */
  start(): Promise<{ device: Device; writes: () => readonly string[]; hold: () => void }>;
  facts(port: number, host?: string): BenchFacts;
  read(door: Door): Promise<unknown>;
  /** A write made by the driver itself. */
  write(door: Door, name: string): Promise<unknown>;
  step(name: string): JsonObject;
}

export const token = "a-long-secret-value";

const http: Kind = {
  isThere: true,
  silence: "response_timeout",
  beyond: { transport: "http", method: "DELETE", path: "/vm/100" },
  namesTarget: true,
  start: async () => {
    let isHeld = false;
    const device = await startHttp((request, response) => {
      if (request.method === "POST" && isHeld) return;
      sendJson(response, { asked: request.url }, request.url.endsWith("fail") ? 409 : 200);
    });
    const writes = (): readonly string[] =>
      device.seen.filter(({ method }) => method === "POST").map(({ url }) => url.replace("/vm/100/stop/", ""));
    const hold = (): void => {
      isHeld = true;
    };
    return { device, writes, hold };
  },
  facts: (port, host = "127.0.0.1") => ({
    transports: { http: { url: "http://{host}:{port}", headers: { "X-Token": "{secret:token}" } } },
    config: { host, port },
    secrets: { token },
    capability: { writes: ["POST /vm/{target}/{verb}/*"] },
  }),
  read: (door) => door.ask("http.request", { path: "/version" }),
  write: (door, name) => door.ask("http.request", { method: "POST", path: `/vm/100/stop/${name}` }),
  step: (name) => ({ transport: "http", method: "POST", path: `/vm/100/stop/${name}` }),
};

const tcp: Kind = {
  isThere: true,
  silence: "response_timeout",
  beyond: { transport: "tcp", send: ["FSD all"] },
  namesTarget: true,
  start: async () => {
    let isHeld = false;
    const device = await startTcp((line) => {
      if (line.startsWith("PASSWORD") || line === "VER") return "OK";
      if (isHeld) return undefined;
      return line.endsWith("fail") ? "ERR" : "OK";
    });
    const writes = (): readonly string[] =>
      device.lines.filter((line) => line.startsWith("SET")).map((line) => line.replace("SET 100 stop ", ""));
    const hold = (): void => {
      isHeld = true;
    };
    return { device, writes, hold };
  },
  facts: (port, host = "127.0.0.1") => ({
    transports: {
      tcp: { host: "{host}", port: "{port}", login: [["PASSWORD {secret:token}", "OK*"]], reads: ["VER"], ok: "OK*" },
    },
    config: { host, port },
    secrets: { token },
    capability: { writes: ["SET {target} {verb} *"] },
  }),
  read: async (door) => {
    const { conn } = (await door.ask("tcp.open", {})) as { conn: number };
    await door.ask("tcp.send", { conn, line: "VER" });
    return door.ask("tcp.read_until", { conn, pattern: "^OK", timeout_ms: 2_000 });
  },
  write: async (door, name) => {
    const { conn } = (await door.ask("tcp.open", {})) as { conn: number };
    return door.ask("tcp.send", { conn, line: `SET 100 stop ${name}` });
  },
  step: (name) => ({ transport: "tcp", send: [`SET 100 stop ${name}`] }),
};

const dataOf = (name: string): readonly [string, string] => ["PUT 100 stop 1", `value ${name}`];

/** A command and a line of data, which the device takes together before it answers. */
const block: Kind = {
  ...tcp,
  beyond: { transport: "tcp", send: [["PUT 100 stop 1", "FSD all"]] },
  start: async () => {
    let isHeld = false;
    const writes: string[] = [];
    const device = await startTcp((line) => {
      if (line.startsWith("PASSWORD") || line === "VER") return "OK";
      if (line.startsWith("PUT")) return undefined;
      writes.push(line.replace("value ", ""));
      if (isHeld) return undefined;
      return line.endsWith("fail") ? "ERR" : "OK";
    });
    const hold = (): void => {
      isHeld = true;
    };
    return { device, writes: () => writes, hold };
  },
  facts: (port, host) => ({
    ...tcp.facts(port, host),
    capability: { writes: ["PUT {target} {verb} *", "value *"] },
  }),
  write: async (door, name) => {
    const { conn } = (await door.ask("tcp.open", {})) as { conn: number };
    return door.ask("tcp.send", { conn, line: [...dataOf(name)] });
  },
  step: (name) => ({ transport: "tcp", send: [[...dataOf(name)]] }),
};

/** What a device wrote down of the writes it saw. */
const linesOf = (path: string): readonly string[] =>
  existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];

/** A shell script that is the device behind a real server: it keeps what it is told, and may be told to hang. */
const deviceScript = (ofWrite: string, refuse: string): string => `#!/bin/sh
${ofWrite}
[ -n "$name" ] || exit 0
echo "$name" >> @FOLDER@/writes
[ ! -e @FOLDER@/hold ] || sleep 1
[ "$name" != fail ] || ${refuse}
exit 0
`;

const behind = (
  device: {
    readonly folder: string;
    readonly port: number;
    stop(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
  },
  connections: () => number,
) => {
  const close = (): Promise<void> => device[Symbol.asyncDispose]();
  return {
    device: {
      port: device.port,
      get connections() {
        return connections();
      },
      close,
      [Symbol.asyncDispose]: close,
    },
    writes: () => linesOf(join(device.folder, "writes")),
    hold: () => writeFileSync(join(device.folder, "hold"), ""),
  };
};

const sshScript = deviceScript(
  'case "$SSH_ORIGINAL_COMMAND" in "set "*) name=${SSH_ORIGINAL_COMMAND##* } ;; *) echo "$SSH_ORIGINAL_COMMAND" ;; esac',
  "exit 1",
);

const ssh: Kind = {
  isThere: hasSshd,
  silence: "response_timeout",
  beyond: { transport: "ssh", commands: ["erase all"] },
  namesTarget: true,
  start: async () => {
    const more = "ForceCommand @FOLDER@/device";
    const sshd = await startSshd({ more, password: token, keys: ["ed25519"], scripts: { device: sshScript } });
    chmodSync(sshd.folder, 0o777);
    return behind(sshd, () => sshd.log().split("Accepted password").length - 1);
  },
  facts: (port, host = "127.0.0.1") => ({
    transports: {
      ssh: { host: "{host}", port: "{port}", username: sshdUser, password: "{secret:token}", reads: ["show *"] },
    },
    config: { host, port },
    secrets: { token },
    capability: { writes: ["set {target} {verb} *"] },
  }),
  read: (door) => door.ask("ssh.run", { command: "show version" }),
  write: (door, name) => door.ask("ssh.run", { command: `set 100 stop ${name}` }),
  step: (name) => ({ transport: "ssh", commands: [`set 100 stop ${name}`] }),
};

const snmpObject = "1.3.6.1.4.1.8072.9999.1";
const snmpScript = deviceScript('[ "$1" = -s ] && name=$(echo "$4" | tr -d \\")', "echo not-writable");
const setOf = (value: string): JsonObject => ({ set: [{ oid: snmpObject, type: "OctetString", value }] });

const snmp: Kind = {
  isThere: hasSnmpd,
  silence: "no_snmp_answer",
  beyond: { transport: "snmp", set: [{ oid: "1.3.6.1.2.1.1.6.0", type: "OctetString", value: "x" }] },
  namesTarget: false,
  start: async () => {
    const more = `pass .${snmpObject} @FOLDER@/device`;
    return behind(await startSnmpd({ more, writeCommunity: token, scripts: { device: snmpScript } }), () => 0);
  },
  facts: (port, host = "127.0.0.1") => ({
    transports: { snmp: { host: "{host}", port: "{port}", community: "{secret:token}" } },
    config: { host, port },
    secrets: { token },
    capability: { writes: [`SET ${snmpObject}`] },
  }),
  read: (door) => door.ask("snmp.get", { oids: ["1.3.6.1.2.1.1.3.0"] }),
  write: (door, name) => door.ask("snmp.set", setOf(name)),
  step: (name) => ({ transport: "snmp", ...setOf(name) }),
};

export const kinds = { http, ssh, snmp, tcp, block };
