/** ssh devices that let us wait: the error says for what, what was seen meanwhile, and a later call starts anew. */
import { connect } from "node:net";
import type { ServerChannel } from "ssh2";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import type { Door } from "../../src/transports/transports.ts";
import { devicePassword, type SshDeviceOptions, startSshDevice } from "../kit/ssh-device.ts";
import { line, off, withSwitch } from "../kit/switch-bench.ts";
import { type BenchFacts, openBench } from "../kit/transport-bench.ts";

const block = { host: "{host}", port: "{port}", username: "admin", password: "{secret:password}", reads: ["show *"] };
const facts = (config: JsonObject, more: JsonObject): BenchFacts => ({
  transports: { ssh: { ...block, ...more } },
  config: { host: "127.0.0.1", ...config },
  secrets: { password: devicePassword },
  capability: { writes: [] },
  defaults: { http: { retries: 0 }, transports: { ssh: { timeout_s: 0.5 } } },
});
const finish = (channel: ServerChannel): void => {
  channel.exit(0);
  channel.end();
};
const failureOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => "no failure",
    (thrown: unknown) => thrown,
  );
const late = (words: RegExp) => ({ code: "response_timeout", message: expect.stringMatching(words) });

const waitFor = async (device: SshDeviceOptions, more: JsonObject, ask: (door: Door) => Promise<unknown>) => {
  await using found = await startSshDevice(device);
  await using bench = openBench(facts({ port: found.port }, more));
  return await failureOf(ask(bench.door()));
};
const exec = (door: Door): Promise<unknown> => door.ask("ssh.run", { command: "show version" });

describe("a wait that ends names what was waited for", () => {
  const stalled: SshDeviceOptions = { accepts: () => "pending" };

  test.each([
    ["a command", {}, exec],
    ["a line", { session: {} }, (door: Door) => line(door, "show version")],
  ])("the login, of %s", async (_, more, ask) => {
    expect(await waitFor(stalled, more, ask)).toMatchObject(
      late(/did not finish the (?:connection and its|ssh) login/),
    );
  });

  test("a prompt, and what stood in its place", async () => {
    const shell: SshDeviceOptions["shell"] = (channel) => void channel.write("Welcome\r\nSystem is starting\r\n");
    const failure = await waitFor({ shell }, { session: {} }, (door) => line(door, "show version"));
    expect(failure).toMatchObject(late(/the login to a shell .*"System is starting"/));
  });

  test("the prompt of before, where a device has another name since", () =>
    withSwitch(
      async (_, bench) => {
        const failure = await failureOf(line(bench.door(), "show ports", { timeout_ms: 2_000 }));
        expect(failure).toMatchObject(late(/the command "show ports" within 2000 ms.*"another-name#"/));
        const door = bench.applying([off("1")]);
        expect(await failureOf(door.ask("apply", {}))).toMatchObject(late(/"no power.*"another-name#"/));
        expect(door.unknownStep).toBe(0);
      },
      {
        device: {
          odd: (typed, channel) => {
            const isRenamed = typed === "show ports" || typed.startsWith("no power");
            if (isRenamed) channel.write(`\r\nanother-name# `);
            return isRenamed;
          },
        },
        more: { defaults: { transports: { ssh: { timeout_s: 1 } } } },
      },
    ));

  test("and shows no secret that the device echoes", () =>
    withSwitch(
      async (_, bench) => {
        const failure = await failureOf(line(bench.door(), "show ports", { timeout_ms: 2_000 }));
        expect(String(failure)).toMatch(/The last that it showed was "key \[secret:password\]"/);
      },
      {
        device: {
          odd: (typed, channel) => {
            if (typed === "show ports") channel.write(`\r\nkey ${devicePassword}`);
            return typed === "show ports";
          },
        },
      },
    ));
});

describe("a read that is asked again has what is left of its time, and no more", () => {
  const defaults = { http: { retries: 5, backoff_ms_start: 10 }, transports: { ssh: { timeout_s: 5 } } };
  const timeout_ms = 1_600;
  const together = late(/asked 1 time before, in the 1600 ms/);
  /** Drops the first connection on which it is asked, late, and says nothing on the next. */
  const droppingOnce = () => {
    let asked = 0;
    return (connection: { end(): unknown }): void => {
      asked += 1;
      if (asked === 1) setTimeout(() => connection.end(), 900);
    };
  };
  const timed = async (asked: Promise<unknown>): Promise<unknown> => {
    const startedAt = performance.now();
    const failure = await failureOf(asked);
    expect(performance.now() - startedAt).toBeLessThan(2_400);
    return failure;
  };

  test("as a command", async () => {
    const drop = droppingOnce();
    await using device = await startSshDevice({
      exec: (command, channel, connection) => (command === "show version" ? finish(channel) : drop(connection)),
    });
    await using bench = openBench({ ...facts({ port: device.port }, {}), defaults });
    await bench.door().ask("ssh.run", { command: "show version" });
    expect(await timed(bench.door().ask("ssh.run", { command: "show ports", timeout_ms }))).toMatchObject(together);
  });

  test("as a line", () => {
    const drop = droppingOnce();
    const odd = (typed: string, _: ServerChannel, connection: { end(): unknown }): boolean => {
      if (typed === "show ports") drop(connection);
      return typed === "show ports";
    };
    return withSwitch(
      async (_, bench) => {
        await line(bench.door(), "show version");
        expect(await timed(line(bench.door(), "show ports", { timeout_ms }))).toMatchObject(together);
      },
      { device: { odd }, more: { defaults } },
    );
  });
});

test("a jump host that opens no way is given up in time, and the next call asks again", async () => {
  let isAway = true;
  await using device = await startSshDevice({ exec: (_, channel) => finish(channel) });
  await using jump = await startSshDevice({
    forward: (accept, { destPort }) => {
      if (isAway) return;
      const onward = connect(destPort, "127.0.0.1");
      onward.pipe(accept()).pipe(onward);
    },
  });
  const through = { jump: { host: "{host}", port: "{jump_port}" } };
  await using bench = openBench(facts({ port: device.port, jump_port: jump.port }, through));
  const ask = () => bench.door().ask("ssh.run", { command: "show version", timeout_ms: 5_000 });
  expect(await failureOf(ask())).toMatchObject({
    code: "connect_timeout",
    message: expect.stringMatching(/jump host/),
  });
  isAway = false;
  expect(await ask()).toMatchObject({ exit_code: 0 });
});
