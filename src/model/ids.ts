/** Ids with a prefix: sortable by time, unguessable enough to be unique across hosts, never a secret. */
import { randomUUID } from "node:crypto";

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

/** Where the ids that were made at this time or later (milliseconds since 1970) begin, as they sort. */
export const firstIdAt = (prefix: IdPrefix, timeMs: number): string =>
  `${prefix}_${encodeTime(Math.min(Math.max(0, Math.floor(timeMs)), 32 ** 10 - 1))}${"0".repeat(16)}`;

/** The times that ids with this beginning were made at, as `[from, before)`; null when it is no beginning of an id. */
export const timesOf = (beginning: string): readonly [number, number] | null => {
  const text = /^[a-z]{3}_([0-9a-hjkmnp-tv-z]{1,26})$/.exec(beginning)?.[1]?.slice(0, 10);
  if (text === undefined) return null;
  const value = [...text].reduce((sum, letter) => sum * 32 + alphabet.indexOf(letter), 0);
  const span = 32 ** (10 - text.length);
  return [value * span, (value + 1) * span];
};

/** 80 random bits as 16 characters. Of a random UUID the digits 12 and 16 are not all chance; Node draws these in bulk. */
const randomText = (): string => {
  const digits = randomUUID().replaceAll("-", "");
  const chance = digits.slice(0, 12) + digits.slice(24);
  let text = "";
  for (let place = 0; place < 20; place += 5) {
    const bits = Number.parseInt(chance.slice(place, place + 5), 16);
    for (let shift = 15; shift >= 0; shift -= 5) text += alphabet[(bits >> shift) & 31];
  }
  return text;
};

/**
 * A new id such as `job_01jd0c9m2k7v3q8x5r1t6w4y2z`: 10 characters of time (ms since 1970) and 16 random ones.
 * @param timeMs what the caller's clock says.
 */
export const newId = (prefix: IdPrefix, timeMs: number): string => `${prefix}_${encodeTime(timeMs)}${randomText()}`;
