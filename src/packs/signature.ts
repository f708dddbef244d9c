/** Who vouches for a pack: an Ed25519 signature over its content, as a file of the pack itself. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { SwitchyardError } from "../errors.ts";
import type { PackFile } from "../model/integration-type.ts";
import { isJsonObject, type Json } from "../model/json.ts";
import { releaseDigest } from "./digest.ts";

/** At the top of the pack. */
export const signatureFile = "signature.json";
const mostBytes = 4096;

/** A key whose signatures count, under the name that people see. */
export interface TrustedKey {
  readonly name: string;
  /** The 32 bytes of the public key as base64url, 43 characters. */
  readonly key: string;
}

export interface SignaturePolicy {
  /** Packs that we do not ship must be signed by a trusted key. */
  readonly isRequired: boolean;
  readonly trusted: readonly TrustedKey[];
}

const invalid = (detail: string, cause?: unknown): SwitchyardError =>
  new SwitchyardError("pack_signature_invalid", { detail, ...(cause === undefined ? {} : { cause }) });

const unsigned = (files: readonly PackFile[]): readonly PackFile[] =>
  files.filter(({ path }) => path !== signatureFile);

/** The content without the signature itself; the words before it keep the key's other signatures apart. */
const statementOf = (files: readonly PackFile[]): Buffer =>
  Buffer.from(`switchyard pack signature 1\n${releaseDigest(unsigned(files))}\n`);

const publicKeyOf = (key: string): KeyObject => {
  try {
    return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: key }, format: "jwk" });
  } catch (thrown) {
    throw invalid(`Expected an Ed25519 key in ${signatureFile}, got something else.`, thrown);
  }
};

const parse = (bytes: Uint8Array): Json => {
  if (bytes.length > mostBytes)
    throw invalid(`Expected at most ${mostBytes} bytes in ${signatureFile}, got ${bytes.length}.`);
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as Json;
  } catch (thrown) {
    throw invalid(`Expected JSON in ${signatureFile}, got something else.`, thrown);
  }
};

const partsOf = (bytes: Uint8Array): { readonly key: string; readonly signature: Buffer } => {
  const document = parse(bytes);
  const { algorithm, key, signature } = isJsonObject(document) ? document : {};
  if (algorithm !== "ed25519" || typeof key !== "string" || typeof signature !== "string") {
    throw invalid(`Expected {algorithm: "ed25519", key, signature} in ${signatureFile}, got another form.`);
  }
  return { key, signature: Buffer.from(signature, "base64url") };
};

/**
 * The key that signed exactly this content, as base64url; null when nobody did.
 * @throws SwitchyardError `pack_signature_invalid` when there is a signature that does not hold.
 */
export const signingKeyOf = (files: readonly PackFile[]): string | null => {
  const file = files.find(({ path }) => path === signatureFile);
  if (file === undefined) return null;
  const { key, signature } = partsOf(file.bytes);
  if (verify(null, statementOf(files), publicKeyOf(key), signature)) return key;
  throw invalid(
    "The pack is not what was signed: a file was changed, added or taken away. Get it again from its author.",
  );
};

/** The name of the trusted key that signed the pack; null when nobody, or a stranger, did. */
export const signerOf = (files: readonly PackFile[], { trusted }: SignaturePolicy): string | null => {
  const key = signingKeyOf(files);
  return trusted.find((known) => known.key === key)?.name ?? null;
};

/** @throws SwitchyardError `pack_signature_invalid` when the signature does not hold, or the policy asks for another. */
export const assertSignature = (files: readonly PackFile[], policy: SignaturePolicy): void => {
  const key = signingKeyOf(files);
  if (!policy.isRequired || policy.trusted.some((known) => known.key === key)) return;
  const seen = key === null ? "it is not signed" : `it is signed by the key ${key}, which is not trusted`;
  throw invalid(
    `Expected a pack that a trusted key signed, but ${seen}. An admin can add the key to SWITCHYARD_TRUSTED_KEYS.`,
  );
};

/** An author's private key. @throws SwitchyardError `pack_signature_invalid` when it is no Ed25519 key in PEM. */
export const readSigningKey = (pem: string): KeyObject => {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch (thrown) {
    throw invalid("Expected a private Ed25519 key in PEM, got something that cannot be read as one.", thrown);
  }
  throw invalid("Expected a private Ed25519 key, got one of another kind.");
};

/** The public half as it stands in SWITCHYARD_TRUSTED_KEYS. */
export const publicText = (key: KeyObject): string => createPublicKey(key).export({ format: "jwk" }).x ?? "";

/** The files with a signature over them, in the place of an older one. */
export const signed = (files: readonly PackFile[], key: KeyObject): readonly PackFile[] => {
  const signature = sign(null, statementOf(files), key).toString("base64url");
  const text = `${JSON.stringify({ algorithm: "ed25519", key: publicText(key), signature })}\n`;
  return [...unsigned(files), { path: signatureFile, bytes: Buffer.from(text) }];
};
