/** What every store must keep of its transactions: alone, together, durable, and patient with a busy database. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { findJob, insertJob, listJobs } from "../../src/store/jobs.ts";
import { getMeta, setMeta } from "../../src/store/meta.ts";
import { migrate, openStore } from "../../src/store/open.ts";
import type { Unit } from "../../src/store/unit.ts";
import { describeStores, newJob, type StoreBench } from "../kit/stores.ts";

const another = (task: "hold" | "admit", url: string): ChildProcess =>
  spawn(process.execPath, [fileURLToPath(new URL("../kit/store-child.ts", import.meta.url)), task, url], {
    stdio: ["pipe", "pipe", "inherit"],
  });

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
};

describeStores("transactions", (bench) => {
  function* setThenFail(key: string): Unit<void> {
    yield* setMeta(key, "never");
    throw new Error(`${key} failed`);
  }

  it("undo a unit that throws, and none that was committed with it", async () => {
    const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
    const isDoomed = (index: number) => index % 3 === 1;
    const results = await Promise.allSettled(
      keys.map((key, index) => bench.store.write(() => (isDoomed(index) ? setThenFail(key) : setMeta(key, "kept")))),
    );
    expect(results.map(({ status }) => status === "rejected")).toEqual(keys.map((_, index) => isDoomed(index)));
    const values = await Promise.all(keys.map((key) => bench.store.read(() => getMeta(key))));
    expect(values).toEqual(keys.map((_, index) => (isDoomed(index) ? undefined : "kept")));
  });

  it("undo a unit whose statement fails, and none that was committed with it", async () => {
    function* wrong(): Unit<void> {
      yield* setMeta("wrong", "never");
      yield { on: () => ({ sql: "insert into nowhere values (1)", parameters: [] }) };
    }
    const [failed, kept] = await Promise.allSettled([
      bench.store.write(wrong),
      bench.store.write(() => setMeta("right", "kept")),
    ]);
    expect([failed?.status, kept?.status]).toEqual(["rejected", "fulfilled"]);
    expect(await bench.store.read(() => getMeta("wrong"))).toBeUndefined();
    expect(await bench.store.read(() => getMeta("right"))).toBe("kept");
  });

  it("give each of many reads at once its own answer, and later ones what was written since", async () => {
    const keys = Array.from({ length: 40 }, (_, index) => `read-${index % 20}`);
    const read = () => Promise.all(keys.map((key) => bench.store.read(() => getMeta(key))));
    expect(await read()).toEqual(keys.map(() => undefined));
    await bench.store.write(function* () {
      for (const key of keys) yield* setMeta(key, `value of ${key}`);
    });
    expect(await read()).toEqual(keys.map((key) => `value of ${key}`));
  });

  it("show what they wrote to another process once the promise resolved", async () => {
    const other = await bench.openAnother();
    const job = newJob();
    await bench.store.write(() => insertJob(job));
    expect(await other.read(() => findJob(job.id))).toBeDefined();
  });

  it("lose nothing when two processes change the same row at once", async () => {
    const other = await bench.openAnother();
    function* increment(): Unit<void> {
      // A write first, so that the row is held while it is read.
      yield* setMeta("lock", "mine");
      const count = Number((yield* getMeta("count")) ?? "0");
      yield* setMeta("count", String(count + 1));
    }
    await Promise.all(
      Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? bench.store : other).write(increment)),
    );
    expect(await bench.store.read(() => getMeta("count"))).toBe("60");
  });

  it("write more than one batch at once, and count what waits", async () => {
    const writing = Promise.all(Array.from({ length: 1_000 }, () => bench.store.write(() => insertJob(newJob()))));
    expect(bench.store.pending).toBe(1_000);
    await writing;
    expect(bench.store.pending).toBe(0);
    expect((await bench.store.read(() => listJobs({ limit: 2_000 }))).items).toHaveLength(1_000);
  });

  it("are finished when the store closes, and refused afterwards", async () => {
    const other = await bench.openAnother();
    const writing = bench.store.write(() => setMeta("last", "word"));
    await bench.store.close();
    await writing;
    expect(await other.read(() => getMeta("last"))).toBe("word");
    const late = bench.store.write(() => setMeta("late", "word"));
    await expect(late).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(bench.store.read(() => getMeta("last"))).rejects.toMatchObject({ code: "store_unavailable" });
  });

  it("are durable when they are acknowledged: a killed process loses none", async () => {
    const child = another("admit", bench.url);
    const acknowledged: string[] = [];
    if (child.stdout !== null) createInterface(child.stdout).on("line", (id) => acknowledged.push(id));
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(200), 20_000);
    child.kill("SIGKILL");
    await ended(child);
    const found = await Promise.all(acknowledged.map((id) => bench.store.read(() => findJob(id))));
    expect(found.filter((job) => job === undefined)).toEqual([]);
  });
});

describeStores("migration", (bench) => {
  it("is done once, however many try, and again changes nothing", async () => {
    await bench.store.write(() => setMeta("kept", "yes"));
    await Promise.all([migrate(bench.url), migrate(bench.url), migrate(bench.url)]);
    expect(await bench.store.read(() => getMeta("kept"))).toBe("yes");
  });

  it("is asked for when the schema is another one", async () => {
    const schema = (sql: string) =>
      bench.store.write(function* () {
        yield { on: () => ({ sql, parameters: [] }) };
      });
    await schema("insert into schema_migrations (version, name) values (999, 'later')");
    await expect(openStore({ url: bench.url })).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(migrate(bench.url)).rejects.toThrow("a newer one");
    await schema("drop table schema_migrations");
    await expect(openStore({ url: bench.url })).rejects.toThrow("schema 0");
  });
});

const whileHeld = (bench: StoreBench): void => {
  it("is waited for until the other process lets go", async () => {
    const child = another("hold", bench.url);
    if (child.stdout !== null) await once(child.stdout, "data");
    let isWritten = false;
    const writing = bench.store
      .write(() => setMeta("patient", "yes"))
      .then(() => {
        isWritten = true;
      });
    expect(await bench.store.read(() => getMeta("patient"))).toBeUndefined();
    await new Promise((resolve) => setImmediate(resolve));
    expect(isWritten).toBe(false);
    child.stdin?.write("go\n");
    await writing;
    expect(await bench.store.read(() => getMeta("patient"))).toBe("yes");
    await ended(child);
  });

  it("is given up after five seconds, leaving nothing behind", async () => {
    let now = 1_000;
    const store = await openStore({ url: bench.url, now: () => now });
    const child = another("hold", bench.url);
    if (child.stdout !== null) await once(child.stdout, "data");
    const writing = store.write(() => setMeta("late", "yes"));
    const refused = expect(writing).rejects.toMatchObject({ code: "store_unavailable" });
    now += 5_000;
    await refused;
    child.stdin?.write("go\n");
    await ended(child);
    await store.write(() => setMeta("next", "yes"));
    expect(await store.read(() => getMeta("late"))).toBeUndefined();
    await store.close();
  });
};

const whileAway = (bench: StoreBench): void => {
  it("is waited for while its server restarts", async () => {
    const writing = bench.restart();
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => bench.store.write(() => setMeta(`k${index}`, "yes"))),
    );
    await writing;
    for (const [index, result] of results.entries()) {
      const value = await bench.store.read(() => getMeta(`k${index}`));
      // A commit whose answer was lost is reported as unavailable although it may have happened; the reverse never is.
      if (result.status === "fulfilled") expect(value).toBe("yes");
      else expect(result.reason).toMatchObject({ code: "store_unavailable" });
    }
    await bench.store.write(() => setMeta("after", "yes"));
    expect(await bench.store.read(() => getMeta("after"))).toBe("yes");
  });
};

describeStores("a busy database", (bench) => (bench.dialect === "sqlite" ? whileHeld : whileAway)(bench));

describe("a store that is not there", () => {
  it("says so in one line instead of making one", async () => {
    await expect(openStore({ url: "/nonexistent/switchyard.db" })).rejects.toMatchObject({ code: "store_unavailable" });
    const url = "postgres://postgres@127.0.0.1:1/none";
    let now = 0;
    const impatient = () => {
      now += 3_000;
      return now;
    };
    await expect(openStore({ url, now: impatient })).rejects.toMatchObject({ code: "store_unavailable" });
  });
});
