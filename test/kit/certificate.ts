/** Self-signed certificates made for one test. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** SHA-256, 64 lower-case hexadecimal digits. */
  readonly fingerprint: string;
}

/** A self-signed certificate for the given subject alternative names (`DNS:name`, `IP:address`). */
export const makeCertificate = (...names: readonly string[]): Certificate => {
  const dir = mkdtempSync(join(tmpdir(), "certificate-"));
  try {
    const [keyFile, certFile] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    const subject = ["-subj", "/CN=device", "-addext", `subjectAltName=${names.join(",")}`];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
    execFileSync("openssl", ["req", "-x509", ...key, "-out", certFile, "-days", "2", ...subject], { stdio: "ignore" });
    const cert = readFileSync(certFile, "utf8");
    const fingerprint = new X509Certificate(cert).fingerprint256.replaceAll(":", "").toLowerCase();
    return { cert, key: readFileSync(keyFile, "utf8"), fingerprint };
  } finally {
    rmSync(dir, { recursive: true });
  }
};
