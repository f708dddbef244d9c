/** A type says that it is being checked while it is, and what is known of it afterwards. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import { runningJobs } from "../../src/store/jobs.ts";
import { lampPack, openPackBench, type PackBench, type Ran } from "../kit/pack-bench.ts";
import { makeZip } from "../kit/zip.ts";

let bench: PackBench;
beforeEach(async () => {
  bench = await openPackBench();
});
afterEach(() => bench.close());

const broken = lampPack({}, { "driver.ts": "export class LampDriver {}" });
const statuses = ({ announced }: Ran): unknown[] =>
  announced.flatMap((event) => (event.type === "integration_type.updated" ? [event.status] : []));
/** Remembers how the type stands when its driver is loaded. */
const watching = () => {
  const seen: unknown[] = [];
  const onInspect = async (): Promise<void> => void seen.push((await bench.typeOf())?.status);
  return { seen, onInspect };
};
const cancelled = async (): Promise<void> => {
  throw new SwitchyardError("job_cancelled");
};

describe("a type that is being checked", () => {
  it("says so from the first install on, and then what was found", async () => {
    const first = watching();
    expect(statuses(await bench.install(lampPack(), {}, first))).toEqual(["checking", "valid"]);
    const again = watching();
    const validated = await bench.run("pack.validate", { type_id: "acme.lamp" }, again);
    expect(statuses(validated)).toEqual(["checking", "valid"]);
    const scan = watching();
    await bench.run("pack.rescan", {}, scan);
    expect([first.seen, again.seen, scan.seen]).toEqual([["checking"], ["checking"], ["checking"]]);
    expect((await bench.typeOf())?.status).toBe("valid");
  });

  it("says so while a pack takes the place of an invalid one, and leaves a valid one alone", async () => {
    await bench.install(broken);
    const mended = watching();
    await bench.install(lampPack(), {}, mended);
    const upgrade = watching();
    await bench.install(lampPack({ version: "1.1.0" }), {}, upgrade);
    expect([mended.seen, upgrade.seen]).toEqual([["checking"], ["valid"]]);
  });

  it("stands as before when the job ends without a verdict", async () => {
    await bench.install(lampPack(), {}, { onInspect: cancelled });
    expect(await bench.typeOf()).toBeUndefined();
    await bench.install(broken);
    await bench.install(lampPack(), {}, { onInspect: cancelled });
    expect((await bench.typeOf())?.status).toBe("invalid");
    await bench.install(lampPack());
    await bench.run("pack.validate", { type_id: "acme.lamp" }, { onInspect: cancelled });
    expect((await bench.typeOf())?.status).toBe("valid");
  });

  it("keeps the instances that were made meanwhile, without a type", async () => {
    let instance: Awaited<ReturnType<PackBench["addInstance"]>> | undefined;
    const onInspect = async (): Promise<void> => {
      instance = await bench.addInstance();
      await cancelled();
    };
    await bench.install(lampPack(), {}, { onInspect });
    expect((await bench.typeOf())?.status).toBe("unavailable");
    expect((await instance?.now())?.state).toBe("type_unavailable");
  });

  it("is installed by the next attempt when a worker was killed in the middle", async () => {
    const zip = makeZip(Object.entries(lampPack()).map(([name, bytes]) => ({ name, bytes })));
    const input = { upload: await bench.upload(zip), replace: false };
    const onInspect = async (): Promise<void> => {
      throw new Error("killed");
    };
    await expect(bench.run("pack.install", input, { onInspect })).rejects.toThrow("killed");
    expect((await bench.typeOf())?.status).toBe("checking");
    const [left] = await bench.store.read(() => runningJobs({ limit: 1 }));
    const again = await bench.run("pack.install", input, { jobId: left?.id ?? "" });
    expect(again.result).toMatchObject({ status: "valid" });
    expect(await bench.releases()).toEqual(["1.0.0 valid"]);
  });
});
