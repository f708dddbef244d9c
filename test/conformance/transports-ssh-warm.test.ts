/** How long ssh connections live: kept while they serve, closed when idle, given up when the line is dead, one for an instance. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { ServerChannel } from "ssh2";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import type { Transports, TransportsDeps } from "../../src/transports/transports.ts";
import { devicePassword, startSshDevice } from "../kit/ssh-device.ts";
import { line, withSwitch } from "../kit/switch-bench.ts";
import { type BenchFacts, codeOf, grantFor, instanceOf, openBench, openTransports } from "../kit/transport-bench.ts";

const block = { host: "{host}", port: "{port}", username: "admin", password: "{secret:password}", reads: ["show *"] };
const facts = (port: number, more: Partial<BenchFacts> = {}): BenchFacts => ({
  transports: { ssh: block },
  config: { host: "127.0.0.1", port },
  secrets: { password: devicePassword },
  capability: { writes: ["copy *"] },
  defaults: { http: { retries: 0 }, transports: { ssh: { timeout_s: 5 } } },
  ...more,
});
const finish = (channel: ServerChannel): void => {
  channel.exit(0);
  channel.end();
};

describe("an idle connection", () => {
  const deps = { linkTimes: { idleMs: 200 } };

  test("is closed, and the next command has another one", async () => {
    await using device = await startSshDevice({ exec: (_, channel) => finish(channel) });
    await using bench = openBench(facts(device.port), { deps });
    const ask = () => bench.door().ask("ssh.run", { command: "show version" });
    await Promise.all([ask(), ask()]);
    expect(device.connections).toBe(1);
    await expect.poll(() => device.open).toBe(0);
    expect(await ask()).toMatchObject({ exit_code: 0 });
    expect(device.connections).toBe(2);
  });

  test("is closed as well when a shell is kept on it for the next read", () =>
    withSwitch(
      async (device, bench) => {
        await line(bench.door(), "show version");
        await expect.poll(() => device.open).toBe(0);
        expect((await line(bench.door(), "show version")).stdout).toContain("WB.16.10");
        expect([device.connections, device.shells]).toEqual([2, 2]);
      },
      { deps },
    ));

  test("is not one on which a command runs for longer", async () => {
    let end: () => void = () => undefined;
    await using device = await startSshDevice({
      exec: (command, channel) => {
        if (command === "show version") setTimeout(() => finish(channel), 80);
        else end = () => finish(channel);
      },
    });
    await using bench = openBench(facts(device.port), { deps: { linkTimes: { idleMs: 50 } } });
    const long = bench.door().ask("ssh.run", { command: "show all" });
    // Each of these takes longer than an idle connection is kept.
    for (let asked = 0; asked < 3; asked += 1) await bench.door().ask("ssh.run", { command: "show version" });
    end();
    expect(await long).toMatchObject({ exit_code: 0 });
    expect(device.connections).toBe(1);
  });
});

/** A way to the device that can be cut without anybody being told. */
const startMutable = async (port: number) => {
  let isMute = false;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) sockets.add(socket.on("error", () => undefined));
    near.on("data", (bytes) => isMute || far.write(bytes));
    far.on("data", (bytes) => isMute || near.write(bytes));
    near.on("close", () => far.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    mute: () => {
      isMute = true;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};

describe("a line that is dead although nobody closed it", () => {
  test.each([
    ["read", "device_error", null],
    ["write", "device_error", 0],
  ])("ends a %s with a named error long before its time is over", async (kind, code, unknownStep) => {
    let asked: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    await using device = await startSshDevice({ exec: () => asked() });
    await using way = await startMutable(device.port);
    const defaults = { http: { retries: 0 }, transports: { ssh: { timeout_s: 60 } } };
    await using bench = openBench(facts(way.port, { defaults }), { deps: { linkTimes: { keepAliveMs: 100 } } });
    const commands = ["copy a"];
    const door = kind === "read" ? bench.door() : bench.applying([{ transport: "ssh", commands }]);
    const call = kind === "read" ? door.ask("ssh.run", { command: "show all" }) : door.ask("apply", {});
    const failure = call.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    await isAsked;
    way.mute();
    expect(await failure).toMatchObject({
      code,
      message: expect.stringMatching(/closed the connection in the middle/),
    });
    expect(door.unknownStep).toBe(unknownStep);
  });
});

describe("an instance", () => {
  const opened = (transports: Transports, port: number, key: string, more: { sharesWith?: string } = {}) =>
    transports.open({ ...instanceOf(facts(port, { key })), ...more });
  const asking = (session: ReturnType<typeof opened>, command = "show version") =>
    session.door(grantFor("read")).ask("ssh.run", { command });
  const withTransports = async <T>(deps: Partial<TransportsDeps>, work: (transports: Transports) => Promise<T>) => {
    const transports = openTransports(deps);
    try {
      return await work(transports);
    } finally {
      await transports.close();
    }
  };

  test("lets the connection of its earlier revision go as soon as nothing runs on it", async () => {
    const held: ServerChannel[] = [];
    await using device = await startSshDevice({
      exec: (command, channel) => void (command === "show all" ? held.push(channel) : finish(channel)),
    });
    await withTransports({ linkTimes: { leavingMs: 50 } }, async (transports) => {
      const one = opened(transports, device.port, "ins|1");
      const long = asking(one, "show all");
      await expect.poll(() => held.length).toBe(1);
      await asking(opened(transports, device.port, "ins|2"));
      expect([device.connections, device.open]).toEqual([2, 2]);
      for (const channel of held) finish(channel);
      expect(await long).toMatchObject({ exit_code: 0 });
      await expect.poll(() => device.open).toBe(1);
      await asking(opened(transports, device.port, "ins|2"));
      expect(device.connections).toBe(2);
    });
  });

  test("has one connection for all its jobs, also for those with secrets of their own", async () => {
    await using device = await startSshDevice({ exec: (_, channel) => finish(channel) });
    await withTransports({}, async (transports) => {
      await asking(opened(transports, device.port, "ins|1"));
      for (const key of ["ins|1|job_A", "ins|1|job_B"])
        await asking(opened(transports, device.port, key, { sharesWith: "ins|1" }));
      expect([device.connections, device.logins]).toEqual([1, ["password"]]);
    });
  });

  test("is refused once for all its jobs when its password is wrong", async () => {
    await using device = await startSshDevice({ accepts: () => false });
    await withTransports({}, async (transports) => {
      opened(transports, device.port, "ins|1");
      for (const key of ["ins|1|job_A", "ins|1|job_B"])
        expect(await codeOf(asking(opened(transports, device.port, key, { sharesWith: "ins|1" })))).toBe("auth_failed");
      expect(device.logins).toEqual(["password"]);
    });
  });
});

describe("a cancelled command", () => {
  const cancelled: readonly [string, JsonObject, string, JsonObject][] = [
    ["over a channel of its own", {}, "ssh.run", { command: "show all" }],
    ["over a shell", { session: {} }, "ssh.line", { command: "show all" }],
  ];
  test.each(cancelled)("%s ends for the device as well", async (_, session, operation, args) => {
    const seen: string[] = [];
    let asked: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const hear = (channel: ServerChannel): void => {
      for (const event of ["end", "close"]) channel.on(event, () => seen.push(event));
      channel.resume();
    };
    await using device = await startSshDevice({
      exec: (_command, channel) => {
        hear(channel);
        asked();
      },
      shell: (channel) => {
        hear(channel);
        channel.write("box# ");
        channel.on("data", (bytes: Buffer) => bytes.includes("\r") && asked());
      },
    });
    await using bench = openBench(facts(device.port, { transports: { ssh: { ...block, ...session } } }));
    const cancel = new AbortController();
    const call = codeOf(bench.door({ signal: cancel.signal }).ask(operation, args));
    await isAsked;
    // Such a command hears after a moment that it gets no input; that alone closes nothing.
    const before = operation === "ssh.run" ? ["end"] : [];
    await expect.poll(() => seen).toEqual(before);
    cancel.abort();
    expect(await call).toBe("job_cancelled");
    await expect.poll(() => seen).toEqual(["end", "close"]);
    expect(device.open).toBe(1);
  });
});
