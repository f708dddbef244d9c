/** Plain JSON and nothing else: checks values that cross the sandbox, without trusting a getter, a cycle or a key. */
import type { Json } from "../model/json.ts";
import { mostValues } from "./wire.ts";

/** Where a value stops being plain JSON. */
export interface PlainFault {
  /** JSON Pointer. */
  readonly pointer: string;
  /** "expected ... got ...". */
  readonly message: string;
}

export type PlainResult =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly fault: PlainFault };

/** Deeper values would overflow the stack of those who walk them. */
const deepest = 100;

interface Walk {
  path: string[];
  values: number;
}

class NotPlain extends Error {}

const escapePointer = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

const nameOf = (value: unknown): string => {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value === "number" ? String(value) : `a ${typeof value}`;
  const maker: unknown = value.constructor;
  return typeof maker === "function" && maker.name !== "" ? `a ${maker.name}` : "an object of a class";
};

const refuse = (got: string): never => {
  throw new NotPlain(`expected plain JSON, got ${got}`);
};

const refuseWide = (): never => refuse(`more than ${mostValues} values`);

const copyArray = (items: readonly unknown[], walk: Walk): Json[] => {
  const copy: Json[] = [];
  const { length } = items;
  if (walk.values + length > mostValues) refuseWide();
  for (let index = 0; index < length; index += 1) {
    walk.path.push(String(index));
    copy.push(copyValue(items[index], walk));
    walk.path.pop();
  }
  return copy;
};

/** `__proto__` would change the prototype of whoever assigns it on; no device needs such a key. */
const copyObject = (object: object, walk: Walk): Json => {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== null && prototype !== Object.prototype) refuse(nameOf(object));
  const copy: Record<string, Json> = {};
  for (const key of Object.keys(object)) {
    walk.path.push(key);
    if (key === "__proto__") refuse("the key __proto__");
    const value = (object as Record<string, unknown>)[key];
    if (value !== undefined) copy[key] = copyValue(value, walk);
    walk.path.pop();
  }
  return copy;
};

const copyNumber = (value: number): Json => (Number.isFinite(value) ? value : refuse(String(value)));

const copyValue = (value: unknown, walk: Walk): Json => {
  walk.values += 1;
  if (walk.values > mostValues) refuseWide();
  if (walk.path.length > deepest) refuse(`more than ${deepest} levels (or a cycle)`);
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return copyNumber(value);
  if (typeof value !== "object") return refuse(nameOf(value));
  return Array.isArray(value) ? copyArray(value, walk) : copyObject(value, walk);
};

const pointerOf = (path: readonly string[]): string => {
  const shown = path.length > 12 ? [...path.slice(0, 12), "..."] : path;
  return shown.map((key) => `/${escapePointer(key)}`).join("");
};

/**
 * A copy of a value as plain JSON, or the first place where it is not: functions, class instances, NaN, big integers,
 * cycles, `__proto__`. Properties that are undefined are left out, an undefined value itself is null.
 */
export const copyPlain = (value: unknown): PlainResult => {
  const walk: Walk = { path: [], values: 0 };
  try {
    return { ok: true, value: copyValue(value === undefined ? null : value, walk) };
  } catch (thrown) {
    const message =
      thrown instanceof NotPlain ? thrown.message : "expected plain JSON, got a value that throws when it is read";
    return { ok: false, fault: { pointer: pointerOf(walk.path), message } };
  }
};

const soundNode = (value: object, depth: number): string | null => {
  if (depth > deepest) return `more than ${deepest} levels`;
  const isArray = Array.isArray(value);
  if (!isArray && Object.hasOwn(value, "__proto__")) return "the key __proto__";
  for (const child of isArray ? value : Object.values(value)) {
    if (typeof child !== "object" || child === null) continue;
    const fault = soundNode(child, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
};

/** What is wrong with a value fresh from JSON.parse (too deep, a `__proto__` key), or null. */
export const unsoundness = (value: unknown): string | null =>
  typeof value === "object" && value !== null ? soundNode(value, 0) : null;
