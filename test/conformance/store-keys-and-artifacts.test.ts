/** What the store remembers of host keys and of the files that jobs keep, on both databases. */
import { expect, test } from "vitest";
import { listArtifacts, readArtifact, saveArtifact } from "../../src/store/artifacts.ts";
import { acceptHostKey, hostKeysOf, meetHostKey } from "../../src/store/host-keys.ts";
import { deleteInstance, findInstance, insertInstance } from "../../src/store/instances.ts";
import { insertJob } from "../../src/store/jobs.ts";
import { lampInstance } from "../kit/fixtures.ts";
import { newJob } from "../kit/new-job.ts";
import { describeStores } from "../kit/stores.ts";

const key = (letter: string) => ({ type: "ssh-ed25519", fingerprint: `SHA256:${letter.repeat(43)}` });

describeStores("host keys and artifacts", (bench) => {
  test("the first key at a place is trusted and flagged, a later one is only seen, until it is accepted", async () => {
    const { store } = bench;
    const instance = lampInstance({ state: "connected" });
    await store.write(() => insertInstance(instance, []));
    const instanceId = instance.id;
    const meet = (place: string, letter: string, isPinned = false) =>
      store.write(() => meetHostKey({ instanceId, place, key: key(letter), isPinned, now: 1 }));
    expect((await meet("a:22", "A")).trusted).toMatchObject({ ...key("A"), by: "first_use" });
    expect((await store.read(() => findInstance(instanceId)))?.flags).toEqual(["host_key_trusted_on_first_use"]);
    expect((await meet("a:22", "B")).trusted).toMatchObject(key("A"));
    expect((await meet("b:22", "C", true)).trusted).toBeNull();
    const accept = (letter: string) =>
      store.write(() => acceptHostKey({ instanceId, fingerprint: key(letter).fingerprint, now: 2 }));
    expect([await accept("A"), await accept("B")]).toEqual([false, true]);
    expect(await store.read(() => hostKeysOf(instanceId))).toMatchObject([
      { place: "a:22", trusted: { ...key("B"), by: "admin", at: 2 }, seen: key("B") },
      { place: "b:22", trusted: null, seen: key("C") },
    ]);
    await store.write(() => deleteInstance({ id: instanceId, now: 3 }));
    expect(await store.read(() => hostKeysOf(instanceId))).toEqual([]);
    expect((await meet("a:22", "A")).trusted).toMatchObject(key("A"));
  });

  test("a job's files are kept by name, as they are", async () => {
    const { store } = bench;
    const { job } = await store.write(() => insertJob(newJob()));
    const content = Buffer.from([0, 255, 10, 13]);
    const save = (name: string, bytes: Buffer) =>
      store.write(() =>
        saveArtifact({
          jobId: job.id,
          name,
          contentType: "text/plain",
          size: bytes.length,
          createdAt: 1,
          content: bytes,
        }),
      );
    await save("b.txt", Buffer.from("old"));
    await save("b.txt", content);
    await save("a.txt", Buffer.from(""));
    expect(await store.read(() => listArtifacts(job.id))).toEqual([
      { name: "a.txt", contentType: "text/plain", size: 0, createdAt: 1 },
      { name: "b.txt", contentType: "text/plain", size: 4, createdAt: 1 },
    ]);
    const found = await store.read(() => readArtifact(job.id, "b.txt"));
    expect(Buffer.from(found?.content ?? [])).toEqual(content);
    expect(await store.read(() => readArtifact(job.id, "c.txt"))).toBeUndefined();
  });
});
