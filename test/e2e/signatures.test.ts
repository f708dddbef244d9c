/** A system that takes signed packs only: who is refused, with which reason, and who gets in. */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readArchive } from "../../src/packs/archive.ts";
import { publicText } from "../../src/packs/signature.ts";
import { type Author, openAuthor } from "../kit/author.ts";
import { type Caller, callerOf } from "../kit/caller.ts";
import { httpPack, zip } from "../kit/pack.ts";
import { type System, startSystem, until } from "../kit/system.ts";

const id = "acme.signed";
const keys = { acme: generateKeyPairSync("ed25519").privateKey, stranger: generateKeyPairSync("ed25519").privateKey };

describe("a system with SWITCHYARD_PACK_SIGNATURES=require", () => {
  let author: Author;
  let system: System;
  let caller: Caller;
  beforeAll(async () => {
    author = openAuthor();
    for (const [name, key] of Object.entries(keys)) {
      author.write("keys", { [`${name}.pem`]: key.export({ type: "pkcs8", format: "pem" }) });
    }
    system = await startSystem({
      env: {
        SWITCHYARD_PACK_SIGNATURES: "require",
        SWITCHYARD_TRUSTED_KEYS: `acme=${publicText(keys.acme)}`,
      },
    });
    caller = callerOf(system);
  }, 90_000);
  afterAll(async () => {
    await system?.dispose();
    author.dispose();
  });

  /** A release as its author builds it. */
  const builtBy = async (who: keyof typeof keys, version: string): Promise<Buffer> => {
    author.write(who, httpPack(id, { version }));
    const { code } = await author.run(["build", who, "--out", `${who}.int`, "--sign", `keys/${who}.pem`]);
    expect(code).toBe(0);
    return readFileSync(join(author.home, `${who}.int`));
  };
  const changedAfterwards = async (archive: Buffer): Promise<Buffer> => {
    const files = (await readArchive(archive)).map(({ path, bytes }) => [path, Buffer.from(bytes)] as const);
    const more = { "driver.ts": `${httpPack(id)["driver.ts"]}\n// and a word more` };
    return zip({ ...Object.fromEntries(files), ...more });
  };
  const refused = (detail: RegExp) => ({
    status: 400,
    body: { code: "pack_signature_invalid", detail: expect.stringMatching(detail) },
  });
  const typeNow = async () => system.call("GET", `/api/integrations/types/${id}`);

  it("has what it is shipped with", async () => {
    const { body } = await until(async () => {
      const answer = await system.call("GET", "/api/integrations/types/prometheus");
      return answer.body["status"] === "valid" ? answer : undefined;
    }, "a shipped pack");
    expect(body).toMatchObject({ signed_by: null });
  });

  it("refuses who did not sign, who is a stranger, and what was changed after its signature", async () => {
    const unsigned = await caller.uploadBytes(await zip(httpPack(id)));
    expect(unsigned).toMatchObject(refused(/a trusted key signed, but it is not signed\. .*SWITCHYARD_TRUSTED_KEYS/));
    const strange = await caller.uploadBytes(await builtBy("stranger", "1.0.0"));
    expect(strange).toMatchObject(refused(new RegExp(`signed by the key ${publicText(keys.stranger)}, which is not`)));
    const changed = await caller.uploadBytes(await changedAfterwards(await builtBy("acme", "1.0.0")));
    expect(changed).toMatchObject(refused(/not what was signed/));
    expect(await typeNow()).toMatchObject({ status: 404 });
  });

  it("installs what a trusted key signed, and its type says whose", async () => {
    const installed = await caller.uploadBytes(await builtBy("acme", "1.0.0"));
    expect(installed.body).toMatchObject({ state: "succeeded", result: { type_id: id, status: "valid" } });
    expect((await typeNow()).body).toMatchObject({ version: "1.0.0", status: "valid", signed_by: "acme" });
  });

  it("keeps that release when an upgrade comes from somebody else", async () => {
    const strange = await caller.uploadBytes(await builtBy("stranger", "2.0.0"), { query: "?replace=true" });
    expect(strange).toMatchObject(refused(/which is not trusted/));
    expect((await typeNow()).body).toMatchObject({ version: "1.0.0", signed_by: "acme" });
    const own = await caller.uploadBytes(await builtBy("acme", "2.0.0"));
    expect(own.body).toMatchObject({ state: "succeeded" });
    expect((await typeNow()).body).toMatchObject({ version: "2.0.0", signed_by: "acme" });
  });

  it("tells the person who installs from the command line the same", async () => {
    author.write("plain", httpPack("acme.plain"));
    const environment = { SWITCHYARD_URL: system.url, SWITCHYARD_TOKEN: system.token };
    const told = await author.run(["install", "plain", "--wait"], { environment });
    expect(told).toMatchObject({ code: 1, err: expect.stringContaining("it is not signed") });
  });
});
