/** STARTTLS that a device, or a man in the middle, refuses, feigns or spoils: nothing secret is sent in the clear. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Certificate, makeCertificate } from "../kit/certificate.ts";
import { type BenchFacts, openBench } from "../kit/transport-bench.ts";

const password = "long-password";
let certificate: Certificate;
beforeAll(() => {
  certificate = makeCertificate("IP:127.0.0.1");
});

const facts = (port: number, more: object = {}): BenchFacts => ({
  transports: {
    tcp: {
      host: "{host}",
      port: "{port}",
      reads: ["VER"],
      starttls: ["STARTTLS", "OK*"],
      tls: { fingerprint: "pin" },
      login: [
        ["USERNAME joe", "OK*"],
        ["PASSWORD {secret:password}", "OK*"],
      ],
      ...more,
    },
  },
  config: { host: "127.0.0.1", port, pin: certificate.fingerprint },
  secrets: { password },
  defaults: { http: { retries: 0 }, transports: { tcp: { timeout_s: 1 } } },
});

const servers: { close(): void }[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** What stands between: `plain` is all that came in the clear, `secret` what came inside TLS. */
const startDevice = async (onPlain: (text: string, socket: Socket, secure: () => TLSSocket) => void, greeting = "") => {
  const seen = { plain: "", secret: "", connections: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    seen.connections += 1;
    sockets.add(socket.on("error", () => undefined));
    if (greeting !== "") socket.write(greeting);
    const secure = (): TLSSocket => {
      socket.removeAllListeners("data");
      const secured = new TLSSocket(socket, { isServer: true, key: certificate.key, cert: certificate.cert });
      secured
        .on("error", () => undefined)
        .on("data", (bytes: Buffer) => {
          seen.secret += bytes.toString();
          secured.write("OK\n");
        });
      return secured;
    };
    socket.on("data", (bytes: Buffer) => {
      seen.plain += bytes.toString("latin1");
      onPlain(bytes.toString("latin1"), socket, secure);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return { ...(server.address() as { port: number }), seen };
};

/** Opens a session. What it fails with, and how long that took. */
const open = async (port: number, more: object = {}) => {
  await using bench = openBench(facts(port, more));
  const startedAt = performance.now();
  const thrown = await bench
    .door()
    .ask("tcp.open", {})
    .catch((error: unknown) => error);
  const { code, message } = thrown as { code?: string; message?: string };
  return { code, message, ms: performance.now() - startedAt };
};

const clientHello = "\u0016\u0003";

test("an honest device gets its login inside TLS alone", async () => {
  const { port, seen } = await startDevice((text, socket, secure) => {
    if (text !== "STARTTLS\n") return;
    secure();
    socket.write("OK begin\n");
  });
  expect((await open(port)).code).toBeUndefined();
  expect(seen.secret).toBe(`USERNAME joe\nPASSWORD ${password}\n`);
  expect(seen.plain).toBe("STARTTLS\n");
});

describe("a device that will not", () => {
  test.each([
    ["refuses", "ERR FEATURE-NOT-SUPPORTED\n"],
    ["does not know it", "ERR UNKNOWN-COMMAND\n"],
    ["answers with nothing", "\n"],
    ["greets instead of answering", "Welcome\n"],
  ])("(%s) is told nothing more", async (_, answer) => {
    const { port, seen } = await startDevice((_text, socket) => void socket.write(answer));
    const { code, message } = await open(port);
    expect(code).toBe("protocol_mismatch");
    expect(message).toMatch(/STARTTLS/);
    expect(seen.plain).toBe("STARTTLS\n");
  });

  test("hangs up is told nothing more", async () => {
    const { port, seen } = await startDevice((_, socket) => void socket.end());
    expect((await open(port)).code).toBe("device_error");
    expect(seen.plain).toBe("STARTTLS\n");
  });

  test("stays silent is given up in time", async () => {
    const { port, seen } = await startDevice(() => undefined);
    expect(await open(port)).toMatchObject({ code: "response_timeout" });
    expect(seen.plain).toBe("STARTTLS\n");
  });
});

describe("a device that says yes and", () => {
  test("goes on in the clear is told nothing", async () => {
    const { port, seen } = await startDevice((_, socket) => void socket.write("OK as you like\n"));
    const { code, message } = await open(port);
    expect([code, message]).toEqual(["protocol_mismatch", expect.stringMatching(/TLS/)]);
    expect(seen.plain).toContain(clientHello);
    expect(seen.plain).not.toMatch(/USERNAME|PASSWORD|long/);
  });

  test("is silent then is given up in time", async () => {
    const { port, seen } = await startDevice(
      (text, socket) => void (text.startsWith("STARTTLS") && socket.write("OK\n")),
    );
    const { code, message, ms } = await open(port);
    expect([code, ms < 3_000]).toEqual(["connect_timeout", true]);
    expect(message).toMatch(/TLS/);
    expect(seen.plain).not.toMatch(/USERNAME|PASSWORD|long/);
  });

  test("hangs up then is told nothing", async () => {
    const { port, seen } = await startDevice((text, socket) => {
      if (text.startsWith("STARTTLS")) socket.write("OK\n");
      else socket.destroy();
    });
    expect((await open(port)).code).toMatch(/protocol_mismatch|device_error/);
    expect(seen.plain).not.toMatch(/USERNAME|PASSWORD|long/);
  });

  test("shows another certificate than is trusted is told nothing, inside TLS either", async () => {
    const { port, seen } = await startDevice((text, socket, secure) => {
      if (text !== "STARTTLS\n") return;
      secure();
      socket.write("OK\n");
    });
    expect((await open(port, { tls: {} })).code).toBe("tls_untrusted");
    expect(seen.secret).toBe("");
  });
});

describe("what is put in front of TLS", () => {
  /** Answers STARTTLS with this, in one packet, and speaks TLS honestly then. */
  const injecting = (answer: string, greeting = "") =>
    startDevice((text, socket, secure) => {
      if (text !== "STARTTLS\n") return;
      secure();
      socket.write(answer, "latin1");
    }, greeting);

  test.each([
    ["answers to the login", "OK begin\nOK fake\nOK fake\n"],
    ["one more line", "OK begin\nERR\n"],
    ["an empty line", "OK begin\n\n"],
    ["half a line", "OK begin\nOK fa"],
    ["one byte", "OK begin\nO"],
    ["half a character", "OK begin\n\u00c3"],
  ])("(%s) ends the session before anything secret is said", async (_, answer) => {
    const { port, seen } = await injecting(answer);
    const { code, message } = await open(port);
    expect(code).toBe("protocol_mismatch");
    expect(message).toMatch(/in the clear/);
    expect(seen.plain + seen.secret).not.toMatch(/USERNAME|PASSWORD|long/);
  });

  test("and comes a moment later is no TLS", async () => {
    const { port, seen } = await startDevice((text, socket) => {
      if (text !== "STARTTLS\n") return;
      socket.write("OK begin\n");
      setImmediate(() => socket.write("OK fake\nOK fake\n"));
    });
    expect((await open(port)).code).toBe("protocol_mismatch");
    expect(seen.plain).not.toMatch(/USERNAME|PASSWORD|long/);
  });

  test("as a greeting is not taken for the answers of the login", async () => {
    const { port, seen } = await injecting("OK begin\n", "OK hello\nOK fake\nOK fake\n");
    expect((await open(port)).code).toBe("protocol_mismatch");
    expect(seen.plain + seen.secret).not.toMatch(/USERNAME|PASSWORD|long/);
  });

  test("of telnet's negotiation is none of the session's inside TLS", async () => {
    const { port, seen } = await startDevice((text, socket, secure) => {
      if (text !== "STARTTLS\n") return;
      secure();
      // A command that would swallow what comes next.
      socket.write(Buffer.from([...Buffer.from("OK begin\n"), 255, 250]));
    });
    expect((await open(port, { telnet: true })).code).toBeUndefined();
    expect(seen.secret).toBe(`USERNAME joe\nPASSWORD ${password}\n`);
  });
});
