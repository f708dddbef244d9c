/** Ids with a prefix: sortable by time, unguessable enough to be unique across hosts, never a secret. */
import { randomBytes } from "node:crypto";

export type IdPrefix = "job" | "ins" | "pln" | "tok" | "sch" | "wrk" | "aud" | "upl";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

const encodeTime = (timeMs: number): string => {
  let rest = timeMs;
  let text = "";
  for (let position = 0; position < 10; position += 1) {
    text = alphabet[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  return text;
};

/**
 * A new id such as `job_01jd0c9m2k7v3q8x5r1t6w4y2z`: 10 characters of time (ms since 1970) and 16 random ones.
 * @param timeMs what the caller's clock says.
 */
export const newId = (prefix: IdPrefix, timeMs: number): string => {
  let text = `${prefix}_${encodeTime(timeMs)}`;
  for (const byte of randomBytes(16)) text += alphabet[byte % 32];
  return text;
};
