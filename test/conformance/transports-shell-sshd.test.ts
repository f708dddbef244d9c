/** Shells over a real sshd and a real terminal: a command line that echoes, pages, asks for a password and is configured. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import { hasSshd, startSshd, type TestSshd } from "../kit/sshd.ts";
import { line, off } from "../kit/switch-bench.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

const enablePassword = "enable me 7";

/** The command line of a device, as the program that every login gets; the terminal does the echo. */
const commandLine = `#!/bin/bash
note() { printf '%s %s\\n' $$ "$1" >>@FOLDER@/home/seen; }
note "shell $(tty >/dev/null && echo on a terminal)"
name=core-1 sign='>' mode='' paging=1
page() {
  local n=0 line
  while IFS= read -r line; do
    printf '%s\\n' "$line"
    n=$((n + 1))
    if [ $paging = 1 ] && [ $((n % 20)) = 0 ]; then
      printf -- '-- MORE --, next page: Space, next line: Enter, quit: Control-C'
      IFS= read -rsn1 key </dev/tty
      printf '\\r%63s\\r' ''
      [ "$key" = ' ' ] || return
    fi
  done
}
printf 'core-1 command line\\nauthorised use only\\nPress any key to continue'
IFS= read -rsn1 key
printf '\\n'
while printf '\\033[?25h%s%s%s ' "$name" "$mode" "$sign" && IFS= read -r line; do
  note "$line"
  case "$sign$mode $line" in
    '>'*' enable')
      printf 'Password: '
      IFS= read -rs secret
      printf '\\n'
      if [ "$secret" = '${enablePassword}' ]; then sign='#'; else echo 'Invalid password'; fi ;;
    *' no page') paging=0 ;;
    *' show ports') seq -f ' %g  Up  1000FDx' 1 45 | page ;;
    *' show version') printf 'Image stamp\\n\\033[7mWB.16.10\\033[0m\\a\\n' ;;
    '# configure') mode='(config)' ;;
    '#(config) interface '*) mode="(eth-\${line#interface })" ;;
    '#(eth-'*' no power-over-ethernet') note "write $mode" ;;
    '#('*' end') mode='' ;;
    *' exit') exit 0 ;;
    *) [ -z "$line" ] || echo "Invalid input: $line" ;;
  esac
done
`;

describe.skipIf(!hasSshd)("a shell of a real sshd", () => {
  let sshd: TestSshd;
  beforeAll(async () => {
    sshd = await startSshd({
      keys: ["ed25519"],
      more: "ForceCommand @FOLDER@/command-line",
      scripts: { "command-line": commandLine },
    });
  });
  afterAll(() => sshd?.[Symbol.asyncDispose]());

  const facts = (session: JsonObject = {}): BenchFacts => ({
    transports: {
      ssh: {
        host: "{host}",
        port: "{port}",
        username: "{username}",
        password: "{secret:password}",
        session: {
          setup: ["no page"],
          enable: "{secret:enable_password}",
          config: ["configure", "end"],
          errors: ["Invalid input*"],
          ...session,
        },
        reads: ["show *"],
      },
    },
    config: { host: "127.0.0.1", port: sshd.port, username: sshd.username },
    secrets: { password: sshd.password, enable_password: enablePassword },
    capability: { writes: ["interface *", "no power-over-ethernet"] },
    defaults: { http: { retries: 0 }, transports: { ssh: { timeout_s: 10 } } },
  });
  let told = 0;
  /** What the device was told since the last time, by shell. */
  const newlyTold = (): readonly (readonly string[])[] => {
    const lines = readFileSync(join(sshd.home, "seen"), "utf8").trimEnd().split("\n");
    const since = lines.slice(told).map((text) => text.split(" "));
    told = lines.length;
    const byShell = Map.groupBy(since, ([shell]) => shell);
    return [...byShell.values()].map((told) => told.map(([, ...words]) => words.join(" ")).filter((text) => text));
  };

  test("answers a line without banner, echo, prompt and control sequences, in privileged mode", async () => {
    await using bench = openBench(facts());
    const answer = { exit_code: null, stdout: "Image stamp\nWB.16.10", stderr: "", prompt: "core-1#" };
    expect(await line(bench.door(), "show version")).toEqual(answer);
    expect(newlyTold()).toEqual([["shell on a terminal", "enable", "no page", "show version"]]);
  });

  test.each([
    ["told not to page", {}],
    ["asked for each page", { setup: [] }],
  ])("gives a long answer whole when it is %s", async (_, session) => {
    await using bench = openBench(facts(session));
    const { stdout } = await line(bench.door(), "show ports");
    expect(stdout.split("\n")).toEqual(Array.from({ length: 45 }, (_, port) => ` ${port + 1}  Up  1000FDx`));
  });

  test("changes three ranges in three sessions, in a shell that is never read from again", async () => {
    await using bench = openBench(facts());
    await line(bench.door(), "show version");
    newlyTold();
    expect(await bench.applying(["1-2", "5", "7-9"].map(off)).ask("apply", {})).toHaveLength(3);
    expect(await line(bench.door(), "show version")).toMatchObject({ prompt: "core-1#" });
    const session = (range: string) => [
      "configure",
      `interface ${range}`,
      "no power-over-ethernet",
      `write (eth-${range})`,
      "end",
    ];
    const opening = ["shell on a terminal", "enable", "no page"];
    expect(newlyTold()).toEqual(
      expect.arrayContaining([
        ["show version"],
        ...["1-2", "5", "7-9"].map((range) => [...opening, ...session(range)]),
      ]),
    );
  });

  test("takes a wrong password of privileged mode for what it is", async () => {
    await using bench = openBench({ ...facts(), secrets: { ...facts().secrets, enable_password: "another one" } });
    expect(await codeOf(line(bench.door(), "show version"))).toBe("auth_failed");
  });
});
