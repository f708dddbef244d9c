/** Uploads: what is taken, what is refused at once, and that nothing of it stays behind. */
import { createHash } from "node:crypto";
import { readdir, rename } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readUpload } from "../../src/store/uploads.ts";
import { type ApiBench, type Asked, openApiBench } from "../kit/api.ts";
import { hasRedis } from "../kit/redis.ts";

const url = "/api/integrations/types/upload";

describe.skipIf(!hasRedis)("uploads", () => {
  let bench: ApiBench;
  beforeAll(async () => {
    bench = await openApiBench();
  });
  afterEach(async () => {
    expect(await readdir(bench.deps.config.scratchDir)).toEqual([]);
  });
  afterAll(() => bench.end());

  const form = (bytes: string | Uint8Array<ArrayBuffer>, fileName: string, field = "file"): FormData => {
    const made = new FormData();
    made.set("note", "first");
    made.set(field, new File([bytes], fileName));
    return made;
  };
  const refuse = (asked: Asked, status: number) => bench.json("POST", url, { ...asked, status });

  it("says that the disk is at fault when the archive cannot be kept, and takes it later", async () => {
    const { scratchDir } = bench.deps.config;
    await rename(scratchDir, `${scratchDir}.away`);
    const refused = await refuse({ body: form("a pack", "a.int") }, 503);
    expect(refused).toMatchObject({ code: "store_unavailable", detail: expect.stringContaining("data folder") });
    await rename(`${scratchDir}.away`, scratchDir);
    await bench.json("POST", url, { body: form("a pack", "a.int"), status: 202 });
  });

  it("keeps the archive in the store and makes a job of it", async () => {
    const bytes = "the content of a pack";
    const digest = createHash("sha256").update(bytes).digest("hex");
    const job = await bench.json("POST", `${url}?replace=true&consent=${"a".repeat(64)}`, {
      body: form(bytes, "a pack.int"),
      status: 202,
    });
    expect(job).toMatchObject({
      kind: "pack.install",
      input: { upload: digest, replace: true, consent: "a".repeat(64) },
    });
    const kept = await bench.store.read(() => readUpload(digest));
    expect(Buffer.from(kept?.bytes ?? []).toString()).toBe(bytes);
    const slashed = await bench.json("POST", `${url}/`, { body: form(bytes, "a.int"), status: 202 });
    expect(slashed).toMatchObject({ input: { upload: digest, replace: false } });
  });

  it("answers with the id alone where only that is wanted", async () => {
    const answer = await bench.json<{ job_id: string }>("POST", `${url}/stream`, {
      body: form("x", "a.int"),
      status: 202,
    });
    expect(Object.keys(answer)).toEqual(["job_id"]);
    expect(await bench.json("GET", `/api/jobs/${answer.job_id}`)).toMatchObject({ kind: "pack.install" });
  });

  it("never takes the client's file name for a path", async () => {
    const job = await bench.json<{ input: object }>("POST", url, { body: form("y", "../../x.int"), status: 202 });
    expect(JSON.stringify(job.input)).not.toContain("x.int");
  });

  it("refuses other extensions and archives above 10 MiB", async () => {
    expect(await refuse({ body: form("x", "pack.zip") }, 400)).toMatchObject({ code: "extension_not_int" });
    const tooLarge = form(new Uint8Array(10 * 1024 * 1024 + 1), "a.int");
    expect(await refuse({ body: tooLarge }, 413)).toMatchObject({ code: "archive_too_large" });
    const justRight = form(new Uint8Array(10 * 1024 * 1024), "a.int");
    expect((await bench.ask("POST", url, { body: justRight })).status).toBe(202);
  });

  it("refuses what is no form, has no file, or breaks off", async () => {
    const json = { headers: { "content-type": "application/json" }, body: "{}" };
    expect(await refuse(json, 415)).toMatchObject({ code: "unsupported_media_type" });
    expect(await refuse({ body: form("x", "a.int", "other") }, 400)).toMatchObject({ code: "validation_failed" });
    const type = { "content-type": "multipart/form-data; boundary=b" };
    const broken = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.int"\r\n\r\nhalf of';
    expect(await refuse({ headers: type, body: broken }, 400)).toMatchObject({ code: "validation_failed" });
    expect(await refuse({ headers: { "content-type": "multipart/form-data" }, body: broken }, 400)).toMatchObject({
      code: "validation_failed",
    });
    expect(await refuse({ headers: type, body: "nonsense" }, 400)).toMatchObject({ code: "validation_failed" });
  });

  it("is for admins", async () => {
    expect(await refuse({ body: form("x", "a.int"), token: bench.tokens.operator }, 403)).toMatchObject({
      code: "forbidden",
    });
  });

  it("knows the same upload by its key", async () => {
    const headers = { "idempotency-key": "upload 1" };
    const [first, second] = [
      await bench.ask("POST", url, { body: form("z", "a.int"), headers }),
      await bench.ask("POST", url, { body: form("z", "a.int"), headers }),
    ];
    const [one, two] = [(await first.json()) as { id: string }, (await second.json()) as { id: string }];
    expect(one.id).toBe(two.id);
    expect(await refuse({ body: form("other", "a.int"), headers }, 409)).toMatchObject({
      code: "idempotency_conflict",
    });
  });
});
