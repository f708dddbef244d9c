/** Line sessions: login, TLS, reading until a pattern, and what is refused. */

import { once } from "node:events";
import { createServer as createTcp, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import { describe, expect, test } from "vitest";
import type { Door } from "../../src/transports/transports.ts";
import { makeCertificate } from "../kit/certificate.ts";
import { startHttp, startTcp } from "../kit/device.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

const facts = (port: number, block = {}, more: Partial<BenchFacts> = {}): BenchFacts => ({
  transports: { tcp: { host: "{host}", port: "{port}", reads: ["VER", "LIST VAR *"], ...block } },
  config: { host: "127.0.0.1", port, user: "joe" },
  secrets: { password: "long-password" },
  capability: { writes: ["INSTCMD {target} *"] },
  ...more,
});
const open = async (door: Door): Promise<number> => ((await door.ask("tcp.open", {})) as { conn: number }).conn;

/** A device that speaks a little of the UPS protocol. */
const startUps = () =>
  startTcp((line) => {
    if (line.startsWith("PASSWORD")) return line === "PASSWORD long-password" ? "OK" : "ERR ACCESS-DENIED";
    if (line.startsWith("LIST")) return ["BEGIN LIST", 'VAR ups "long-password"', "END LIST VAR ups"].join("\n");
    return line === "VER" ? "Network UPS Tools 2.8" : "OK";
  });
const login = [
  ["USERNAME {user}", "OK*"],
  ["PASSWORD {secret:password}", "OK*"],
];

describe("a tcp session", () => {
  test("logs in by the manifest, and gives the lines up to the one that matches", async () => {
    await using device = await startUps();
    await using bench = openBench(facts(device.port, { login }));
    const door = bench.door();
    const conn = await open(door);
    await door.ask("tcp.send", { conn, line: "LIST VAR ups" });
    const got = await door.ask("tcp.read_until", { conn, pattern: "^END LIST" });
    expect(got).toEqual({
      lines: ["BEGIN LIST", `VAR ups "${bench.session.handles["password"]}"`, "END LIST VAR ups"],
    });
    expect(device.lines).toEqual(["USERNAME joe", "PASSWORD long-password", "LIST VAR ups"]);
    await door.ask("tcp.close", { conn });
    expect(await codeOf(door.ask("tcp.send", { conn, line: "VER" }))).toBe("driver_failed");
  });

  test("is refused once and for all when the login is", async () => {
    await using device = await startUps();
    await using bench = openBench(facts(device.port, { login }, { secrets: { password: "another-password" } }));
    for (let call = 0; call < 3; call += 1) expect(await codeOf(open(bench.door()))).toBe("auth_failed");
    expect(device.lines.filter((line) => line.startsWith("PASSWORD"))).toHaveLength(1);
  });

  test("waits no longer than it is told, and the next read goes on", async () => {
    await using device = await startUps();
    await using bench = openBench(facts(device.port));
    const door = bench.door();
    const conn = await open(door);
    await door.ask("tcp.send", { conn, line: "VER" });
    expect(await codeOf(door.ask("tcp.read_until", { conn, pattern: "never", timeout_ms: 50 }))).toBe(
      "response_timeout",
    );
    expect(await door.ask("tcp.read_until", { conn, pattern: "Tools" })).toEqual({ lines: ["Network UPS Tools 2.8"] });
  });

  test("takes no pattern that could run away, and none that is too long", async () => {
    await using device = await startUps();
    await using bench = openBench(facts(device.port));
    const door = bench.door();
    const conn = await open(door);
    await door.ask("tcp.send", { conn, line: "VER" });
    expect(await codeOf(door.ask("tcp.read_until", { conn, pattern: "(?=a)b" }))).toBe("validation_failed");
    expect(await codeOf(door.ask("tcp.read_until", { conn, pattern: "a".repeat(201) }))).toBe("validation_failed");
    expect(await door.ask("tcp.read_until", { conn, pattern: "(a*)*Tools" })).toBeTruthy();
  });

  test("leaves the answer of a driver's own write to be read", async () => {
    await using device = await startUps();
    await using bench = openBench(facts(device.port));
    const door = bench.door({ mode: "free" });
    const conn = await open(door);
    await door.ask("tcp.send", { conn, line: "INSTCMD 100 beeper.on" });
    expect(await door.ask("tcp.read_until", { conn, pattern: "^OK" })).toEqual({ lines: ["OK"] });
    expect(device.lines).toEqual(["INSTCMD 100 beeper.on"]);
  });

  test.each(["VER\nFSD", "VER\rFSD", "VER\u0000", "", "LIST VAR ups\u001b[A"])(
    "sends no line such as %j",
    async (line) => {
      await using device = await startUps();
      await using bench = openBench(facts(device.port));
      const door = bench.door();
      expect(await codeOf(door.ask("tcp.send", { conn: await open(door), line }))).toMatch(
        /endpoint_not_allowed|driver_failed/,
      );
      expect(device.lines).toEqual([]);
    },
  );

  test.each([
    "ver",
    "VER ",
    "VER x",
    "LIST VAR -x",
    "LIST VAR a @b",
    "LIST VAR a;b",
    "LIST VAR `id`",
    "LIST VAR $(x)",
    "FSD",
  ])("takes %j for a write", async (line) => {
    await using device = await startUps();
    await using bench = openBench(facts(device.port));
    const door = bench.door();
    expect(await codeOf(door.ask("tcp.send", { conn: await open(door), line }))).toBe("read_only_violation");
    expect(device.lines).toEqual([]);
  });

  test("ends with its call", async () => {
    await using device = await startUps();
    await using bench = openBench(facts(device.port));
    const cancel = new AbortController();
    for (const end of ["driver_failed", "job_cancelled"]) {
      const door = bench.door({ signal: cancel.signal });
      const conn = await open(door);
      const waiting = codeOf(door.ask("tcp.read_until", { conn, pattern: "x" }));
      if (end === "driver_failed") door.close();
      else cancel.abort();
      expect(await waiting).toBe(end);
    }
  });

  test("declines what telnet offers and hands on the text alone", async () => {
    const seen: Buffer[] = [];
    const server = createTcp((socket) => {
      socket.write(Buffer.from([255, 251, 1, 255, 253, 24, 255, 250, 24, 1, 255, 240, 72, 255, 255, 105, 10]));
      socket.on("data", (bytes: Buffer) => seen.push(bytes)).on("error", () => undefined);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    await using bench = openBench(facts((server.address() as { port: number }).port, { telnet: true }));
    const door = bench.door();
    const conn = await open(door);
    const got = (await door.ask("tcp.read_until", { conn, pattern: "i$" })) as { lines: string[] };
    expect(got.lines[0]).toMatch(/^H.+i$/);
    await expect.poll(() => Buffer.concat(seen)).toEqual(Buffer.from([255, 254, 1, 255, 252, 24]));
    await bench.transports.close();
    server.close();
  });
});

describe("a telnet session", () => {
  const telnetDevice = async (password: string) => {
    const typed: string[] = [];
    const answers: ((line: string) => string)[] = [
      (line) => `${line}\r\nPassword: `,
      (line) => (line === password ? "\r\nbox> " : "\r\nLogin incorrect\r\nlogin: "),
      (line) => `${line}\r\nuptime 5 days\r\nbox> `,
    ];
    const server = createTcp((socket) => {
      socket.on("error", () => undefined);
      // Negotiation cut in two in the middle of a command.
      socket.write(Buffer.from([255]));
      setImmediate(() => socket.write(Buffer.from("\u00fd\u0001Welcome\r\n\r\nlogin: ", "latin1")));
      socket.on("data", (bytes: Buffer) => {
        const text = bytes.toString("latin1").replaceAll(/\xff[\xfb-\xfe]./gs, "");
        for (const line of text.split("\r\n").slice(0, -1)) {
          const answer = answers[typed.length];
          typed.push(line);
          socket.write(answer?.(line) ?? "");
        }
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return { port: (server.address() as { port: number }).port, typed, close: () => server.close() };
  };
  const telnet = {
    telnet: true,
    line: "\r\n",
    login: [
      ["", "*login: *"],
      ["joe", "*Password: *"],
      ["{secret:password}", "*> *"],
    ],
    reads: ["show *"],
  };

  test("waits for prompts that end no line, logs in and reads, whatever is negotiated in between", async () => {
    const device = await telnetDevice("long-password");
    await using bench = openBench(facts(device.port, telnet));
    const door = bench.door();
    const conn = await open(door);
    await door.ask("tcp.send", { conn, line: "show uptime" });
    expect(await door.ask("tcp.read_until", { conn, pattern: "> $" })).toEqual({
      lines: ["show uptime", "uptime 5 days", "box> "],
    });
    expect(device.typed).toEqual(["joe", "long-password", "show uptime"]);
    await bench.transports.close();
    device.close();
  });

  test("is refused once when the password is wrong, and then by us", async () => {
    const device = await telnetDevice("another-password");
    await using bench = openBench(facts(device.port, telnet));
    for (let call = 0; call < 2; call += 1) expect(await codeOf(open(bench.door()))).toBe("auth_failed");
    expect(device.typed).toEqual(["joe", "long-password"]);
    await bench.transports.close();
    device.close();
  });
});

describe("a tcp session with TLS", () => {
  const certificate = makeCertificate("IP:127.0.0.1");

  test("speaks it from the start", async () => {
    const server = createTls(certificate, (socket) => {
      socket.on("data", () => socket.write("OK secure\n")).on("error", () => undefined);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const tls = { tls: { fingerprint: "pin" } };
    const given = facts(port, tls);
    await using bench = openBench({ ...given, config: { ...given.config, pin: certificate.fingerprint } });
    const door = bench.door();
    const conn = await open(door);
    await door.ask("tcp.send", { conn, line: "VER" });
    expect(await door.ask("tcp.read_until", { conn, pattern: "secure" })).toEqual({ lines: ["OK secure"] });
    await using distrusting = openBench(given);
    expect(await codeOf(open(distrusting.door()))).toBe("tls_untrusted");
    await bench.transports.close();
    server.close();
  });
});

test("a probe reaches the port of the manifest's own test, and no other", async () => {
  await using device = await startHttp(() => undefined);
  const given = facts(1, {}, { test: { method: "tcp", tcp: { port: device.port } } });
  await using bench = openBench(given);
  expect(await bench.door().ask("tcp.probe", { port: device.port })).toHaveProperty("latency_ms");
  expect(await codeOf(bench.door().ask("tcp.probe", { port: 22 }))).toBe("endpoint_not_allowed");
  await using here = openBench(facts(device.port, {}, { test: { method: "tcp", tcp: {} } }));
  expect(await here.door().ask("tcp.probe", {})).toMatchObject({ port: device.port });
});

describe("a device that floods", () => {
  test.each([
    ["lines", "a line\r\n"],
    ["one line without an end", "a"],
  ])("with %s is left within a moment, and is not listened to any more", async (_, text) => {
    let flooding: Socket | undefined;
    await using device = await startTcp((_line, socket) => {
      flooding = socket.on("error", () => undefined);
      const flood = (): void => {
        if (!socket.destroyed) socket.write(Buffer.alloc(65_536, text), () => setImmediate(flood));
      };
      flood();
      return undefined;
    });
    await using bench = openBench(facts(device.port));
    const door = bench.door();
    const conn = await open(door);
    await door.ask("tcp.send", { conn, line: "VER" });
    const before = process.cpuUsage();
    const waiting = door.ask("tcp.read_until", { conn, pattern: "^END", timeout_ms: 25_000 });
    expect(await codeOf(waiting)).toBe("response_too_large");
    // Of the processor, device included: by the clock a busy machine is slow at anything.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(4_000);
    if (flooding?.destroyed === false) await once(flooding, "close");
    expect(bench.transports.inFlightBytes).toBe(0);
  });
});

test("a read waits as long as the manifest says, when nobody says otherwise", async () => {
  await using device = await startTcp(() => undefined);
  await using bench = openBench(facts(device.port, {}, { defaults: { transports: { tcp: { timeout_s: 0.2 } } } }));
  const door = bench.door();
  const conn = await open(door);
  await door.ask("tcp.send", { conn, line: "VER" });
  const late = await door.ask("tcp.read_until", { conn, pattern: "never" }).catch((thrown: Error) => thrown.message);
  expect(late).toMatch(/within 200 ms/);
});
