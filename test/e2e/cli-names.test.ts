/** The command line says what is the case: of odd names, of what is gone, of what was never there. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CliBench } from "../kit/cli.ts";
import { httpPack, zip } from "../kit/pack.ts";
import { until } from "../kit/system.ts";
import { useCli } from "../kit/use-cli.ts";

describe("the command line, of what is odd or not there", { timeout: 120_000 }, () => {
  let bench: CliBench;
  const { cli, typed } = useCli((used) => {
    bench = used;
  });

  const addInstance = (name: string) => {
    const secret = `api_token=@${join(bench.scratch, "token")}`;
    const set = ["--set", `host=${bench.lab.host}`, "--set", "port=1", "--secret", secret];
    return cli("add", "walnut.proxmox.ve", "--name", name, ...set);
  };

  it("hands out commands that a shell reads as they are meant", async () => {
    const added = await addInstance("bad/name x");
    expect(added.err).toContain("Test it with: npx switchyard test 'bad/name x'");
    const tested = await cli("test", "bad/name x");
    expect(tested.err).toContain("npx switchyard edit 'bad/name x'\n");
    expect((await cli("doctor")).out).toContain("npx switchyard test 'bad/name x'");
  });

  it("shows that the instance of a job is gone", async () => {
    expect(await addInstance("brief")).toMatchObject({ code: 0 });
    await cli("test", "brief");
    expect((await cli("jobs")).out).toMatch(/ brief +test connection /);
    // Its schedules may be about to look at it, too: it is deleted between two of their jobs.
    await until(async () => ((await cli("delete", "brief", "--yes")).code === 0 ? true : undefined), "the deletion");
    expect((await cli("jobs")).out).toMatch(/ \(deleted\) +test connection /);
  });

  it("tells what was never looked at from what is empty", async () => {
    expect(await addInstance("unseen")).toMatchObject({ code: 0 });
    const unseen = await cli("inventory", "unseen", "--cached", "--type", "host");
    expect(unseen).toMatchObject({ code: 0, out: "", err: expect.stringMatching(/^Not looked at yet/) });
    expect(unseen.err).toContain("npx switchyard inventory unseen --type host --refresh\n");
    expect(unseen.err).not.toContain("0 of 0");
    expect((await cli("inventory", "pve", "--type", "host", "--refresh")).out).toMatch(/^ID /);
    const none = await cli("inventory", "pve", "--cached", "--type", "host", "--search", "no such host");
    expect(none.err).toMatch(/^Nothing is there\.\n0 of \d/);
  });

  it("says what to type next in words that are known", async () => {
    const missing = await cli("add", "walnut.proxmox.ve", "--name", "x");
    expect(missing.err).toMatch(/ --set host expected [\s\S]* --secret api_token expected /);
    expect(missing.err).toContain("npx switchyard add walnut.proxmox.ve --help\n");
    const edited = await cli("edit", "pve", "--set", "port=0");
    expect(edited.err).toContain("npx switchyard edit pve --help\n");
    const stop = ["pve", "vm.lifecycle", "shutdown", bench.nextVm()];
    const planned = await cli("plan", ...stop, "--param", "timeout=soon");
    expect(planned.err).toMatch(/ --param timeout expected [\s\S]*npx switchyard plan pve vm\.lifecycle --help\n/);
    expect(await addInstance("shut")).toMatchObject({ code: 0 });
    for (const command of ["inventory", "test"]) {
      const refused = await cli(command, "shut");
      expect(refused.err, command).toMatch(
        /connection_refused[\s\S]*npx switchyard edit shut\n.*npx switchyard test shut\n/,
      );
    }
  });

  it("says each thing that is wrong once", async () => {
    const { code, err } = await cli("jobs", "--limit", "0");
    expect(code).toBe(2);
    expect(err.match(/--limit expected a number >= 1, got 0/g), err).toHaveLength(1);
    expect((await cli("api", "GET", "/api/jobs?limit=0")).err).toContain("/query/limit");
    const file = join(bench.scratch, "half.int");
    writeFileSync(file, (await zip(httpPack("test.half"))).subarray(0, 200));
    const half = await cli("install", file, "--wait");
    expect(half.code).toBe(1);
    expect(half.err).toMatch(/[^.]\. Build and upload it again\./);
  });

  it("takes no empty word for a pack, and names the file that is not there", async () => {
    expect(await cli("install", "")).toMatchObject({ code: 2, err: expect.stringContaining("got nothing") });
    const missing = await cli("restore", "/no/such/file.swb");
    expect(missing.err).toContain("There is no file /no/such/file.swb.");
    expect(missing.err).not.toContain("ENOENT");
  });

  it("takes away no type by the beginning of its id, and names in full what it takes away", async () => {
    const file = join(bench.scratch, "lamp.int");
    writeFileSync(file, await zip(httpPack("example.lamp")));
    expect(await cli("install", file, "--wait")).toMatchObject({ code: 0 });
    expect(await cli("types", "example.la")).toMatchObject({ code: 0 });
    for (const command of ["remove", "rollback"]) {
      const near = await cli(command, "example.la", "--yes");
      expect(near).toMatchObject({ code: 4, err: expect.stringContaining("Did you mean example.lamp?") });
    }
    const back = await cli("rollback", "example.lamp", "--yes");
    expect(back.err).toContain("Takes example.lamp 1.0.0 back to the release before.");
    writeFileSync(file, await zip(httpPack("example.lamp", { version: "1.1.0" })));
    expect(await cli("install", file, "--wait")).toMatchObject({ code: 0 });
    const digest = /^1\.0\.0 .* ([0-9a-f]{16})[0-9a-f]{48}$/m.exec((await cli("releases", "example.lamp")).out)?.[1];
    for (const asked of [[], ["--digest", digest ?? ""]]) {
      const left = await typed(["rollback", "example.lamp", ...asked], { answers: ["n"] });
      expect(left.asked).toEqual([expect.stringContaining(`Take example.lamp 1.1.0 back to 1.0.0 (${digest})?`)]);
    }
    expect(await cli("rollback", "example.lamp", "--yes", "--wait")).toMatchObject({ code: 0 });
    const removed = await cli("remove", "example.lamp", "--yes", "--wait");
    expect(removed).toMatchObject({ code: 0, err: expect.stringContaining("Removes example.lamp 1.0.0.") });
  });

  it("says of a job's id that it was shortened too much, and of a word that is none that no job is called so", async () => {
    const least = "An id is shortened to 10 characters at least";
    for (const short of ["job_0", "01jd0"]) {
      const { code, err } = await cli("watch", short);
      expect({ code, err }, short).toEqual({ code: 4, err: expect.stringContaining(least) });
    }
    for (const word of ["undef", "undefined", "job_undefined", "job_0123456789", "0123456789"]) {
      const { code, err } = await cli("watch", word);
      expect({ code, err }, word).toEqual({ code: 4, err: expect.stringContaining(`There is no job "${word}".`) });
      expect(err).not.toContain(least);
    }
  });
});
