/** What becomes of installed packs: killed installs, validation, rollback, removal, rescan. */
import { cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listShipped } from "../../src/packs/shipped.ts";
import { claimJob, listJobs, runningJobs } from "../../src/store/jobs.ts";
import type { Store } from "../../src/store/store.ts";
import { lampPack, usePackBench } from "../kit/pack-bench.ts";
import { makeZip } from "../kit/zip.ts";

const { bench, typeOf, releases, addInstance } = usePackBench();

/** A store that dies at its n-th write, before or after it is durable, and does nothing any more. */
const dyingStore = (store: Store, at: number, when: "before" | "after"): Store => {
  let writes = 0;
  const dead = new Error("killed");
  return {
    ...store,
    read: (unit) => (writes > at ? Promise.reject(dead) : store.read(unit)),
    write: async (unit) => {
      writes += 1;
      if (writes > at + 1 || (writes === at + 1 && when === "before")) throw dead;
      const value = await store.write(unit);
      if (writes === at + 1) throw dead;
      return value;
    },
  } as Store;
};

describe("a worker that is killed while it installs", () => {
  it.each(["before", "after"] as const)(
    "%s the swap leaves one release active, and the next attempt ends it",
    async (when) => {
      await bench().install(lampPack());
      await addInstance();
      const zip = makeZip(Object.entries(lampPack({ version: "1.1.0" })).map(([name, bytes]) => ({ name, bytes })));
      const input = { upload: await bench().upload(zip), replace: false };
      const killed = bench().run("pack.install", input, { store: dyingStore(bench().store, 0, when) });
      await expect(killed).rejects.toThrow("killed");
      expect((await typeOf())?.manifest.version).toBe(when === "before" ? "1.0.0" : "1.1.0");
      expect((await typeOf())?.status).toBe("valid");
      const [left] = await bench().store.read(() => runningJobs({ limit: 10 }));
      const again = await bench().run("pack.install", input, { jobId: left?.id ?? "" });
      expect(again.job.attempt).toBe(2);
      expect(again.result).toMatchObject({ version: "1.1.0", status: "valid", tests: [{ state: "succeeded" }] });
      expect((await releases()).toSorted()).toEqual(["1.0.0 superseded", "1.1.0 valid"]);
    },
  );

  it("writes nothing when another attempt has taken its job", async () => {
    const zip = makeZip(Object.entries(lampPack()).map(([name, bytes]) => ({ name, bytes })));
    const input = { upload: await bench().upload(zip), replace: false };
    const stale: Store = {
      ...bench().store,
      write: async (unit) => {
        const [job] = await bench().store.read(() => runningJobs({ limit: 1 }));
        await bench().store.write(() => claimJob({ id: job?.id ?? "", workerId: "wrk_2", now: Date.now() }));
        return bench().store.write(unit);
      },
    } as Store;
    await expect(bench().run("pack.install", input, { store: stale })).rejects.toThrow("Another attempt");
    expect(await typeOf()).toBeUndefined();
  });
});

