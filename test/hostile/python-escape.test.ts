/** A driver in Python tries every way out of its sandbox; canaries outside tell whether it got there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canRunPython, interpreterRoot, openPythonBench } from "../kit/python.ts";
import type { Bench } from "../kit/sandbox.ts";
import { type Canaries, canarySecret, expectTold, setOutCanaries } from "./canaries.ts";
import { pythonAttempts, pythonEscapeDriver } from "./python-attempts.ts";

describe.skipIf(!canRunPython)("a hostile driver in Python", () => {
  let bench: Bench;
  let canaries: Canaries;
  beforeAll(async () => {
    bench = await openPythonBench({ "driver.py": pythonEscapeDriver });
    canaries = await setOutCanaries();
  });
  afterAll(async () => {
    await bench.close();
    canaries.close();
  });

  /** Whatever ends the sandbox in the attempt has not got out either. */
  const attempt = (name: string): Promise<unknown> =>
    bench
      .call("attempt", { params: { name, facts: { ...canaries.facts } } }, { keepWarm: name !== "hook_removal" })
      .catch((error: { code: string }) => ({ out: false, said: error.code }));

  test.each(pythonAttempts.files)("files outside the pack stay closed, its own are not written: %s", async (name) => {
    expect(await attempt(name)).toMatchObject({ out: false });
    expect(readFileSync(canaries.facts.file, "utf8")).toBe(canarySecret);
    expect(readdirSync(bench.dir)).toEqual(["driver.py"]);
    expect(existsSync(join(tmpdir(), "switchyard-hostile-canary"))).toBe(false);
  });

  test.each(pythonAttempts.network)("nothing outside is reached: %s", async (name) => {
    expect(await attempt(name)).toMatchObject({ out: false });
    expect(canaries.contacts).toEqual([]);
  });

  test.each(pythonAttempts.processes)("no process is started, joined or signalled: %s", async (name) => {
    expect(await attempt(name)).toMatchObject({ out: false });
  });

  test.each([
    ["fork_by_libc", /Operation not permitted/],
    ["clone_by_syscall", /Operation not permitted/],
    ["clone3_by_syscall", /Function not implemented/],
    ["unshare", /Operation not permitted/],
    ["vsock_by_libc", /Address family not supported/],
    ["io_uring", /Operation not permitted/],
    ["tcp_by_libc", /Network is unreachable|refused/],
  ])("what stops it past Python is a wall of the kernel: %s", async (name, words) => {
    expect(((await attempt(name)) as { said: string }).said).toMatch(words);
  });

  test.each([
    ["read_passwd", "FileSystemRead"],
    ["write_tmp", "FileSystemWrite"],
    ["tcp", "socket.getaddrinfo"],
    ["udp", "socket.sendto"],
    ["unix_socket", "socket.connect"],
    ["fork", "os.fork"],
    ["subprocess_run", "subprocess.Popen"],
    ["kill_parent", "os.kill"],
  ])("what a driver tries and keeps silent about is named, once a call: %s", async (name, refused) => {
    bench.events.length = 0;
    await attempt(name);
    expectTold(bench, refused, 1);
  });

  test("what it connects to by itself is asked of the runner, which refuses it", async () => {
    bench.asked.length = 0;
    await attempt("tcp");
    expect(bench.asked).toEqual([
      [
        "socket.connect",
        {
          address: expect.stringContaining(":"),
          modules: expect.arrayContaining(["driver", "socket"]),
          at: expect.stringMatching(/^driver\.py:\d+$/),
        },
      ],
    ]);
  });

  test("there is no environment, no argument, no descriptor and no privilege to see", async () => {
    bench.pool.endInstance("ins_1");
    bench.events.length = 0;
    const seen = (await bench.call("surroundings")) as { open: number[]; root: string[] };
    expect(seen).toMatchObject({ env: { HOME: "/nonexistent" }, argv: [""], uid: 65_534, gid: 65_534, pid: 1 });
    // The standard streams, the line, the pipe behind stdout, and what asyncio waits with.
    expect(seen.open).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(
      seen.root.filter((name) => !["lib", "lib64", "usr", interpreterRoot, "pack", "switchyard", "dev"].includes(name)),
    ).toEqual([]);
    expect(bench.events).toEqual([]);
  });
});
