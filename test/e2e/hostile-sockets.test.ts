/** Clients that are slow on purpose, that flood, or that speak half of HTTP: each is cut, and nobody else waits. */
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type RunningServer, serveApi } from "../../src/api/http/server.ts";
import { type ApiBench, openApiBench } from "../kit/api.ts";
import { hasRedis } from "../kit/redis.ts";

const patience = { headersTimeout: 400, requestTimeout: 900, connectionsCheckingInterval: 100 };
const maxConnections = 60;

interface Talk {
  readonly socket: Socket;
  said(): string;
  /** How long until the server ended it, ms. */
  readonly ended: Promise<number>;
}

describe.skipIf(!hasRedis)("a client on a socket", () => {
  let bench: ApiBench;
  let server: RunningServer;
  beforeAll(async () => {
    bench = await openApiBench();
    server = await serveApi(bench.deps, { host: "127.0.0.1", port: 0, patience, maxConnections });
  });
  afterAll(async () => {
    await server.close();
    await bench.end();
  });

  const withToken = (bytes: string): string => bytes.replace("TOKEN", bench.tokens.admin);
  const dial = (): Talk => {
    const startedAt = performance.now();
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => undefined);
    const ended = new Promise<number>((resolve) => socket.on("close", () => resolve(performance.now() - startedAt)));
    return { socket, said: () => text, ended };
  };
  /** Writes a piece every so often, as long as the server listens. */
  const trickle = async ({ socket }: Talk, piece: string): Promise<void> => {
    while (!socket.destroyed) {
      socket.write(piece);
      await pause(50);
    }
  };
  const say = async (bytes: string): Promise<string> => {
    const talk = dial();
    talk.socket.end(withToken(bytes), "latin1");
    await talk.ended;
    return talk.said();
  };
  const statusesIn = (text: string): string[] =>
    [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status = ""]) => status);
  const others = async (): Promise<number> => {
    const startedAt = performance.now();
    const response = await fetch(`${server.url}/api/whoami`, {
      headers: { authorization: `Bearer ${bench.tokens.viewer}`, connection: "close" },
    });
    expect(response.status).toBe(200);
    await response.body?.cancel();
    return performance.now() - startedAt;
  };
  const bearer = "Host: a\r\nAuthorization: Bearer TOKEN\r\n";
  const upload = (): string =>
    `POST /api/integrations/types/upload HTTP/1.1\r\n${bearer}Content-Type: multipart/form-data; boundary=b\r\n` +
    'Content-Length: 5000000\r\n\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.int"\r\n\r\n';

  it.each([
    ["sends its headers a byte at a time", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ", "x"],
    ["never ends its headers", "GET /healthz HTTP/1.1\r\nHost: a\r\n", "X-More: 1\r\n"],
    ["sends line ends before its request for ever", "\r\n", "\r\n"],
  ])("is cut when it %s", async (_, head, piece) => {
    const talk = dial();
    talk.socket.write(head);
    void trickle(talk, piece);
    expect(await others()).toBeLessThan(1_000);
    expect(await talk.ended).toBeLessThan(3_000);
    expect(talk.said()).toMatch(/^HTTP\/1\.1 (408|431|400)/);
  });

  it("is cut when it connects and says nothing", async () => {
    const talk = dial();
    expect(await talk.ended).toBeLessThan(3_000);
  });

  it("is cut when it sends a JSON body a byte at a time", async () => {
    const talk = dial();
    talk.socket.write(
      withToken(
        `POST /api/tokens HTTP/1.1\r\n${bearer}Content-Type: application/json\r\nContent-Length: 900000\r\n\r\n{`,
      ),
    );
    void trickle(talk, " ");
    expect(await others()).toBeLessThan(1_000);
    expect(await talk.ended).toBeLessThan(3_000);
    expect(talk.said()).toMatch(/^HTTP\/1\.1 4/);
  });

  it("is cut when it uploads a byte at a time, and leaves nothing behind", async () => {
    const talks = Array.from({ length: 20 }, dial);
    for (const talk of talks) {
      talk.socket.write(withToken(upload()));
      void trickle(talk, "x");
    }
    const { scratchDir } = bench.deps.config;
    await vi.waitFor(async () => expect((await readdir(scratchDir)).length).toBe(20), { timeout: 2_000 });
    expect(await others()).toBeLessThan(1_000);
    for (const talk of talks) expect(await talk.ended).toBeLessThan(5_000);
    await vi.waitFor(async () => expect(await readdir(scratchDir)).toEqual([]), { timeout: 3_000 });
  });

  it("sees why its form was refused, however much of it is still to come", async () => {
    const fields = Array.from(
      { length: 60_000 },
      (_, n) => `--b\r\nContent-Disposition: form-data; name="f${n}"\r\n\r\nx\r\n`,
    );
    const file = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\nx\r\n';
    const patient = await serveApi(bench.deps, { host: "127.0.0.1", port: 0 });
    async function* slowly() {
      yield file;
      for (let at = 0; at < fields.length; at += 3_000) {
        yield fields.slice(at, at + 3_000).join("");
        await pause(50);
      }
      yield "--b--\r\n";
    }
    const answer = await fetch(`${patient.url}/api/integrations/types/upload`, {
      method: "POST",
      headers: { authorization: `Bearer ${bench.tokens.admin}`, "content-type": "multipart/form-data; boundary=b" },
      body: ReadableStream.from(slowly()).pipeThrough(new TextEncoderStream()),
      duplex: "half",
    } as RequestInit).finally(() => patient.close());
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "extension_not_int" });
  }, 20_000);

  it("leaves nothing behind when it hangs up in the middle of an upload", async () => {
    const talks = Array.from({ length: 20 }, dial);
    for (const { socket } of talks) socket.write(withToken(upload()) + "x".repeat(300_000));
    const { scratchDir } = bench.deps.config;
    await vi.waitFor(async () => expect((await readdir(scratchDir)).length).toBe(20), { timeout: 3_000 });
    for (const { socket } of talks) socket.resetAndDestroy();
    await vi.waitFor(async () => expect(await readdir(scratchDir)).toEqual([]), { timeout: 3_000 });
    expect(await others()).toBeLessThan(1_000);
  });

  it("is told to go at once when nobody knows it, whatever body it means to send", async () => {
    const talk = dial();
    talk.socket.write("POST /api/integrations/types/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
    void trickle(talk, "x");
    await vi.waitFor(() => expect(talk.said()).toContain("401"), { timeout: 1_000 });
    expect(await talk.ended).toBeLessThan(3_000);
    expect(await readdir(bench.deps.config.scratchDir)).toEqual([]);
  });

  const get = (path: string, more = ""): string =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${more}\r\n`;
  const post = (more: string, body: string): string =>
    `POST /api/tokens HTTP/1.1\r\n${bearer}Content-Type: application/json\r\n${more}\r\n${body}`;

  it.each([
    ["one header of 20 KB", get("/healthz", `X: ${"x".repeat(20_000)}\r\n`), "431"],
    ["ten thousand headers", get("/healthz", "X: y\r\n".repeat(10_000)), "431"],
    ["a path of 20 KB", get(`/${"x".repeat(20_000)}`), "431"],
    ["two lengths", post("Content-Length: 2\r\nContent-Length: 3\r\n", "{} "), "400"],
    ["a length and chunks", post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"],
    ["chunks in a disguise", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), "400"],
    ["chunks after another coding", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), "400"],
    ["a negative length", post("Content-Length: -1\r\n", ""), "400"],
    ["a length that is no number", post("Content-Length: 0x10\r\n", ""), "400"],
    ["a chunk without a size", post("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"), "400"],
    ["a folded header", get("/healthz", "X-A: b\r\n\tc: d\r\n"), "400"],
    ["a header without a name", get("/healthz", ": x\r\n"), "400"],
    ["a space before the colon", get("/healthz", "Host : b\r\n"), "400"],
    ["no host", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", "400"],
    ["a NUL in a header", get("/healthz", "X: a\0b\r\n"), "400"],
    ["bare line feeds", "GET /healthz HTTP/1.1\nHost: a\n\n", "400"],
    ["another protocol", "SSH-2.0-client\r\n\r\n", "400"],
    ["the next version", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"],
    ["a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"],
  ])("is refused with %s", async (_, bytes, status) => {
    expect(statusesIn(await say(bytes))).toEqual([status]);
    expect(await others()).toBeLessThan(1_000);
  });

  it.each([
    ["a tunnel", "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an echo", "TRACE /api/whoami HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Echo: me\r\n\r\n"],
    ["another host through us", get("http://127.0.0.1:22/api/whoami")],
    ["another protocol on this line", get("/api/events", "Upgrade: websocket\r\nConnection: Upgrade\r\n")],
    ["a pseudo host", get("//evil.example/api/whoami")],
  ])("is given nothing when it asks for %s", async (_, bytes) => {
    const text = await say(bytes);
    expect(statusesIn(text).filter((status) => status.startsWith("2"))).toEqual([]);
    expect(text).not.toContain("X-Echo");
  });

  it("is answered in order when it sends a thousand requests at once", async () => {
    const talk = dial();
    const request = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    talk.socket.write(request.repeat(999) + get("/readyz"));
    await talk.ended;
    expect(talk.said().split("HTTP/1.1 200 OK")).toHaveLength(1_001);
  });

  it("is turned away when there are too many, and let in again when some have gone", async () => {
    const talks = Array.from({ length: maxConnections * 3 }, dial);
    await Promise.all(talks.map(({ socket }) => Promise.race([once(socket, "connect"), once(socket, "close")])));
    await vi.waitFor(
      () => expect(talks.filter(({ socket }) => socket.destroyed).length).toBeGreaterThanOrEqual(maxConnections),
      {
        timeout: 2_000,
      },
    );
    for (const { socket } of talks) socket.destroy();
    await vi.waitFor(async () => expect(await others()).toBeLessThan(1_000), { timeout: 3_000 });
  });
});