describe("an installed pack", () => {
  it("is validated again, whatever comes out", async () => {
    await bench().install(lampPack());
    expect((await bench().run("pack.validate", { type_id: "acme.lamp" })).result).toMatchObject({
      status: "valid",
      errors: {},
    });
    expect((await bench().run("pack.validate", { type_id: "no.such" })).error?.code).toBe("not_found");
    const tooWeak = await bench().run("pack.validate", { type_id: "acme.lamp" }, { minSandbox: "full" });
    expect(tooWeak.result).toMatchObject({ status: "invalid", errors: { validation_error: {} } });
  });

  it("is removed with its instances, which come back for review when it is installed again", async () => {
    await bench().install(lampPack());
    const instance = await addInstance();
    const { result, announced } = await bench().run("pack.remove", { type_id: "acme.lamp" });
    expect(result).toEqual({ type_id: "acme.lamp", instances_affected: 1 });
    expect(announced.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["integration_type.removed", "integration_instance.updated"]),
    );
    expect(await typeOf()).toMatchObject({ status: "unavailable", isRemoved: true });
    expect((await instance.now())?.state).toBe("type_unavailable");
    expect((await bench().run("pack.validate", { type_id: "acme.lamp" })).result).toMatchObject({
      status: "unavailable",
    });
    await bench().install(lampPack());
    expect(await typeOf()).toMatchObject({ status: "valid", isRemoved: false });
    expect((await instance.now())?.state).toBe("needs_review");
  });

  it("goes back to an earlier release, and says when there is none", async () => {
    await bench().install(lampPack());
    expect((await bench().run("pack.rollback", { type_id: "acme.lamp" })).error?.code).toBe("no_earlier_release");
    await bench().install(lampPack({ version: "1.1.0" }));
    const { result } = await bench().run("pack.rollback", { type_id: "acme.lamp" });
    expect(result).toMatchObject({ version: "1.0.0", status: "valid" });
    expect(await typeOf()).toMatchObject({ manifest: { version: "1.0.0" } });
    expect((await releases()).toSorted()).toEqual(["1.0.0 valid", "1.1.0 superseded"]);
    const asked = await bench().run("pack.rollback", { type_id: "acme.lamp", digest: "f".repeat(64) });
    expect(asked.error?.code).toBe("no_earlier_release");
  });
});

describe("a rescan", () => {
  const ship = async (files: Readonly<Record<string, string>>, name = "lamp") => {
    const folder = join(bench().packsDir, name);
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(folder, "lib"), { recursive: true });
    for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
  };
  const rescan = () => bench().run("pack.rescan", {});

  it("brings in what is shipped without asking, and counts", async () => {
    await ship(lampPack({ requires: { permissions: ["secrets:raw"] } }));
    await ship({ "plugin.yaml": "id: x\nid: y" }, "broken");
    await bench().install(lampPack({ id: "acme.other" }));
    expect((await rescan()).result).toEqual({ discovered: 2, valid: 2, invalid: 0, unavailable: 0 });
    expect(await typeOf()).toMatchObject({ status: "valid", isShipped: true });
    expect((await rescan()).result).toEqual({ discovered: 2, valid: 2, invalid: 0, unavailable: 0 });
  });

  it("makes a type unavailable whose folder is gone, and brings it back with its instances when it is there again", async () => {
    await ship(lampPack());
    await rescan();
    const instance = await addInstance();
    await rename(join(bench().packsDir, "lamp"), join(bench().packsDir, "../elsewhere"));
    expect((await rescan()).result).toMatchObject({ unavailable: 1 });
    expect(await typeOf()).toMatchObject({ status: "unavailable", isRemoved: false });
    expect((await instance.now())?.state).toBe("type_unavailable");
    await cp(join(bench().packsDir, "../elsewhere"), join(bench().packsDir, "lamp"), { recursive: true });
    expect((await rescan()).result).toMatchObject({ valid: 1, unavailable: 0 });
    expect((await instance.now())?.state).toBe("needs_review");
  });

  it("takes another content under the same version, keeps what a user installed above it, and leaves what was removed", async () => {
    await ship(lampPack());
    await rescan();
    await addInstance();
    await ship(lampPack({ description: "changed" }));
    await rescan();
    const { items } = await bench().store.read(() => listJobs({ kind: "instance.test_connection", limit: 10 }));
    expect(items).toHaveLength(1);
    expect(await typeOf()).toMatchObject({ manifest: { description: "changed" } });
    await bench().install(lampPack({ version: "3.0.0" }));
    await ship(lampPack({ version: "2.0.0" }));
    await rescan();
    expect(await typeOf()).toMatchObject({ manifest: { version: "3.0.0" } });
    await bench().run("pack.remove", { type_id: "acme.lamp" });
    expect((await rescan()).result).toMatchObject({ unavailable: 1 });
  });

  it("installs a shipped pack by its content, as the start does", async () => {
    await ship(lampPack());
    const { packs } = await listShipped(bench().packsDir);
    const upload = packs[0]?.digest ?? "";
    const { result } = await bench().run("pack.install", { upload, replace: true, shipped: true });
    expect(result).toMatchObject({ status: "valid", release: { digest: upload } });
  });
});
