/** What devices pour out is counted while it is held, whatever the transport, and given back when nobody wants it. */
import { once } from "node:events";
import type { Socket } from "node:net";
import type { ServerChannel } from "ssh2";
import { describe, expect, test } from "vitest";
import { startTcp } from "../kit/device.ts";
import { devicePassword, startSshDevice } from "../kit/ssh-device.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

const facts = (kind: "ssh" | "tcp", port: number, more: object = {}): BenchFacts => ({
  transports: {
    [kind]: {
      ...{ host: "{host}", port: "{port}", reads: ["show *"] },
      ...(kind === "ssh" ? { username: "joe", password: "{secret:password}" } : {}),
      ...more,
    },
  },
  config: { host: "127.0.0.1", port },
  secrets: { password: devicePassword },
  defaults: { http: { retries: 0 } },
});

/** Writes for ever, as fast as it is read. */
const pour = (channel: ServerChannel | Socket): void => {
  const piece = Buffer.alloc(65_536, "all that there is\r\n");
  const more = (): void => {
    if (channel.destroyed || !channel.writable) return;
    if (channel.write(piece)) setImmediate(more);
    else channel.once("drain", more);
  };
  more();
};

describe("of a device that pours", () => {
  test.each(["ssh.run", "ssh.line"])("over %s, nothing is counted when its calls are over", async (op) => {
    await using device = await startSshDevice({ exec: (_, channel) => pour(channel), shell: pour });
    await using bench = openBench(facts("ssh", device.port));
    const calls = Array.from({ length: 6 }, (_, index) =>
      codeOf(bench.door().ask(op, { command: "show all", timeout_ms: 200 + 20 * index })),
    );
    for (const code of await Promise.all(calls)) expect(code).toMatch(/response_timeout|response_too_large/);
    // The device goes on while the connection is there.
    for (let call = 0; call < 3; call += 1)
      await codeOf(bench.door().ask(op, { command: "show all", timeout_ms: 100 }));
    await expect.poll(() => bench.transports.inFlightBytes).toBe(0);
  });

  test("lines of tcp are counted while they wait, and not when they are read or their session is closed", async () => {
    let said: Socket | undefined;
    await using device = await startTcp((line, socket) => {
      said = socket;
      return line === "show long" ? `${"x".repeat(1_000_000)}\r\nEND` : "END";
    });
    await using bench = openBench(facts("tcp", device.port));
    const door = bench.door();
    const { conn } = (await door.ask("tcp.open", {})) as { conn: number };
    await door.ask("tcp.send", { conn, line: "show long" });
    await expect.poll(() => bench.transports.inFlightBytes).toBeGreaterThan(1_000_000);
    await door.ask("tcp.read_until", { conn, pattern: "^END" });
    expect(bench.transports.inFlightBytes).toBe(0);
    await door.ask("tcp.send", { conn, line: "show long" });
    await expect.poll(() => bench.transports.inFlightBytes).toBeGreaterThan(1_000_000);
    await door.ask("tcp.close", { conn });
    expect(bench.transports.inFlightBytes).toBe(0);
    if (said?.destroyed === false) await once(said, "close");
  });
});
