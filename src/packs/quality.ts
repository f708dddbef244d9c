/** The report of a check that a pack carries: which tier this very content reached. */
import type { PackFile } from "../model/integration-type.ts";
import { isJsonObject } from "../model/json.ts";
import { type Quality, tiers } from "../model/quality.ts";
import { releaseDigest } from "./digest.ts";
import { signatureFile } from "./signature.ts";

/** Beside the manifest. */
export const reportFile = "quality.json";
export const reportVersion = 1;

const maxReportBytes = 64 * 1024;
const checkName = /^[a-z][a-z_]{0,40}$/;

/** Of all files but the report, which names it, and the signature, which comes after it. */
export const checkedDigest = (files: readonly PackFile[]): string =>
  releaseDigest(files.filter(({ path }) => path !== reportFile && path !== signatureFile));

const documentOf = ({ bytes }: PackFile): unknown => {
  if (bytes.length > maxReportBytes) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
};

/** What the report says, when it is of this content; `null` without one, and when anything has changed since. */
export const qualityIn = (files: readonly PackFile[]): Quality | null => {
  const file = files.find(({ path }) => path === reportFile);
  const report = file === undefined ? undefined : documentOf(file);
  if (!isJsonObject(report) || report["switchyard_quality"] !== reportVersion) return null;
  const { digest, tier, missing } = report;
  const known = tiers.find((name) => name === tier) ?? null;
  if (!Array.isArray(missing) || digest !== checkedDigest(files)) return null;
  const names = missing.filter((name): name is string => typeof name === "string" && checkName.test(name));
  return { tier: known, missing: names.slice(0, 50) };
};
