/** Signatures of packs: over exactly the content, by keys that the admin trusts, and in the type who it was. */
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { checkedDigest } from "../../src/packs/quality.ts";
import { publicText, readSigningKey, signed, signerOf, signingKeyOf } from "../../src/packs/signature.ts";
import { codeOf } from "../kit/code-of.ts";
import { lampPack, openPackBench, type PackBench } from "../kit/pack-bench.ts";

const newKey = () => generateKeyPairSync("ed25519").privateKey;
const file = (path: string, text: string) => ({ path, bytes: Buffer.from(text) });
const files = [file("plugin.yaml", "id: acme.lamp\n"), file("driver.ts", "export class D {}\n")];
const key = newKey();
const trusted = [{ name: "acme", key: publicText(key) }];
const policy = { isRequired: true, trusted };

describe("a signature", () => {
  it("names its key, and the trusted one by its name", () => {
    const own = signed(files, key);
    expect(signingKeyOf(own)).toBe(publicText(key));
    expect(signerOf(own, policy)).toBe("acme");
    expect(signerOf(signed(files, newKey()), policy)).toBeNull();
    expect(signingKeyOf(files)).toBeNull();
  });

  it("holds wherever the files stand in the archive, and is renewed in the place of an older one", () => {
    expect(signingKeyOf(signed(files, key).toReversed())).toBe(publicText(key));
    const other = newKey();
    const again = signed(signed(files, key), other);
    expect(again.filter(({ path }) => path === "signature.json")).toHaveLength(1);
    expect(signingKeyOf(again)).toBe(publicText(other));
  });

  it("leaves the report of a check what it is, and vouches for it", () => {
    expect(checkedDigest(signed(files, key))).toBe(checkedDigest(files));
    const reported = signed([...files, file("quality.json", "{}")], key);
    const changed = reported.map((one) => (one.path === "quality.json" ? file("quality.json", "{ }") : one));
    expect(codeOf(() => signingKeyOf(changed))).toBe("pack_signature_invalid");
  });

  const own = signed(files, key);
  const [signature] = own.filter(({ path }) => path === "signature.json");
  const text = Buffer.from(signature!.bytes).toString();
  const withSignature = (changed: string) => [...files, file("signature.json", changed)];
  it.each([
    ["a changed file", own.map((one) => (one.path === "driver.ts" ? file("driver.ts", "export class E {}\n") : one))],
    ["a file more", [...own, file("more.ts", "")]],
    ["a file less", own.filter(({ path }) => path !== "driver.ts")],
    ["a file of another name", own.map((one) => (one.path === "driver.ts" ? { ...one, path: "other.ts" } : one))],
    ["another key", withSignature(text.replace(publicText(key), publicText(newKey())))],
    ["no JSON", withSignature("signed, me")],
    ["a list", withSignature("[]")],
    ["another algorithm", withSignature(text.replace("ed25519", "none"))],
    ["a key that is none", withSignature(text.replace(publicText(key), "short"))],
    ["no signature", withSignature(JSON.stringify({ algorithm: "ed25519", key: publicText(key), signature: "" }))],
    ["a megabyte", withSignature(" ".repeat(1024 * 1024))],
  ])("does not hold with %s", (_, changed) => {
    expect(codeOf(() => signingKeyOf(changed))).toBe("pack_signature_invalid");
  });

  it("is made with an Ed25519 key only", () => {
    const pem = (type: "ed25519" | "x25519") =>
      (type === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("x25519")).privateKey
        .export({ type: "pkcs8", format: "pem" })
        .toString();
    expect(publicText(readSigningKey(pem("ed25519")))).toMatch(/^[\w-]{43}$/);
    expect(codeOf(() => readSigningKey(pem("x25519")))).toBe("pack_signature_invalid");
    expect(codeOf(() => readSigningKey("no key"))).toBe("pack_signature_invalid");
  });
});

describe("the settings about signatures", () => {
  const load = (environment: Record<string, string>) => loadConfig(environment, import.meta.dirname);
  it("hold names and keys, and give a key without a name one", () => {
    const [first, second] = [publicText(key), publicText(newKey())];
    const { trustedKeys, packSignatures } = load({
      SWITCHYARD_TRUSTED_KEYS: `acme=${first}, ${second}`,
      SWITCHYARD_PACK_SIGNATURES: "require",
    });
    expect({ trustedKeys, packSignatures }).toEqual({
      trustedKeys: [
        { name: "acme", key: first },
        { name: `ed25519:${second.slice(0, 12)}`, key: second },
      ],
      packSignatures: "require",
    });
  });

  it.each([
    ["a key that is too short", { SWITCHYARD_TRUSTED_KEYS: "acme=abc" }, /SWITCHYARD_TRUSTED_KEYS/],
    [
      "a signature that nobody could give",
      { SWITCHYARD_PACK_SIGNATURES: "require" },
      /SWITCHYARD_TRUSTED_KEYS as well/,
    ],
  ])("refuse %s", (_, environment, words) => {
    expect(() => load(environment)).toThrow(words);
  });
});

describe("installing", () => {
  let bench: PackBench;
  beforeAll(async () => {
    bench = await openPackBench();
  });
  afterAll(() => bench.close());

  const signedPack = (by = key): Record<string, string> => {
    const pack = Object.entries(lampPack()).map(([path, content]) => file(path, content));
    return Object.fromEntries(signed(pack, by).map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]));
  };
  const signer = async () => (await bench.typeOf())?.signedBy;

  it("refuses unsigned packs and strangers where a signature is required, and shows who signed", async () => {
    const required = { signatures: policy };
    expect((await bench.install(lampPack(), {}, required)).error).toMatchObject({ code: "pack_signature_invalid" });
    const strange = await bench.install(signedPack(newKey()), {}, required);
    expect(strange.error).toMatchObject({
      code: "pack_signature_invalid",
      message: expect.stringMatching(/not trusted/),
    });
    expect(await signer()).toBeUndefined();
    expect((await bench.install(signedPack(), {}, required)).error).toBeNull();
    expect(await signer()).toBe("acme");
  });

  it("takes unsigned packs elsewhere, and no broken signature anywhere", async () => {
    const allowed = { signatures: { isRequired: false, trusted } };
    const broken = { ...lampPack(), "signature.json": "{}" };
    expect((await bench.install(broken, { replace: true }, allowed)).error).toMatchObject({
      code: "pack_signature_invalid",
    });
    expect((await bench.install(lampPack(), { replace: true }, allowed)).error).toBeNull();
    expect(await signer()).toBeNull();
  });
});
