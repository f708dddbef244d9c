/** Something else than ssh on the port of an instance: told as such, in time, with what it said. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { sendJson, startHttp } from "../kit/device.ts";
import { type BenchFacts, openBench } from "../kit/transport-bench.ts";

const facts = (port: number, timeout_s = 5): BenchFacts => ({
  transports: {
    ssh: { host: "{host}", port: "{port}", username: "joe", password: "{secret:password}", reads: ["*a"] },
  },
  config: { host: "127.0.0.1", port },
  secrets: { password: "a-long-password" },
  defaults: { http: { retries: 0 }, transports: { ssh: { timeout_s } } },
});

/** What a login at this port fails with, and how long that took. */
const reach = async (port: number, timeout_s?: number) => {
  await using bench = openBench(facts(port, timeout_s));
  const startedAt = performance.now();
  const thrown = await bench
    .door()
    .ask("ssh.run", { command: "uname a" })
    .catch((error: unknown) => error);
  const { code, message } = thrown as { code: string; message: string };
  return { code, message, ms: performance.now() - startedAt, held: bench.transports.inFlightBytes };
};

const speaking = async (greet: (socket: Socket) => void) => {
  const heard: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("data", (bytes: Buffer) => heard.push(bytes));
    greet(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    heard: () => Buffer.concat(heard).toString("latin1"),
    isLeft: () => [...sockets].every(({ destroyed }) => destroyed),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
};

const flood = (socket: Socket, text: string): void => {
  const piece = Buffer.alloc(65_536, text);
  const more = (): void => {
    if (!socket.destroyed) socket.write(piece, () => setImmediate(more));
  };
  more();
};

describe("a port behind which something else speaks", () => {
  test("http is told with what it said", async () => {
    await using device = await startHttp((_, response) => sendJson(response, {}));
    const { code, message } = await reach(device.port);
    expect(code).toBe("protocol_mismatch");
    expect(message).toMatch(/does not speak ssh.*HTTP\/1\.1 400 Bad Request.*check the port/);
  });

  test("mail that waits for a command it knows is told when the time is over", async () => {
    await using device = await speaking((socket) => socket.write("220 mail.example ready\r\n"));
    const { code, message, ms } = await reach(device.port, 6);
    // Half of the time is enough for a greeting.
    expect([code, ms < 5_500]).toEqual(["protocol_mismatch", true]);
    expect(message).toContain("220 mail.example ready");
  });

  test("TLS is told although it says no line", async () => {
    await using device = await speaking((socket) => socket.end(Buffer.from([21, 3, 1, 0, 2, 2, 70])));
    expect(await reach(device.port)).toMatchObject({ code: "protocol_mismatch" });
  });

  test("a break behind a word is told by that word", async () => {
    await using device = await speaking((socket) => socket.write("hello\r\n", () => socket.resetAndDestroy()));
    expect(await reach(device.port)).toMatchObject({ code: "protocol_mismatch" });
  });

  test.each([
    ["lines", "a line\r\n"],
    ["one line without an end", "a"],
    ["carriage returns", "\r"],
    ["zeros", "\0"],
    ["line ends", "\n"],
    ["half a greeting", "SSH"],
  ])("a flood of %s is left within a moment, and is not listened to any more", async (_, text) => {
    await using device = await speaking((socket) => flood(socket, text));
    const { code, ms, held } = await reach(device.port, 20);
    expect([code, ms < 3_000, held]).toEqual(["protocol_mismatch", true, 0]);
    await expect.poll(device.isLeft).toBe(true);
  });

  test.each([
    ["an older protocol", "SSH-1.5-old\r\n"],
    ["no packets behind the greeting", `SSH-2.0-box\r\n${"garbage ".repeat(2_000)}`],
  ])("ssh with %s is not the ssh that was expected", async (_, text) => {
    await using device = await speaking((socket) => socket.write(text));
    expect(await reach(device.port)).toMatchObject({ code: "protocol_mismatch" });
  });
});

describe("an ssh server that will not", () => {
  test.each(["Exceeded MaxStartups\r\n", "Not allowed at this time\r\n", "Sorry, too many sessions.\r\n"])(
    "says so itself: %j",
    async (text) => {
      await using device = await speaking((socket) => socket.end(text));
      const { code, message } = await reach(device.port);
      expect(code).toBe("device_error");
      expect(message).toContain(text.trim());
    },
  );

  test("hangs up without a word", async () => {
    await using device = await speaking((socket) => socket.end());
    expect(await reach(device.port)).toMatchObject({ code: "device_error" });
  });

  test("says nothing at all", async () => {
    await using device = await speaking(() => undefined);
    expect(await reach(device.port, 0.4)).toMatchObject({ code: "response_timeout" });
  });

  test("may greet at length before it says what it is", async () => {
    const banner = `${"Authorised use only. ".repeat(3)}\r\n`.repeat(100);
    await using device = await speaking((socket) => socket.write(`${banner}SSH-2.0-box\r\n`));
    const { code } = await reach(device.port, 0.4);
    expect(code).toBe("response_timeout");
    expect(device.heard()).not.toContain("a-long-password");
  });
});
