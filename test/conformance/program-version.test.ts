/** Programs tell their versions behind the walls of a sandbox, or tell none; they are never waited for long. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readProgramVersion, versionIn } from "../../src/sandbox/program-version.ts";
import { testableLevels } from "../kit/levels.ts";

describe("a version in what a program says", () => {
  it.each([
    ["git version 2.39.5", "2.39.5"],
    ["ansible-playbook [core 2.14.18]\n  config file = None", "2.14.18"],
    ["Terraform v1.5.7\non linux_amd64", "1.5.7"],
    ["jq-1.6", "1.6"],
    ["curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1", "7.88.1"],
    ["nmap version 7.93 ( https://nmap.org )", "7.93"],
    ["tool 2.0.0-rc.1", "2.0.0-rc.1"],
    ["less 590 (GNU regular expressions)", "590"],
    ["no idea", null],
  ])("is found: %s", (text, version) => {
    expect(versionIn(text)).toBe(version);
  });
});

describe.each(await testableLevels())("at level %s", (level) => {
  it("a real program tells its version", async () => {
    expect(await readProgramVersion("/usr/bin/git", { level })).toMatch(/^\d+\.\d+/);
    expect(await readProgramVersion("/usr/bin/perl", { level })).toMatch(/^5\.\d+/);
  });
  it("one that is not there tells none", async () => {
    expect(await readProgramVersion("/usr/bin/no-such-program", { level })).toBeNull();
  });
});

describe("a program that is not one of ours", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "program-"));
    await chmod(folder, 0o755);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const program = async (name: string, body: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, `#!/bin/sh\n${body}\n`);
    await chmod(path, 0o755);
    return path;
  };

  it("is asked with --version alone and sees nothing of our environment", async () => {
    const path = await program(
      "asked",
      '[ "$*" = "--version" ] && [ -z "$SWITCHYARD_MASTER_KEY" ] && echo asked 1.2.3',
    );
    process.env["SWITCHYARD_MASTER_KEY"] = "a-key-that-nobody-sees";
    expect(await readProgramVersion(path, { level: "degraded" })).toBe("1.2.3");
    delete process.env["SWITCHYARD_MASTER_KEY"];
  });
  it("writes nothing", async () => {
    const path = await program("writes", `echo x > ${folder}/written; [ -s ${folder}/written ] || echo writes 1.0`);
    expect(await readProgramVersion(path, { level: "degraded" })).toBe("1.0");
  });
  it("is ended when it goes on for ever, with what it started", async () => {
    const path = await program("hangs", "sleep 60 & sleep 60");
    const before = Date.now();
    expect(await readProgramVersion(path, { level: "degraded", timeoutMs: 200 })).toBeNull();
    expect(Date.now() - before).toBeLessThan(5_000);
  });
  it("is ended when it never stops talking", async () => {
    const path = await program("talks", "yes no");
    expect(await readProgramVersion(path, { level: "degraded" })).toBeNull();
  });
});
