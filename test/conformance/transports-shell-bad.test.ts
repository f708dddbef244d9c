/** Devices that misbehave in a shell: each has a named error, and what a write did is said to be unknown. */
import { describe, expect, test } from "vitest";
import { devicePassword } from "../kit/ssh-device.ts";
import { line, off, withSwitch } from "../kit/switch-bench.ts";
import type { SwitchOptions } from "../kit/switch-device.ts";
import { codeOf } from "../kit/transport-bench.ts";

describe("a device that misbehaves", () => {
  const answering = (odd: SwitchOptions["odd"]) => ({ device: odd === undefined ? {} : { odd } });

  test("with the wrong enable password is refused once, and then by us", () =>
    withSwitch(
      async (device, { door }) => {
        for (let call = 0; call < 3; call += 1) expect(await codeOf(line(door(), "show version"))).toBe("auth_failed");
        expect([device.connections, device.lines]).toEqual([1, ["enable"]]);
      },
      { more: { secrets: { password: devicePassword, enable_password: "not-the-password" } } },
    ));

  test("and hangs up in the middle of a read is an error of the device, and the next read goes on", () => {
    let times = 0;
    return withSwitch(
      async (_, { door }) => {
        expect(await codeOf(line(door(), "show ports"))).toBe("device_error");
        expect((await line(door(), "show version")).stdout).toContain("WB.16.10");
      },
      answering((typed, channel, connection) => {
        if (typed !== "show ports" || times++ > 0) return false;
        channel.write("half a li");
        setImmediate(() => connection.end());
        return true;
      }),
    );
  });

  test("and hangs up in the middle of a write leaves its outcome unknown", () =>
    withSwitch(
      async (_, bench) => {
        const door = bench.applying([off("1")]);
        expect(await codeOf(door.ask("apply", {}))).toBe("device_error");
        expect(door.unknownStep).toBe(0);
        expect(await codeOf(bench.applying([off("1")]).ask("apply", {}))).toBe("outcome_unknown");
      },
      answering((typed, _, connection) => {
        if (typed.startsWith("no power")) connection.end();
        return typed.startsWith("no power");
      }),
    ));

  test("and ends the configuration session by itself is told nothing more, and its words are told", () =>
    withSwitch(
      async (device, bench) => {
        const door = bench.applying([off("1")]);
        const answer = await door.ask("apply", {});
        expect(JSON.stringify(answer)).toContain("The configuration session ended by itself");
        expect(door.failedStep?.message).toMatch(
          /Step 0 .*It says: The configuration session ended by itself.*Session lost/,
        );
        expect(device.lines.slice(-2)).toEqual(["configure", "interface 1"]);
      },
      answering((typed, channel) => {
        if (typed.startsWith("interface")) channel.write("\r\nSession lost\r\nHP-2920-24G# ");
        return typed.startsWith("interface");
      }),
    ));

  test("and pages for ever is given up in time", () =>
    withSwitch(
      async (_, { door }) => {
        expect(await codeOf(line(door(), "show ports", { timeout_ms: 1_000 }))).toBe("response_timeout");
      },
      answering((typed, channel) => {
        const page = (): void => {
          channel.write("one more line\r\n-- MORE --, next page: Space");
        };
        if (typed === "show ports") {
          page();
          channel.on("data", page);
        }
        return typed === "show ports";
      }),
    ));

  test("and sends 50 MB is cut off at 16 MiB, and nothing of it stays in memory", () =>
    withSwitch(
      async (_, bench) => {
        expect(await codeOf(line(bench.door(), "show ports", { timeout_ms: 20_000 }))).toBe("response_too_large");
        expect(bench.transports.inFlightBytes).toBe(0);
      },
      answering((typed, channel) => {
        const flood = Buffer.alloc(1024 * 1024, `${"x".repeat(99)}\n`);
        let left = 50;
        const more = (): void => {
          while (left > 0 && channel.writable) {
            left -= 1;
            if (!channel.write(flood)) {
              channel.once("drain", more);
              return;
            }
          }
        };
        if (typed === "show ports") more();
        return typed === "show ports";
      }),
    ));

  test("and sends control sequences leaves none in the log", () =>
    withSwitch(async (_, bench) => {
      await line(bench.door(), "show version", { stream: true });
      const output = bench.journal.events.filter(({ phase }) => phase === "output");
      expect(output.map(({ message }) => message).join("\n")).toContain("WB.16.10");
      expect(JSON.stringify(output)).not.toMatch(/\\u00(?:1b|07)/);
      expect(output[0]?.meta).toMatchObject({ stream: "stdout", target: "127.0.0.1", transport: "ssh" });
    }));

  test("and prints what the manifest redacts leaves none of it in the log; the driver sees it", () =>
    withSwitch(
      async (_, bench) => {
        const { stdout } = await line(bench.door(), "show version", { stream: true });
        expect(stdout).toContain("WB.16.10");
        const output = bench.journal.events.filter(({ phase }) => phase === "output");
        expect(output.map(({ message }) => message).join("\n")).toContain("Image stamp: [redacted]\nWB.[redacted]");
      },
      { redact: ["Image stamp: *(\\S+)", "16\\.\\d+", "/serial"] },
    ));

  test("and asks back when it is read gets no answer", () =>
    withSwitch(
      async (_, { door }) => {
        expect(await codeOf(line(door(), "show ports"))).toBe("device_error");
        expect((await line(door(), "show version")).stdout).toContain("WB.16.10");
      },
      answering((typed, channel) => {
        if (typed === "show ports") channel.write("Erase everything [y/n]? ");
        return typed === "show ports";
      }),
    ));

  test("and allows one shell at a time is served one at a time", () =>
    withSwitch(
      async (device, bench) => {
        const door = bench.applying([off("1")]);
        await line(door, "show version");
        await door.ask("apply", {});
        await line(door, "show version");
        expect([device.connections, device.writes]).toEqual([1, ["(eth-1) no power-over-ethernet"]]);
      },
      { device: { mostChannels: 1 } },
    ));

  test("is left as soon as its job is cancelled", () =>
    withSwitch(
      async (device, { door }) => {
        const cancel = new AbortController();
        const waiting = codeOf(line(door({ signal: cancel.signal }), "show ports"));
        await expect.poll(() => device.lines).toContain("show ports");
        const behind = codeOf(line(door(), "show version", { timeout_ms: 100 }));
        expect(await behind).toBe("response_timeout");
        cancel.abort();
        expect(await waiting).toBe("job_cancelled");
        expect(device.connections).toBe(1);
      },
      answering((typed) => typed === "show ports"),
    ));
});
