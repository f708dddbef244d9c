/** Informational answers, asked for or not: they are passed over, and the final one counts. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import { describe, expect, test } from "vitest";
import { makeCertificate } from "../kit/certificate.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

const facts = (port: number, more: Partial<BenchFacts> = {}): BenchFacts => ({
  transports: { http: { url: ["{url}"], tls: { fingerprint: "pin" } } },
  config: { url: `http://127.0.0.1:${port}` },
  capability: { writes: ["POST /*"] },
  defaults: { http: { retries: 0, timeout_s: 2 } },
  ...more,
});

/** Answers each whole request head with `say`; `before` speaks when a connection is made. */
const speaking = async (say: (socket: Socket, count: number) => void, { certificate = null as null | object } = {}) => {
  const sockets = new Set<Socket>();
  let count = 0;
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    let pending = "";
    socket
      .on("error", () => undefined)
      .on("data", (bytes: Buffer) => {
        pending += bytes.toString("latin1");
        for (let end = pending.indexOf("\r\n\r\n"); end >= 0; end = pending.indexOf("\r\n\r\n")) {
          pending = pending.slice(end + 4);
          count += 1;
          say(socket, count);
        }
      });
  };
  const server = certificate === null ? createServer(serve) : createTls(certificate, serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    requests: () => count,
    isLeft: () => [...sockets].every(({ destroyed }) => destroyed),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
};

const information = {
  "100": "HTTP/1.1 100 Continue\r\n\r\n",
  "102": "HTTP/1.1 102 Processing\r\n\r\n",
  "103": "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n",
  "199": "HTTP/1.0 199 \r\nx: y\r\n\r\n",
};
const final = (body = '{"done":true}'): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const write = { method: "POST", path: "/vm" };
const free = { mode: "free" } as const;

describe("an informational answer that nobody asked for", () => {
  test.each([
    ["100", information["100"]],
    ["102", information["102"]],
    ["103", information["103"]],
    ["199 in HTTP/1.0", information["199"]],
    ["100, 102 and 103", Object.values(information).join("")],
    ["100 for twenty times", information["100"].repeat(20)],
  ])("is passed over (%s), and the write has the final one", async (_, before) => {
    await using device = await speaking((socket) => socket.write(before + final()));
    await using bench = openBench(facts(device.port));
    const door = bench.door(free);
    expect(await door.ask("http.request", write)).toMatchObject({ status: 200, body: '{"done":true}' });
    expect([door.unknownStep, bench.journal.entries[0]?.answer?.status]).toEqual([null, 200]);
  });

  test("is passed over wherever it is cut, each time anew on one connection", async () => {
    let connections = 0;
    await using device = await speaking((socket, count) => {
      if (count === 1) connections += 1;
      socket.setNoDelay(true);
      const bytes = Buffer.from(information["103"] + information["100"] + final(`{"at":${count}}`));
      let at = 0;
      const next = (): void => {
        if (at >= bytes.length || socket.destroyed) return;
        socket.write(bytes.subarray(at, at + 1), () => setImmediate(next));
        at += 1;
      };
      next();
    });
    await using bench = openBench(facts(device.port));
    for (const at of [1, 2, 3])
      expect(await bench.door().ask("http.request", { path: "/x" })).toMatchObject({ body: `{"at":${at}}` });
    expect([device.requests(), connections]).toEqual([3, 1]);
  });

  test("is passed over inside TLS", async () => {
    const certificate = makeCertificate("IP:127.0.0.1");
    await using device = await speaking((socket) => socket.write(information["100"] + final()), { certificate });
    const config = { url: `https://127.0.0.1:${device.port}`, pin: certificate.fingerprint };
    await using bench = openBench(facts(device.port, { config }));
    expect(await bench.door(free).ask("http.request", write)).toMatchObject({ status: 200 });
  });

  test("is not looked for inside a body", async () => {
    const body = `${information["100"]}${information["103"]}`;
    await using device = await speaking((socket) => {
      socket.write(final(body).slice(0, -body.length), () => setImmediate(() => socket.write(body)));
    });
    await using bench = openBench(facts(device.port));
    expect(await bench.door().ask("http.request", { path: "/x" })).toMatchObject({ body });
  });
});

describe("a device that is informative for ever", () => {
  test.each([
    ["with one answer after the other", (): string => information["100"].repeat(500)],
    ["with a head that has no end", (): string => `x: ${"y".repeat(1_000)}\r\n`],
  ])("%s is left long before the time is over, and holds no write", async (_, more) => {
    await using device = await speaking((socket) => {
      socket.write("HTTP/1.1 103 Early Hints\r\n");
      if (_.includes("after")) socket.write("\r\n");
      const flood = (): void => {
        if (!socket.destroyed) socket.write(more(), () => setImmediate(flood));
      };
      flood();
    });
    await using bench = openBench(facts(device.port, { defaults: { http: { retries: 0, timeout_s: 30 } } }));
    const door = bench.door(free);
    const startedAt = performance.now();
    const thrown = await door.ask("http.request", write).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: "protocol_mismatch", message: expect.stringMatching(/informational/) });
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect([door.unknownStep, bench.transports.inFlightBytes]).toEqual([0, 0]);
    await expect.poll(device.isLeft).toBe(true);
  });

  test("and then silent is waited for as long as for any other answer", async () => {
    await using device = await speaking((socket) => socket.write(information["100"]));
    await using bench = openBench(facts(device.port, { defaults: { http: { retries: 0, timeout_s: 0.3 } } }));
    expect(await codeOf(bench.door().ask("http.request", { path: "/x" }))).toBe("response_timeout");
  });

  test("and then gone has given no answer", async () => {
    await using device = await speaking((socket) => socket.end(`${information["100"]}HTTP/1.1 1`));
    await using bench = openBench(facts(device.port));
    expect(await codeOf(bench.door().ask("http.request", { path: "/x" }))).toBe("protocol_mismatch");
  });
});
