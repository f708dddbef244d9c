/** A worker whose Redis goes away while it starts: it ends with one line that says what to do. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createBelongings, untilListening } from "../kit/process.ts";
import { hasRedis, startTestRedis } from "../kit/redis.ts";

const own = createBelongings();
afterEach(() => own.giveBack(), 40_000);

/** Passes everything on to a Redis until `word` is said to it: then nobody is there any more. */
const goesAwayAt = (word: string, path: string): Server => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const beyond = connect(path);
    for (const one of [socket, beyond]) sockets.add(one.on("error", () => undefined));
    beyond.pipe(socket);
    socket.on("data", (bytes) => {
      if (!bytes.includes(word)) return void beyond.write(bytes);
      server.close();
      for (const one of sockets) one.destroy();
    });
  });
  return server;
};

describe.skipIf(!hasRedis && process.env["SWITCHYARD_TEST_STRICT"] !== "1")("a worker", () => {
  it("that finds no Redis for its first lease says so in one line, and ends", { timeout: 60_000 }, async () => {
    const redis = own.add(await startTestRedis(), (it) => it.stop());
    const dataDir = own.folder();
    const settings = { SWITCHYARD_DATA: dataDir, SWITCHYARD_LOG: "silent" };
    await untilListening(own.start({ ...settings, SWITCHYARD_ROLE: "api", REDIS_URL: redis.url }), dataDir);
    const path = join(own.folder(), "redis.sock");
    own.add(goesAwayAt("sw:worker:", redis.url), (server) => server.close()).listen(path);
    const worker = own.start({ ...settings, SWITCHYARD_ROLE: "worker", REDIS_URL: path });
    expect(await worker.ended()).toBe(1);
    expect(worker.output().trim().split("\n")).toEqual([
      expect.stringMatching(/^switchyard: Expected Redis to take .*, but it did not .*; .*REDIS_URL.*$/),
    ]);
  });
});
