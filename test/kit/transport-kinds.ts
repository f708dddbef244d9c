/** Each kind of transport as the shared suite drives it: a device, an honest read, writes by name. */
import type { JsonObject } from "../../src/model/json.ts";
import type { Door } from "../../src/transports/transports.ts";
import { type Device, sendJson, startHttp, startTcp } from "./device.ts";
import type { BenchFacts } from "./transport-bench.ts";

export interface Kind {
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

export const kinds = { http, tcp };
