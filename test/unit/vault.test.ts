/** Secrets sealed by the vault open for their own place and key only; the master key is loaded with care. */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { migrate, openStore } from "../../src/store/open.ts";
import { checkMasterKey } from "../../src/store/vault-check.ts";
import { loadMasterKey } from "../../src/vault/master-key.ts";
import { createSealer } from "../../src/vault/seal.ts";
import { createVault, rewrap } from "../../src/vault/vault.ts";

const masterKey = randomBytes(32);
const place = { scope: "ins_1", field: "token", version: 3 };
const unreadable = expect.objectContaining({ code: "secret_unreadable" });

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sw-vault-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the vault", () => {
  it("opens what it sealed, whatever the value holds", () => {
    const vault = createVault({ masterKey });
    for (const value of ["", "p", "päss wörd\n\u0000", "x".repeat(100_000)]) {
      expect(vault.open(vault.seal({ ...place, value }), place)).toBe(value);
    }
  });

  it("opens what the part that only seals has sealed, and that part cannot open", () => {
    const sealer = createSealer({ masterKey });
    expect(createVault({ masterKey }).open(sealer.seal({ ...place, value: "secret" }), place)).toBe("secret");
    expect(Object.keys(sealer).sort()).toEqual(["keyId", "seal"]);
  });

  it("seals the same value differently each time and shows nothing of it", () => {
    const vault = createVault({ masterKey });
    const [first, second] = [1, 2].map(() => vault.seal({ ...place, value: "correct horse battery" }));
    expect(first).not.toBe(second);
    expect(Buffer.from(first!.split(".").at(-1)!, "base64url").toString("latin1")).not.toContain("horse");
    expect(first!.split(".")[1]).toBe(vault.keyId);
  });

  it("refuses a sealed value in another instance, field or version", () => {
    const vault = createVault({ masterKey });
    const sealed = vault.seal({ ...place, value: "secret" });
    for (const other of [{ scope: "ins_2" }, { field: "password" }, { version: 4 }]) {
      expect(() => vault.open(sealed, { ...place, ...other })).toThrow(unreadable);
    }
  });

  it("refuses another master key, naming both by their ids", () => {
    const sealed = createVault({ masterKey }).seal({ ...place, value: "secret" });
    const other = createVault({ masterKey: randomBytes(32) });
    expect(() => other.open(sealed, place)).toThrow(unreadable);
    expect(() => other.open(sealed, place)).toThrow(other.keyId);
  });

  it("refuses every damaged or foreign text", () => {
    const vault = createVault({ masterKey });
    const sealed = vault.seal({ ...place, value: "secret" });
    const [form, keyId, dataKey, value] = sealed.split(".");
    const flip = (text: string, at: number) =>
      `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
    const damaged = [
      "",
      "secret",
      sealed.slice(0, -6),
      [form, keyId, dataKey, flip(value!, 2)].join("."),
      [form, keyId, dataKey, flip(value!, 40)].join("."),
      [form, keyId, flip(dataKey!, 30), value].join("."),
      [form, keyId, dataKey, "AAAA"].join("."),
      [form, keyId, dataKey].join("."),
    ];
    for (const text of damaged) expect(() => vault.open(text, place), text).toThrow(unreadable);
  });

  it("refuses a key of another length", () => {
    expect(() => createVault({ masterKey: randomBytes(16) })).toThrow("16 bytes, expected 32");
  });

  it("moves a sealed value under a new key without opening it", () => {
    const to = randomBytes(32);
    const sealed = createVault({ masterKey }).seal({ ...place, value: "secret" });
    const moved = rewrap(sealed, { scope: place.scope, from: masterKey, to });
    expect(createVault({ masterKey: to }).open(moved, place)).toBe("secret");
    expect(() => createVault({ masterKey }).open(moved, place)).toThrow(unreadable);
    expect(moved.split(".").at(-1)).toBe(sealed.split(".").at(-1));
    expect(() => rewrap(moved, { scope: place.scope, from: masterKey, to })).toThrow(unreadable);
  });
});

describe("the master key", () => {
  it("is read from hex, base64 or raw bytes", () => {
    expect(loadMasterKey({ value: masterKey.toString("hex"), create: false })).toEqual(masterKey);
    expect(loadMasterKey({ value: ` ${masterKey.toString("base64")}\n`, create: false })).toEqual(masterKey);
    expect(loadMasterKey({ value: masterKey.toString("base64url"), create: false })).toEqual(masterKey);
    for (const content of [`${masterKey.toString("hex")}\n`, masterKey.toString("base64"), masterKey]) {
      writeFileSync(join(folder, "key"), content);
      expect(loadMasterKey({ file: join(folder, "key"), create: true })).toEqual(masterKey);
    }
  });

  it("is made once, whole, and readable by its owner only", () => {
    const file = join(folder, "sub", "master.key");
    const made = loadMasterKey({ file, create: true });
    expect(made).toHaveLength(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(loadMasterKey({ file, create: true })).toEqual(made);
    expect(readdirSync(join(folder, "sub"))).toEqual(["master.key"]);
  });

  it("is not made when the file is missing and must not be made", () => {
    const file = join(folder, "master.key");
    expect(() => loadMasterKey({ file, create: false })).toThrow(unreadable);
    expect(existsSync(file)).toBe(false);
    expect(() => loadMasterKey({ create: true })).toThrow(unreadable);
  });

  it("is refused when it is something else, without being shown", () => {
    const file = join(folder, "key");
    for (const content of ["", "hunter2hunter2", "f".repeat(63), masterKey.toString("hex").slice(2)]) {
      writeFileSync(file, content);
      expect(() => loadMasterKey({ file, create: true }), content).toThrow("expected 32 bytes");
      expect(() => loadMasterKey({ value: content, create: true }), content).toThrow("expected 32 bytes");
      expect(readFileSync(file, "utf8")).toBe(content);
    }
    writeFileSync(file, "hunter2hunter2");
    expect(() => loadMasterKey({ file, create: true })).not.toThrow("hunter2");
    chmodSync(folder, 0o700);
    expect(() => loadMasterKey({ file: folder, create: false })).toThrow("EISDIR");
  });

  it("is checked against the store it belongs to", async () => {
    const url = join(folder, "switchyard.db");
    await migrate(url);
    const store = await openStore({ url });
    const vault = createVault({ masterKey });
    await Promise.all([checkMasterKey(store, vault), checkMasterKey(store, vault)]);
    await checkMasterKey(store, createVault({ masterKey }));
    const wrong = checkMasterKey(store, createVault({ masterKey: randomBytes(32) }));
    await expect(wrong).rejects.toMatchObject({
      code: "secret_unreadable",
      message: expect.stringMatching(/^The master key [^\n]+$/),
    });
    await store.close();
  });
});
