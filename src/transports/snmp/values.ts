/** SNMP values on their way to and from a driver: numbers, texts, and bytes as hexadecimal digits. */

import { isUtf8 } from "node:buffer";
import type { SnmpSet } from "../../model/plan.ts";
import { isReadShallowly } from "../../model/readings.ts";

/** A named value as the library has it. */
export interface RawVarbind {
  readonly oid: string;
  readonly type: number;
  readonly value: unknown;
}

export const objectTypes = {
  integer: 2,
  bitString: 3,
  octetString: 4,
  null: 5,
  oid: 6,
  ipAddress: 64,
  counter: 65,
  gauge: 66,
  timeTicks: 67,
  opaque: 68,
  counter64: 70,
  noSuchObject: 128,
  noSuchInstance: 129,
  endOfMibView: 130,
} as const;

/** Whether bytes are a text that a person could have typed, so that they are the same when they are encoded again. */
const isText = (bytes: Buffer): boolean => {
  for (const byte of bytes) if ((byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) || byte === 127) return false;
  return isUtf8(bytes);
};

/** Many values in few arrays: the quickest form through a line of JSON. `hex` counts the rows whose value is hexadecimal. */
export interface WireRows {
  /** What all names begin with; the names stand without it. */
  readonly base: string;
  readonly names: string[];
  readonly types: number[];
  readonly values: (number | string | null)[];
  readonly hex: number[];
}

export const emptyRows = (base: string): WireRows => ({ base, names: [], types: [], values: [], hex: [] });

const counterOf = (bytes: Buffer): number | string => {
  const value = BigInt(`0x${bytes.toString("hex") || "0"}`);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
};

const plainOf = ({ type, value }: RawVarbind): number | string | null => {
  if (type === objectTypes.counter64 && Buffer.isBuffer(value)) return counterOf(value);
  if (typeof value === "number" || typeof value === "string") return value;
  return typeof value === "boolean" ? Number(value) : null;
};

/** Adds a value to the rows. Its name begins with their base. */
export const addRow = (rows: WireRows, varbind: RawVarbind): void => {
  rows.names.push(varbind.oid.slice(rows.base.length));
  rows.types.push(varbind.type);
  const { value } = varbind;
  if (!Buffer.isBuffer(value) || varbind.type === objectTypes.counter64) rows.values.push(plainOf(varbind));
  else if (isText(value)) rows.values.push(value.toString("utf8"));
  else {
    rows.hex.push(rows.values.length);
    rows.values.push(value.toString("hex"));
  }
};

/** Puts handles where a device echoes secrets; one look at all texts together is enough for most answers. */
export const putBackRows = (rows: WireRows, putBack: (text: string) => string): WireRows => {
  const whole = rows.values.filter((value) => typeof value === "string").join("\n");
  if (putBack(whole) === whole && !isReadShallowly(whole)) return rows;
  return { ...rows, values: rows.values.map((value) => (typeof value === "string" ? putBack(value) : value)) };
};

const setTypes: Readonly<Record<string, number>> = {
  Integer: objectTypes.integer,
  OctetString: objectTypes.octetString,
  ObjectIdentifier: objectTypes.oid,
  IpAddress: objectTypes.ipAddress,
  Counter: objectTypes.counter,
  Gauge: objectTypes.gauge,
  TimeTicks: objectTypes.timeTicks,
  Counter64: objectTypes.counter64,
  Opaque: objectTypes.opaque,
};

const counterBytes = (digits: string): Buffer => {
  const hex = BigInt(digits).toString(16);
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  // A leading bit would make it negative.
  return Buffer.from(Number.parseInt(even.slice(0, 2), 16) > 127 ? `00${even}` : even, "hex");
};

const setValue = ({ type, value }: SnmpSet): unknown => {
  if (typeof value === "object") return Buffer.from(value.hex, "hex");
  if (type === "OctetString" || type === "Opaque") return Buffer.from(String(value));
  return type === "Counter64" ? counterBytes(String(value)) : value;
};

/** A value of a step as the library takes it. */
export const toRaw = (set: SnmpSet): RawVarbind => ({
  oid: set.oid,
  type: setTypes[set.type] ?? 0,
  value: setValue(set),
});

/** The number that begins at `start` of a name. */
const numberAt = (text: string, start: number): number => {
  const end = text.indexOf(".", start);
  return Number(end < 0 ? text.slice(start) : text.slice(start, end));
};

/** Whether `after` comes later than `before` in the order of names, number by number. */
export const isLater = (after: string, before: string): boolean => {
  const length = Math.min(after.length, before.length);
  let at = 0;
  while (at < length && after.charCodeAt(at) === before.charCodeAt(at)) at += 1;
  if (at === length) return after.length > before.length;
  const start = after.lastIndexOf(".", at - 1) + 1;
  return numberAt(after, start) > numberAt(before, start);
};
