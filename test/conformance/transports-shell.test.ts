/** Interactive shells of devices: prompts, paging, privilege and configuration sessions. */
import { describe, expect, test } from "vitest";
import { line, off, withSwitch } from "../kit/switch-bench.ts";
import { codeOf } from "../kit/transport-bench.ts";

describe("a shell for reads", () => {
  test("answers a line without banner, echo, prompt and control sequences", () =>
    withSwitch(async (_, { door }) => {
      expect(await line(door(), "show version")).toEqual({
        exit_code: null,
        stdout: "Image stamp: /ws/swbuildm\nWB.16.10",
        stderr: "",
        prompt: "HP-2920-24G#",
      });
    }));

  test("turns pages where the device cannot be told not to page", () =>
    withSwitch(
      async (_, { door }) => {
        const { stdout } = await line(door(), "show ports");
        expect(stdout.split("\n")).toHaveLength(45);
        expect(stdout.split("\n")[20]).toBe(" 21  Up  1000FDx");
      },
      { shell: { setup: [] } },
    ));

  test("is kept between calls, and shared by reads that come at once", () =>
    withSwitch(async (device, { door }) => {
      await line(door(), "show version");
      const other = door();
      await Promise.all([line(other, "show version"), line(other, "show ports"), line(other, "show version")]);
      expect([device.connections, device.shells]).toEqual([1, 1]);
    }));

  test("is given up when it shows another prompt than after login", () =>
    withSwitch(
      async (device, { door }) => {
        const call = door();
        expect(await line(call, "show odd")).toMatchObject({ prompt: "HP-2920-24G(odd)#" });
        expect(await line(call, "show version")).toMatchObject({ prompt: "HP-2920-24G#" });
        expect(device.shells).toBe(2);
      },
      {
        device: {
          odd: (typed, channel) => {
            if (typed === "show odd") channel.write("\r\nHP-2920-24G(odd)# ");
            return typed === "show odd";
          },
        },
      },
    ));

  test("takes a declared prompt, and a driver's own", () =>
    withSwitch(
      async (_, { door }) => {
        expect(await line(door(), "show version")).toMatchObject({ prompt: "HP-2920-24G#" });
        expect(await codeOf(line(door(), "show version", { options: { prompt: "(?=x)" } }))).toBe("validation_failed");
        expect(await codeOf(line(door(), "show version", { options: { prompt: "never" }, timeout_ms: 500 }))).toBe(
          "response_timeout",
        );
      },
      { shell: { prompt: "^HP-[^ ]*[>#] ?$" } },
    ));

  test.each([
    "configure",
    "enable",
    "reload",
    "show version; reload",
    "show version | reload",
    "no page",
    "Show version",
    "show version\rreload",
  ])("sends no line such as %j", (command) =>
    withSwitch(async (device, { door }) => {
      expect(await codeOf(line(door(), command))).toMatch(/read_only_violation|endpoint_not_allowed/);
      expect(device.lines).toEqual([]);
    }),
  );
});

describe("a step over a shell", () => {
  test("is one configuration session for each of three ranges, and nothing is sent twice", () =>
    withSwitch(async (device, bench) => {
      const steps = ["1-2", "5", "7-9"].map(off);
      const door = bench.applying(steps);
      expect(await door.ask("apply", {})).toHaveLength(3);
      expect(device.writes).toEqual(["1-2", "5", "7-9"].map((range) => `(eth-${range}) no power-over-ethernet`));
      expect(bench.journal.events.map(({ message }) => message)).toContain(
        "configure; interface 1-2; no power-over-ethernet; end",
      );
    }));

  test("ends at the first line that the device does not take", () =>
    withSwitch(async (device, bench) => {
      const bad = { transport: "ssh", commands: ["configure", "interface 1 2", "no power-over-ethernet", "end"] };
      const door = bench.applying([bad, off("5")]);
      const [answer] = (await door.ask("apply", {})) as [{ results: object[]; error: string }];
      expect(answer.results).toHaveLength(2);
      expect(answer.error).toBe("Invalid input: interface 1 2");
      expect([device.writes, door.stepsDone, door.stepsLeft]).toEqual([[], 0, 2]);
    }));

  test("never leaves its shell to a read", () =>
    withSwitch(async (device, bench) => {
      const door = bench.applying([off("1")]);
      await line(door, "show version");
      await door.ask("apply", {});
      expect(await line(door, "show version")).toMatchObject({ prompt: "HP-2920-24G#" });
      expect(device.shells).toBe(2);
    }));

  test("answers what the device asks, and takes its hanging up for an answer when it says so", () =>
    withSwitch(async (device, bench) => {
      const reboot = {
        transport: "ssh",
        commands: ["reload"],
        answers: [{ match: "Continue \\(y/n\\)\\? $", send: "y", enter: false }],
      };
      const door = bench.applying([{ ...reboot, accept: ["closed"] }]);
      expect(await door.ask("apply", {})).toMatchObject([{ closed: true }]);
      expect([device.writes, door.stepsLeft, door.unknownStep]).toEqual([["reload y"], 0, null]);
      bench.journal.entries.length = 0;
      const other = bench.applying([reboot]);
      expect(await codeOf(other.ask("apply", {}))).toBe("device_error");
      expect(other.unknownStep).toBe(0);
    }));

  test("ends at a question that it has no answer to, and says nothing to it", () =>
    withSwitch(async (device, bench) => {
      const door = bench.applying([{ transport: "ssh", commands: ["reload"] }]);
      expect(await door.ask("apply", {})).toMatchObject([{ question: "Continue (y/n)?" }]);
      expect([device.writes, door.stepsDone]).toEqual([[], 0]);
    }));

  test("has no line and no reply beyond what the manifest names", () =>
    withSwitch(async (device, bench) => {
      const commands = ["configure", "vlan 1", "end"];
      expect(() => bench.normalise([{ transport: "ssh", commands }])).toThrow(
        expect.objectContaining({ code: "plan_deviation" }),
      );
      const answers = [{ match: "#", send: "vlan 1" }];
      expect(() => bench.normalise([{ transport: "ssh", commands: ["reload"], answers }])).toThrow(
        expect.objectContaining({ code: "plan_deviation" }),
      );
      expect(device.lines).toEqual([]);
    }));

  test("keeps its place when a driver writes freely, line by line", () =>
    withSwitch(async (device, { door }) => {
      const call = door({ mode: "free" });
      for (const command of ["configure", "interface 3", "power-over-ethernet", "end"])
        await line(call, command, { session: 1 });
      expect(device.writes).toEqual(["(eth-3) power-over-ethernet"]);
    }));
});
