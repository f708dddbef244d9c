/** A device that counts: it answers slowly, carries numbered writes out, and fails in the ways that it is told. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Chance } from "../../kit/random.ts";

/** hangs: never answers; resets: cuts the connection; half: stops in the middle of its answer. */
export type Failing = "hangs" | "resets" | "half";

/** One write that a device carried out. */
export interface Effect {
  /** `<verb> <number> <part>` */
  readonly what: string;
  /** When it came, on the test's own monotonic clock. */
  readonly at: number;
}

export interface CountingDevice {
  readonly port: number;
  /** In the order in which they came. */
  readonly effects: readonly Effect[];
  /** From now on, until it is told null. A write is carried out all the same: only its answer is lost. */
  fail(how: Failing | null): void;
  close(): Promise<void>;
}

const machines = 30;
const taskMs = 1_200;
const slowestMs = 60;

interface Sent {
  readonly n?: number;
  readonly part?: number;
}

const bodyOf = async (request: IncomingMessage): Promise<Sent> => {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text === "" ? {} : (JSON.parse(text) as Sent);
};

const inventory = Array.from({ length: machines }, (_, index) => ({
  type: "vm",
  external_id: `m${index}`,
  name: `machine ${index}`,
  attrs: { status: "running" },
  labels: {},
}));

export const startCountingDevice = async (chance: Chance): Promise<CountingDevice> => {
  const effects: Effect[] = [];
  const tasks = new Map<number, number>();
  let failing: Failing | null = null;

  const carryOut = (verb: string, { n = 0, part = 1 }: Sent): object => {
    effects.push({ what: `${verb} ${n} ${part}`, at: performance.now() });
    if (verb === "task") tasks.set(n, performance.now() + taskMs);
    return { ok: true };
  };
  const read = (path: string): unknown => {
    const [, , place, id] = path.split("/");
    if (place === "vms" && id === undefined) return inventory;
    if (place === "tasks") return { done: performance.now() > (tasks.get(Number(id)) ?? 0) };
    return { version: "1", state: "running" };
  };
  const reply = (response: ServerResponse, value: unknown): void => {
    const body = JSON.stringify(value);
    if (failing === "hangs") return;
    if (failing === "resets") return void response.socket?.resetAndDestroy();
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
    if (failing === "half") response.write(body.slice(0, body.length / 2), () => response.socket?.destroy());
    else response.end(body);
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const sent = await bodyOf(request);
    const path = request.url ?? "";
    const value = request.method === "GET" ? read(path) : carryOut(path.split("/").at(-1) ?? "", sent);
    setTimeout(() => reply(response, value), chance.below(slowestMs));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    effects,
    fail: (how) => {
      failing = how;
      // Whoever hangs does not come back: the device was restarted.
      if (how === null) server.closeAllConnections();
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
