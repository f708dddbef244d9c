/** The command line on what was done already: taken back or not, asked for twice, with nothing left to do. */
import { describe, expect, it } from "vitest";
import type { CliBench } from "../kit/cli.ts";
import { useCli } from "../kit/use-cli.ts";

describe("the command line, of what was done already", { timeout: 120_000 }, () => {
  let bench: CliBench;
  const { cli, json } = useCli(async (used) => {
    bench = used;
    await cli("test", "pve");
  });
  const run = (verb: string, vm: string, ...more: string[]) => cli("run", "pve", "vm.lifecycle", verb, vm, ...more);

  it("offers no undo of an action that changed nothing", async () => {
    const { code, out, err } = await run("start", bench.nextVm(), "--yes", "--wait");
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining("running -> running") });
    expect(err).toBe("There was nothing to do: it was as asked already.\n");
  });

  it("shows how an action is taken back, and once it is, by which job", async () => {
    const { err } = await run("shutdown", bench.nextVm(), "--wait");
    const [offer = "", id = ""] = /^Take it back with: npx switchyard undo (job_\w+)$/m.exec(err) ?? [];
    const before = await cli("show", id);
    expect(before.err).toBe(`${offer}\n`);
    expect(before.out).not.toContain("undone by");
    expect(await cli("undo", id, "--wait")).toMatchObject({ code: 0 });
    const { undone_by } = await json<{ undone_by: string }>("show", id);
    const after = await cli("show", id);
    expect(after).toMatchObject({ out: expect.stringMatching(new RegExp(`^undone by +${undone_by}$`, "m")), err: "" });
    expect((await cli("show", undone_by)).err).toContain(`npx switchyard undo ${undone_by}`);
  });

  it("says of an action that is open already that no new job was made, and of another on its target what to do", async () => {
    const slow = [...bench.lab.state.guests.values()].find(({ quirk }) => quirk === "shutdown_hangs");
    const first = await json<{ id: string }>("run", "pve", "vm.lifecycle", "shutdown", `vm/${slow?.vmid}`);
    const again = await run("shutdown", `vm/${slow?.vmid}`);
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining(first.id) });
    expect(again.err).toContain(`${first.id} is open already: no new job was made.\n`);
    const other = await run("shutdown", `vm/${slow?.vmid}`, "--param", "timeout=77");
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining("action_conflict") });
    expect(other.err).toContain(`-> Follow the other job with: npx switchyard watch ${first.id}\n`);
    expect(other.err).toContain(`-> Stop it with: npx switchyard cancel ${first.id}\n`);
    expect(await cli("cancel", first.id)).toMatchObject({ code: 0 });
  });
});
