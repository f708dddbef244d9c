/** Replaces what `redact:` names by stand-ins: the same value by the same one everywhere, so that joins still work. */
import { isIP } from "node:net";
import { isJsonObject, type Json } from "../model/json.ts";
import { linearRegExp } from "../model/linear-pattern.ts";
import type { Manifest } from "../model/manifest.ts";
import { itemsOf } from "../model/transport-block.ts";
import type { Recording } from "./format.ts";

interface Rules {
  /** Pointers as their parts; `*` stands for any one member. */
  readonly pointers: readonly (readonly string[])[];
  readonly patterns: readonly { exec(text: string): readonly (string | null)[] | undefined }[];
}

type Secretive = string | number;

const rulesOf = (manifest: Manifest): Rules => {
  const texts = Object.values(manifest.transports ?? {})
    .flatMap(({ redact }) => itemsOf(redact))
    .filter((entry) => typeof entry === "string");
  const parts = (pointer: string): readonly string[] =>
    pointer
      .slice(1)
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return {
    pointers: texts.filter((text) => text.startsWith("/")).map(parts),
    patterns: texts.filter((text) => !text.startsWith("/")).map(linearRegExp),
  };
};

const parsed = (text: string): Json | undefined => {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
};

const isScalar = (value: Json): value is Secretive =>
  (typeof value === "string" && value !== "") || typeof value === "number";

const membersOf = (value: Json): readonly (readonly [string, Json])[] =>
  typeof value === "object" && value !== null ? Object.entries(value) : [];

/** All that lies at a pointer, and below it. */
const valuesAt = (value: Json, [part, ...rest]: readonly string[]): readonly Secretive[] => {
  if (part === undefined) {
    return isScalar(value) ? [value] : membersOf(value).flatMap(([, member]) => valuesAt(member, []));
  }
  const named = membersOf(value).filter(([name]) => part === "*" || part === name);
  return named.flatMap(([, member]) => valuesAt(member, rest));
};

/** Collects the values that the rules find: pointers look into a document, and into JSON that stands in its texts. */
const createFinder = ({ pointers, patterns }: Rules, found: Set<Secretive>) => {
  /** Every match of the pattern; its first group, where it has one. */
  const match = (text: string): void => {
    for (const pattern of patterns) {
      let left = text;
      for (let hit = pattern.exec(left); hit?.[0]; hit = pattern.exec(left)) {
        found.add(hit[1] || hit[0]);
        left = left.slice(left.indexOf(hit[0]) + hit[0].length);
      }
    }
  };
  const look = (value: Json): void => {
    for (const pointer of pointers) for (const hit of valuesAt(value, pointer)) found.add(hit);
    walk(value);
  };
  const walk = (value: Json): void => {
    if (typeof value === "string") {
      match(value);
      const inner = parsed(value);
      if (inner !== undefined) look(inner);
    } else for (const [, member] of membersOf(value)) walk(member);
  };
  return look;
};

const standInFor = (value: Secretive, index: number): Secretive => {
  if (typeof value === "number") return 900_000 + index;
  if (isIP(value) === 4) return `192.0.2.${(index % 254) + 1}`;
  if (isIP(value) === 6) return `2001:db8::${index.toString(16)}`;
  if (/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(value)) return `02:00:00:00:${hex(index >> 8)}:${hex(index & 255)}`;
  return `redacted-${index}`;
};
const hex = (byte: number): string => byte.toString(16).padStart(2, "0");

/** A text shorter than this is replaced only where it stands alone: inside others it may mean anything. */
const shortest = 4;

const replacer = (standIns: ReadonlyMap<Secretive, Secretive>) => {
  const long = [...standIns]
    .filter((pair): pair is [string, Secretive] => typeof pair[0] === "string" && pair[0].length >= shortest)
    .sort(([one], [other]) => other.length - one.length);
  const inText = (text: string): string => {
    const whole = standIns.get(text);
    if (whole !== undefined) return String(whole);
    const inner = parsed(text);
    const changed = inner === undefined ? inner : walk(inner);
    // Numbers in JSON stand in no quotes: they are found in the document, not in its text.
    const isSame = changed === undefined || JSON.stringify(inner) === JSON.stringify(changed);
    const plain = isSame ? text : JSON.stringify(changed);
    return long.reduce((clean, [value, standIn]) => clean.replaceAll(value, String(standIn)), plain);
  };
  const walk = (value: Json): Json => {
    if (typeof value === "string") return inText(value);
    if (typeof value === "number") return standIns.get(value) ?? value;
    if (Array.isArray(value)) return value.map(walk);
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [inText(name), walk(member)]));
  };
  return walk;
};

/** The recording with every value that `redact:` names replaced, wherever it stands: in requests, answers and results. */
export const withStandIns = (recording: Recording, manifest: Manifest): Recording => {
  const found = new Set<Secretive>();
  const look = createFinder(rulesOf(manifest), found);
  for (const { exchanges } of recording.calls) {
    for (const { request, answer } of exchanges) for (const document of [request, answer ?? null]) look(document);
  }
  if (found.size === 0) return recording;
  const replace = replacer(new Map([...found].map((value, index) => [value, standInFor(value, index + 1)])));
  const config = replace(recording.head.config) as Recording["head"]["config"];
  const calls = recording.calls.map(({ call, exchanges, ...end }) => ({
    call: replace(call) as string,
    exchanges: exchanges.map((exchange) => ({
      ...exchange,
      request: replace(exchange.request),
      ...(exchange.answer === undefined ? {} : { answer: replace(exchange.answer) }),
    })),
    ...(replace(end as unknown as Json) as unknown as typeof end),
  }));
  return { head: { ...recording.head, config }, calls };
};
