/** How much of what comes of a job is kept, and what stands in the place of more. */
import { SwitchyardError } from "../errors.ts";
import type { Json, JsonObject } from "./json.ts";

/** Bytes of a result, as JSON. */
export const maxResultBytes = 1024 * 1024;
/** The same of an error's details; its text in characters. */
export const maxErrorBytes = { details: 64 * 1024, detail: 16 * 1024 } as const;

const bytesOf = (value: Json | undefined): number => Buffer.byteLength(JSON.stringify(value) ?? "");

/**
 * Holds back what a driver answers at too great a length.
 * @throws SwitchyardError `response_too_large`
 */
export const requireSmall = (whose: string, answer: Json): void => {
  const bytes = bytesOf(answer);
  if (bytes <= maxResultBytes) return;
  throw new SwitchyardError("response_too_large", {
    detail: `${whose} is larger than the 1 MiB that a job keeps as its result. Ask for less at once; what is long by nature is kept by the driver as a file of the job (this.artifact).`,
    details: { bytes, max_bytes: maxResultBytes },
  });
};

const shownText = 500;

const stump = (name: string, value: Json, bytes: number): Json => {
  if (typeof value === "string") return value.slice(0, shownText);
  return { ...(name === "effects" ? { per_target: [] } : {}), cut: true, bytes };
};

/** What must be told whatever its size: without its details, then without its largest members, until it fits. */
export const cutTo = (most: number, whole: JsonObject): JsonObject => {
  let left = bytesOf(whole);
  if (left <= most) return whole;
  const kept: Record<string, Json> = { ...whole };
  const rank = (name: string, value: Json): number => (name === "details" ? Number.MAX_VALUE : bytesOf(value));
  const members = Object.entries(whole).map(([name, value]) => ({ name, value, rank: rank(name, value) }));
  for (const { name, value } of members.sort((one, other) => other.rank - one.rank)) {
    if (left <= most) break;
    const bytes = bytesOf(value);
    const short = stump(name, value, bytes);
    kept[name] = short;
    left += bytesOf(short) - bytes;
  }
  return kept;
};
