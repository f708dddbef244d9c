/** A driver's view of an SNMP agent: names in, values out. */
import type { SnmpSet } from "../model/plan.ts";
import type { Ask } from "./http-client.ts";

/** What a value is. The last three say that there is none. */
export type SnmpType =
  | "Boolean"
  | "Integer"
  | "BitString"
  | "OctetString"
  | "Null"
  | "ObjectIdentifier"
  | "IpAddress"
  | "Counter"
  | "Gauge"
  | "TimeTicks"
  | "Opaque"
  | "Counter64"
  | "NoSuchObject"
  | "NoSuchInstance"
  | "EndOfMibView";

/** One value of an agent under its name. */
export interface SnmpVarbind {
  /** Numbers joined by dots, without a dot before them. */
  readonly oid: string;
  /** What the value is, or why there is none. */
  readonly type: SnmpType;
  /**
   * Numbers for the number types (a Counter64 beyond 2^53 is a text of digits), dotted text for names and addresses,
   * text for an OctetString that is readable UTF-8, hexadecimal digits for one that is not; null when there is none.
   */
  readonly value: number | string | null;
  /** The bytes of an OctetString, exactly as they came. */
  bytes(): Uint8Array;
}

/** One row of a table. */
export interface SnmpRow {
  /** All that stands behind the column in the name: `3`, or `1.24` for a table with two indexes. */
  readonly index: string;
  /** By column number. What the agent does not have is absent. */
  readonly columns: Readonly<Record<number, SnmpVarbind>>;
}

/** How a read is done. */
export interface SnmpReadOptions {
  /** For the whole read, in milliseconds (default 60 s); each request has the manifest's own time-out and retries. */
  readonly timeout_ms?: number;
}

/** What came of a set: the agent takes all values or none. `error` is its refusal, null when it took them. */
export interface SnmpSetResult {
  /** What was asked to be set. */
  readonly set: readonly SnmpSet[];
  /** The agent's refusal in words; null when it took them. */
  readonly error: string | null;
}

/**
 * Object names are numbers joined by dots. Failures throw DriverError: `no_snmp_answer` (the host is down or the
 * community is wrong), `auth_failed` (version 3 tells which key), `connection_refused`, `permission_denied_remote`,
 * `protocol_mismatch`, `response_too_large` (more than 100,000 values), `device_error` (names that do not increase).
 */
export interface SnmpClient {
  /** The values of these objects, in this order. One that is not there has the type NoSuchObject or NoSuchInstance. */
  get(oids: readonly string[], options?: SnmpReadOptions): Promise<readonly SnmpVarbind[]>;
  /** Everything below a name, in order, asked for in bulk. */
  walk(oid: string, options?: SnmpReadOptions): Promise<readonly SnmpVarbind[]>;
  /**
   * Columns of a table as rows. `oid` names the table's entry.
   *
   * @example const ports = await this.transports.snmp.table("1.3.6.1.2.1.2.2.1", [2, 7, 8]);   // descr, admin, oper
   */
  table(oid: string, columns: readonly number[], options?: SnmpReadOptions): Promise<readonly SnmpRow[]>;
  /** Sets values: always a write, named `SET <oid>` or `SET <oid>.*` in `writes[]`. */
  set(set: readonly SnmpSet[]): Promise<SnmpSetResult>;
}

interface WireRows {
  readonly base: string;
  readonly names: readonly string[];
  readonly types: readonly number[];
  readonly values: readonly (number | string | null)[];
  readonly hex: readonly number[];
}

const types: Readonly<Record<number, SnmpType>> = {
  1: "Boolean",
  2: "Integer",
  3: "BitString",
  4: "OctetString",
  5: "Null",
  6: "ObjectIdentifier",
  64: "IpAddress",
  65: "Counter",
  66: "Gauge",
  67: "TimeTicks",
  68: "Opaque",
  70: "Counter64",
  128: "NoSuchObject",
  129: "NoSuchInstance",
  130: "EndOfMibView",
};

const bytesOf = (value: SnmpVarbind["value"], isHex: boolean): Uint8Array =>
  value === null ? new Uint8Array() : Buffer.from(String(value), isHex ? "hex" : "utf8");

const varbindsOf = ({ base, names, types: codes, values, hex }: WireRows): SnmpVarbind[] => {
  const isHex = new Set(hex);
  return names.map((name, index) => {
    const value = values[index] ?? null;
    return {
      oid: base + name,
      type: types[codes[index] ?? 5] ?? "Null",
      value,
      bytes: () => bytesOf(value, isHex.has(index)),
    };
  });
};

/** Rows in the order in which their indexes first came. */
const rowsOf = (found: readonly WireRows[], columns: readonly number[]): SnmpRow[] => {
  const rows = new Map<string, Record<number, SnmpVarbind>>();
  for (const [at, wire] of found.entries()) {
    const column = columns[at] ?? 0;
    for (const varbind of varbindsOf(wire)) {
      const index = varbind.oid.slice(wire.base.length);
      const row = rows.get(index) ?? {};
      row[column] = varbind;
      rows.set(index, row);
    }
  }
  return [...rows].map(([index, row]) => ({ index, columns: row }));
};

/** A client of the endpoint that the manifest calls `transport`. */
export const createSnmpClient = (ask: Ask, transport: string): SnmpClient => ({
  get: async (oids, options = {}) => varbindsOf((await ask("snmp.get", { ...options, transport, oids })) as WireRows),
  walk: async (oid, options = {}) => varbindsOf((await ask("snmp.walk", { ...options, transport, oid })) as WireRows),
  table: async (oid, columns, options = {}) =>
    rowsOf((await ask("snmp.table", { ...options, transport, oid, columns })) as readonly WireRows[], columns),
  set: async (set) => (await ask("snmp.set", { transport, set })) as SnmpSetResult,
});
