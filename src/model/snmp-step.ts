/** SNMP object names and values in the one form in which they are compared, stored and sent. */
import { SwitchyardError } from "../errors.ts";
import type { SnmpEndpoint } from "./endpoint.ts";
import { holdsHandle } from "./handle.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import type { SnmpSet, SnmpStep } from "./plan.ts";
import { misshapen, objectOf, refuseUnknown } from "./step.ts";

const maxSets = 100;
const maxParts = 128;
const maxTextBytes = 65_000;

/** An object's name as numbers joined by dots, without a leading dot. */
export const oidOf = (raw: unknown): string => {
  const text = typeof raw === "string" ? raw.replace(/^\./, "") : "";
  const parts = text.split(".");
  const isSound = /^[0-2](?:\.(?:0|[1-9]\d{0,9}))+$/.test(text) && parts.every((part) => Number(part) <= 4_294_967_295);
  if (isSound && parts.length <= maxParts && (Number(parts[0]) === 2 || Number(parts[1]) < 40)) return text;
  throw misshapen(`Expected an object name such as "1.3.6.1.2.1.1.1.0", got ${JSON.stringify(raw ?? null)}.`);
};

type Range = readonly [min: number, max: number];
const unsigned: Range = [0, 4_294_967_295];
const ranges: Readonly<Record<string, Range>> = {
  Integer: [-2_147_483_648, 2_147_483_647],
  Counter: unsigned,
  Gauge: unsigned,
  TimeTicks: unsigned,
};

const numberOf = (value: Json | undefined, type: string, [min, max]: Range): number => {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw misshapen(`Expected a ${type} from ${min} to ${max}, got ${JSON.stringify(value ?? null)}.`);
};

const bytesOf = (value: Json | undefined, type: string): SnmpSet["value"] => {
  if (typeof value === "string" && Buffer.byteLength(value) <= maxTextBytes) return value;
  const hex = isJsonObject(value) ? value["hex"] : undefined;
  if (typeof hex === "string" && /^(?:[0-9a-f]{2})*$/i.test(hex) && hex.length <= maxTextBytes * 2)
    return { hex: hex.toLowerCase() };
  throw misshapen(`Expected a ${type} as a text, or as {hex: "..."}.`);
};

const matching = (value: Json | undefined, type: string, form: RegExp): string => {
  if (typeof value === "string" && form.test(value)) return value;
  throw misshapen(`Expected a ${type}, got ${JSON.stringify(value ?? null)}.`);
};

const settableOf = (type: string, value: Json | undefined): SnmpSet["value"] => {
  const range = Object.hasOwn(ranges, type) ? ranges[type] : undefined;
  if (range !== undefined) return numberOf(value, type, range);
  if (type === "OctetString" || type === "Opaque") return bytesOf(value, type);
  if (type === "ObjectIdentifier") return oidOf(value);
  if (type === "IpAddress") return matching(value, type, /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/);
  if (type === "Counter64") return matching(value, type, /^\d{1,20}$/);
  throw misshapen(`Expected the type of a value as one of ${snmpSetTypes.join(", ")}, got ${JSON.stringify(type)}.`);
};

/** Types of the values that can be set. */
export const snmpSetTypes = [
  ...[
    "Integer",
    "OctetString",
    "ObjectIdentifier",
    "IpAddress",
    "Counter",
    "Gauge",
    "TimeTicks",
    "Counter64",
    "Opaque",
  ],
] as const;

const setOf = (raw: Json): SnmpSet => {
  const set = objectOf(raw, "an entry of `set`");
  refuseUnknown(set, ["oid", "type", "value"], "an entry of `set`");
  if (holdsHandle(set)) {
    throw new SwitchyardError("handle_misplaced", {
      detail: "A secret stands in an SNMP value: over SNMP, secrets are placed by the manifest alone.",
    });
  }
  const type = String(set["type"]);
  return { oid: oidOf(set["oid"]), type, value: settableOf(type, set["value"]) };
};

/** Brings a driver's snmp step into its stored form. */
export const normaliseSnmp = (raw: JsonObject, endpoint: SnmpEndpoint): SnmpStep => {
  const sets: Json | undefined = raw["set"];
  if (!Array.isArray(sets) || sets.length === 0 || sets.length > maxSets) {
    throw misshapen(`Expected \`set\` as a list of 1 to ${maxSets} values.`);
  }
  return { transport: endpoint.name, set: sets.map(setOf) };
};
