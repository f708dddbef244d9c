/** Causes of a failed contact, trust in certificates, limits of size and time, and repetition of reads. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import { type Certificate, makeCertificate } from "../kit/certificate.ts";
import { sendJson, startHttp, startTcp } from "../kit/device.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

let certificate: Certificate;
beforeAll(() => {
  certificate = makeCertificate("IP:127.0.0.1", "DNS:device.example");
});

const facts = (config: JsonObject, more: Partial<BenchFacts> = {}): BenchFacts => ({
  transports: {
    http: {
      url: ["{url}", "https://{host}:{port}"],
      tls: { verify: "verify", ca: "ca", fingerprint: "pin", servername: "name" },
    },
  },
  config: { host: "127.0.0.1", ...config },
  capability: { writes: ["POST /*"] },
  ...more,
});
const ask = async (given: BenchFacts, deps = {}) => {
  await using bench = openBench(given, { deps });
  try {
    return await bench.door().ask("http.request", { path: "/x", timeout_ms: 1_500 });
  } catch (thrown) {
    return { code: (thrown as { code: string }).code, detail: (thrown as Error).message };
  }
};

describe("a failed contact names its cause", () => {
  test("nothing listens", async () => {
    const device = await startHttp(() => undefined);
    await device.close();
    const got = await ask(facts({ url: `http://127.0.0.1:${device.port}` }));
    expect(got).toMatchObject({
      code: "connection_refused",
      detail: expect.stringContaining(`127.0.0.1:${device.port}`),
    });
  });

  test("the name does not exist", async () => {
    const resolve = async () => {
      throw Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
    };
    const got = await ask(facts({ url: "http://no-such-host.example" }), { resolve });
    expect(got).toMatchObject({ code: "dns_failed", detail: expect.stringContaining("no-such-host.example") });
  });

  test("the name service stays silent", async () => {
    const got = await ask(facts({ url: "http://slow.example" }), { resolve: () => new Promise(() => undefined) });
    expect(got).toMatchObject({ code: "connect_timeout" });
  });

  test.each([
    ["changes the protocol", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"],
    ["has two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\n{}"],
    ["has a length and none", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
  ])("an answer %s is none by the rules of http", async (_, answer) => {
    await using device = await startTcp((line, socket) => {
      if (line === "\r") socket.write(answer);
      return undefined;
    });
    const got = await ask(facts({ url: `http://127.0.0.1:${device.port}` }));
    expect(got).toMatchObject({ code: "protocol_mismatch", detail: expect.stringContaining("not by its rules") });
  });

  test("an answer breaks off", async () => {
    await using device = await startTcp((line, socket) => {
      if (line === "\r") socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}");
      return undefined;
    });
    const got = await ask(facts({ url: `http://127.0.0.1:${device.port}` }));
    expect(got).toMatchObject({
      code: "device_error",
      detail: expect.stringContaining("before its answer was complete"),
    });
  });

  test("TLS is begun and never done: the time is told as it was allowed", async () => {
    await using device = await startTcp(() => undefined);
    const got = await ask(facts({ port: device.port }));
    expect(got).toMatchObject({
      code: "connect_timeout",
      detail: expect.stringMatching(/no TLS connection within 1500 ms/),
    });
  });

  test("the device accepts and stays silent", async () => {
    await using device = await startHttp(() => undefined);
    const got = await ask(facts({ url: `http://127.0.0.1:${device.port}` }));
    expect(got).toMatchObject({ code: "response_timeout" });
  });

  test("plain http on a TLS port, and TLS on a plain one", async () => {
    await using secure = await startHttp((_, response) => sendJson(response, {}), { certificate });
    expect(await ask(facts({ url: `http://127.0.0.1:${secure.port}` }))).toMatchObject({ code: "protocol_mismatch" });
    await using plain = await startHttp((_, response) => sendJson(response, {}));
    expect(await ask(facts({ port: plain.port }))).toMatchObject({ code: "protocol_mismatch" });
  });

  test("something else than http answers", async () => {
    await using device = await startTcp((_, socket) => {
      socket.end("220 mail ready\r\n");
      return undefined;
    });
    expect(await ask(facts({ url: `http://127.0.0.1:${device.port}` }))).toMatchObject({ code: "protocol_mismatch" });
  });

  test("the connection is dropped in the middle of an answer", async () => {
    await using device = await startHttp((_, response) => {
      response.writeHead(200, { "content-length": "100" }).write("half");
      setImmediate(() => response.destroy());
    });
    expect(await ask(facts({ url: `http://127.0.0.1:${device.port}` }))).toMatchObject({
      code: expect.stringMatching(/device_error|protocol_mismatch/),
    });
  });

  test("a failure before the first byte of a write leaves nothing unknown and nothing in the journal", async () => {
    const device = await startHttp(() => undefined);
    await device.close();
    await using bench = openBench(facts({ url: `http://127.0.0.1:${device.port}` }));
    const door = bench.applying([{ transport: "http", method: "POST", path: "/x" }]);
    expect(await codeOf(door.ask("apply", {}))).toBe("connection_refused");
    expect([door.unknownStep, bench.journal.entries, bench.journal.events]).toEqual([null, [], []]);
  });
});

describe("a certificate", () => {
  let device: Awaited<ReturnType<typeof startHttp>>;
  beforeAll(async () => {
    device = await startHttp((_, response) => sendJson(response, { ok: true }), { certificate });
  });
  afterAll(() => device.close());
  const port = () => ({ port: device.port });

  test("that nobody knows is refused with its fingerprint and the way to trust it", async () => {
    const got = await ask(facts(port()));
    expect(got).toMatchObject({ code: "tls_untrusted", detail: expect.stringContaining(certificate.fingerprint) });
    expect(device.seen).toEqual([]);
  });

  test("is trusted by authority, by fingerprint in any spelling, or not checked at all", async () => {
    const pin = certificate.fingerprint.toUpperCase().replaceAll(/(..)(?=.)/g, "$1:");
    const ways = [{ ca: certificate.cert }, { pin }, { pin: `SHA256:${certificate.fingerprint}` }, { verify: false }];
    for (const way of ways) expect(await ask(facts({ ...port(), ...way }))).toMatchObject({ status: 200 });
  });

  test("other than the pinned one is refused, even without verification", async () => {
    const got = await ask(facts({ ...port(), pin: "ab".repeat(32), verify: false }));
    expect(got).toMatchObject({ code: "tls_untrusted", detail: expect.stringContaining(certificate.fingerprint) });
  });

  test("for another name is refused with the names that it has, unless the config says what to expect", async () => {
    const other = { ...facts({ ...port(), ca: certificate.cert, host: "other.example" }) };
    const resolve = async () => [{ address: "127.0.0.1", family: 4 }];
    expect(await ask(other, { resolve })).toMatchObject({
      code: "tls_name_mismatch",
      detail: expect.stringContaining("device.example"),
    });
    const named = facts({ ...port(), ca: certificate.cert, host: "other.example", name: "device.example" });
    expect(await ask(named, { resolve })).toMatchObject({ status: 200 });
  });

  test("is not checked when the pack's defaults say so and the config says nothing", async () => {
    expect(await ask(facts(port(), { defaults: { http: { verify_tls: false } } }))).toMatchObject({ status: 200 });
    const strict = facts({ ...port(), verify: true }, { defaults: { http: { verify_tls: false, retries: 0 } } });
    expect(await ask(strict)).toMatchObject({ code: "tls_untrusted" });
  });
});

describe("an answer", () => {
  const big = 17 * 1024 * 1024;
  test.each([
    ["a long body", (): [Record<string, string>, Buffer] => [{}, Buffer.alloc(big)]],
    [
      "a compressed bomb",
      (): [Record<string, string>, Buffer] => [{ "content-encoding": "gzip" }, gzipSync(Buffer.alloc(big * 4))],
    ],
  ])("of more than 16 MiB is cut off (%s)", async (_, make) => {
    const [headers, body] = make();
    await using device = await startHttp((_request, response) => response.writeHead(200, headers).end(body));
    await using bench = openBench(facts({ url: `http://127.0.0.1:${device.port}` }));
    expect(await codeOf(bench.door().ask("http.request", {}))).toBe("response_too_large");
    expect(bench.transports.inFlightBytes).toBe(0);
  });

  test.each(["gzip", "deflate", "br", "zstd", "x-gzip"])("compressed as %s is inflated", async (encoding) => {
    const zlib = await import("node:zlib");
    const pack = {
      gzip: gzipSync,
      "x-gzip": gzipSync,
      deflate: zlib.deflateRawSync,
      br: zlib.brotliCompressSync,
      zstd: zlib.zstdCompressSync,
    };
    const body = pack[encoding as keyof typeof pack](Buffer.from('{"a":1}'));
    await using device = await startHttp((_, response) =>
      response.writeHead(200, { "content-encoding": encoding }).end(body),
    );
    expect(await ask(facts({ url: `http://127.0.0.1:${device.port}` }))).toMatchObject({ body: '{"a":1}' });
  });

  test("that lies about its encoding is no answer", async () => {
    await using device = await startHttp((_, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end("no gzip"),
    );
    expect(await ask(facts({ url: `http://127.0.0.1:${device.port}` }))).toMatchObject({ code: "protocol_mismatch" });
  });

  test("is text in the charset that it names", async () => {
    await using device = await startHttp((_, response) =>
      response.writeHead(200, { "content-type": "text/plain; charset=iso-8859-1" }).end(Buffer.from([0xe9])),
    );
    expect(await ask(facts({ url: `http://127.0.0.1:${device.port}` }))).toMatchObject({ body: "\u00e9" });
  });
});

test("connections stay warm between the calls of an instance", async () => {
  await using device = await startHttp((_, response) => sendJson(response, {}));
  await using bench = openBench(facts({ url: `http://127.0.0.1:${device.port}` }));
  for (let call = 0; call < 5; call += 1) await bench.door().ask("http.request", {});
  await bench.door({ mode: "free" }).ask("http.request", { method: "POST", path: "/x" });
  expect(device.connections).toBe(1);
});
