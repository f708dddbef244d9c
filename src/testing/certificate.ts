/** Self-signed certificates made on the spot, without any program: for simulated devices and for contacts that must fail. */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { bits, der, integer, octets, oid, sequence, set, utcTime, utf8, yes } from "./der.ts";

export interface Certificate {
  readonly commonName: string;
  readonly keyPem: string;
  readonly pem: string;
  /** SHA-256 as Proxmox VE shows it: upper-case hex pairs with colons. */
  readonly fingerprint: string;
}

export interface CertificateFacts {
  readonly commonName: string;
  /** Host names and IPv4 addresses. */
  readonly names: readonly string[];
  readonly notBefore: number;
  readonly notAfter: number;
}

const ecdsaWithSha256 = sequence(oid("1.2.840.10045.4.3.2"));
const nameOf = (commonName: string): Buffer => sequence(set(sequence(oid("2.5.4.3"), utf8(commonName))));

const alternativeName = (name: string): Buffer =>
  isIP(name) === 4 ? der(0x87, Buffer.from(name.split(".").map(Number))) : der(0x82, Buffer.from(name));

const extensions = (names: readonly string[]): Buffer =>
  der(
    0xa3,
    sequence(
      sequence(oid("2.5.29.19"), yes, octets(sequence(yes))),
      sequence(oid("2.5.29.17"), octets(sequence(...names.map(alternativeName)))),
    ),
  );

const pemOf = (bytes: Buffer): string => {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
};

/** A certificate for an elliptic-curve key made for it; without an issuer it is its own authority. */
export const issue = (facts: CertificateFacts, issuer?: Certificate): Certificate => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const toSign = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(11)])),
    ecdsaWithSha256,
    nameOf(issuer?.commonName ?? facts.commonName),
    sequence(utcTime(facts.notBefore), utcTime(facts.notAfter)),
    nameOf(facts.commonName),
    publicKey.export({ type: "spki", format: "der" }),
    extensions(facts.names),
  );
  const signature = sign("sha256", toSign, issuer?.keyPem ?? privateKey);
  const pem = pemOf(sequence(toSign, ecdsaWithSha256, bits(signature)));
  return {
    commonName: facts.commonName,
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    pem,
    fingerprint: new X509Certificate(pem).fingerprint256,
  };
};

/** Whether a server can show it: its key fits, and it says of itself what it is. @throws what does not parse. */
export const isCertificate = ({ commonName, keyPem, pem, fingerprint }: Certificate): boolean => {
  const parsed = new X509Certificate(pem);
  const isNamed = typeof commonName === "string" && parsed.fingerprint256 === fingerprint;
  return isNamed && parsed.checkPrivateKey(createPrivateKey(keyPem));
};
