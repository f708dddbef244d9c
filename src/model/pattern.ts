/** Patterns of the manifest: which requests are reads, which writes a capability may make. */
import { canonicalJson } from "./canonical.ts";
import { isJsonObject, type Json } from "./json.ts";
import type { ReadPattern, WritePattern } from "./manifest.ts";
import { pathReadings } from "./path.ts";
import { valueAt } from "./pointer.ts";

/** What `{verb}` and `{target}` stand for in a call; empty in patterns that may not hold them. */
export interface Blanks {
  readonly verb?: string;
  readonly target?: string;
}

type Token = "any" | { readonly text: string };

export interface HttpPattern {
  readonly method: string;
  /** Segments of the path, each a run of literal texts and wildcards. */
  readonly segments: readonly (readonly Token[])[];
  readonly anyQuery: boolean;
  readonly body: readonly (readonly [pointer: string, expected: Json])[];
}
export interface LinePattern {
  readonly matches: (line: string) => boolean;
}
/** What a device is expected to answer: `*` is any text. */
export interface AnswerPattern {
  readonly source: string;
  readonly matches: (line: string) => boolean;
}

/** What of an http request patterns look at. */
export interface MatchableRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: readonly unknown[];
  readonly json?: Json;
}

const tokensOf = (source: string, blanks: Blanks, encode: (text: string) => string): readonly Token[] =>
  source
    .split(/(\*|\{verb\}|\{target\})/)
    .filter((piece) => piece !== "")
    .map((piece) => {
      if (piece === "*") return "any";
      if (piece === "{verb}") return { text: encode(blanks.verb ?? piece) };
      return { text: piece === "{target}" ? encode(blanks.target ?? piece) : piece };
    });

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** What a wildcard may stand for: how many characters at least, and whether `text.slice(start, end)` will do. */
interface Wildcard {
  readonly min: 0 | 1;
  readonly fits: (text: string, start: number, end: number) => boolean;
}

/**
 * Each literal is looked for as early as possible: linear, and at worst it refuses an odd line that a later place of
 * the literal would have let through.
 */
const matchTokens = (tokens: readonly Token[], sent: string, { min, fits }: Wildcard): boolean => {
  let position = 0;
  let isOpen = false;
  for (const [index, token] of tokens.entries()) {
    if (token === "any") {
      isOpen = true;
      continue;
    }
    const found = placeOf(token.text, sent, { position, isOpen, min, isLast: index === tokens.length - 1 });
    if (found < position || (isOpen && !fits(sent, position, found))) return false;
    position = found + token.text.length;
    isOpen = false;
  }
  return isOpen ? fits(sent, position, sent.length) : position === sent.length;
};

interface Search {
  readonly position: number;
  readonly isOpen: boolean;
  readonly isLast: boolean;
  readonly min: number;
}
const placeOf = (literal: string, sent: string, { position, isOpen, isLast, min }: Search): number => {
  if (!isOpen) return sent.startsWith(literal, position) ? position : -1;
  if (!isLast) return sent.indexOf(literal, position + min);
  return sent.endsWith(literal) ? sent.length - literal.length : -1;
};

/** In a path a wildcard never swallows a separator that only some servers see. */
const segmentWildcard: Wildcard = {
  min: 1,
  fits: (sent, start, end) => end > start && !/%(?:25)*(?:2f|5c)/i.test(sent.slice(start, end)),
};
/** Whatever stands there. */
const anyText: Wildcard = { min: 0, fits: () => true };
const upperEscapes = (text: string): string => text.replaceAll(/%[0-9a-f]{2}/gi, (triplet) => triplet.toUpperCase());

const matchSegment = (tokens: readonly Token[], sent: string): boolean => {
  if (tokens.includes("any")) return matchTokens(tokens, upperEscapes(sent), segmentWildcard);
  return decode(tokens.map((token) => (token === "any" ? "" : token.text)).join("")) === decode(sent);
};

/** `METHOD /path`, with `?*` at the end where a query may follow. */
const splitHttp = (source: string | ReadPattern): ReadPattern => {
  if (typeof source !== "string") return source;
  const [method = "", ...path] = source.split(" ");
  return { method, path: path.join(" ") };
};

/** Why a pattern of an http request is none, or `undefined`. */
export const httpPatternProblem = (source: unknown): string | undefined => {
  if (typeof source !== "string" && !isJsonObject(source)) return 'expected a pattern such as "POST /path/*"';
  const { method, path, body, ...others } = splitHttp(source as string | ReadPattern);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return `expected method, path and body, got "${unknown}"`;
  if (typeof method !== "string" || !/^[A-Z]{1,20}$/.test(method)) return "expected a method in capitals";
  if (typeof path !== "string" || !/^(\/[^\s?#]*)?(\?\*)?$/.test(path))
    return `expected a path that begins with "/", got ${JSON.stringify(path)}`;
  if (`${method} ${path}`.length > 200) return "expected at most 200 characters";
  if (body !== undefined && !isJsonObject(body)) return "expected a body as JSON Pointers and values";
  const bad = Object.keys(body ?? {}).find((pointer) => !pointer.startsWith("/"));
  return bad === undefined ? undefined : `expected JSON Pointers in body, got ${JSON.stringify(bad)}`;
};

/** Compiles a pattern that `httpPatternProblem` does not object to. */
export const compileHttpPattern = (source: string | ReadPattern, blanks: Blanks = {}): HttpPattern => {
  const { method, path, body = {} } = splitHttp(source);
  const anyQuery = path.endsWith("?*");
  const plain = anyQuery ? path.slice(0, -2) : path;
  return {
    method,
    segments: plain.split("/").map((segment) => tokensOf(segment, blanks, encodeURIComponent)),
    anyQuery,
    body: Object.entries(body),
  };
};

const holdsBody = (pattern: HttpPattern, json: Json | undefined): boolean => {
  if (pattern.body.length === 0) return true;
  if (!isJsonObject(json)) return false;
  return pattern.body.every(([pointer, expected]) => {
    const found = valueAt(json, pointer);
    return found !== undefined && canonicalJson(found) === canonicalJson(expected);
  });
};

export const matchesHttp = (pattern: HttpPattern, request: MatchableRequest): boolean => {
  if (pattern.method !== request.method) return false;
  if (!pattern.anyQuery && (request.query?.length ?? 0) > 0) return false;
  const sent = request.path.split("/");
  if (sent.length !== pattern.segments.length) return false;
  return (
    pattern.segments.every((tokens, index) => matchSegment(tokens, sent[index] ?? "")) &&
    holdsBody(pattern, request.json)
  );
};

/** Stands for `*` where a path is read as text; no path may hold it. */
const anyMark = "\u0000";
const looksLike = (segment: string, sent: string): boolean =>
  matchTokens(
    segment
      .split(new RegExp(`(${anyMark})`))
      .flatMap((text): Token[] => (text === anyMark ? ["any"] : text === "" ? [] : [{ text }])),
    sent,
    anyText,
  );

/**
 * Whether a device could take the request for what the pattern names. It errs towards yes, since it tells what is no
 * read: any query, HEAD as GET, whatever the case, doubled slashes and those at the end, parameters of segments, each
 * encoding; and any body that cannot be looked into. What may be written is told by `matchesHttp`, which errs towards no.
 */
export const mayMeanHttp = (pattern: HttpPattern, { method, path, json }: MatchableRequest): boolean => {
  const [named, asked] = [pattern.method, method].map((one) => (one === "HEAD" ? "GET" : one));
  if (named !== asked || (isJsonObject(json) && !holdsBody(pattern, json))) return false;
  const source = pattern.segments.map((tokens) =>
    tokens.map((token) => (token === "any" ? anyMark : token.text)).join(""),
  );
  const requests = pathReadings(path);
  return pathReadings(source.join("/")).some((segments) =>
    requests.some(
      (sent) =>
        sent.length === segments.length && segments.every((segment, index) => looksLike(segment, sent[index] ?? "")),
    ),
  );
};

/** In a line: harmless characters only, and no word begins with what programs take for an option or a file. */
const lineWildcard: Wildcard = {
  min: 1,
  fits: (line, start, end) =>
    end > start &&
    /^[A-Za-z0-9 _./:,@%+=-]+$/.test(line.slice(start, end)) &&
    !/ [-@]/.test(line.slice(start - 1, end)),
};

/** Why a pattern of one line is none, or `undefined`. */
export const linePatternProblem = (source: unknown): string | undefined => {
  if (typeof source !== "string" || source === "") return "expected a line, with * for words";
  if (source.length > 200) return "expected at most 200 characters";
  if (source.startsWith("*")) return "expected a line that does not begin with *";
  return /[\u0000-\u001f\u007f]/.test(source) ? "expected one line without control characters" : undefined;
};

/** Compiles a pattern of one whole line. */
export const compileLinePattern = (source: string, blanks: Blanks = {}): LinePattern => {
  const tokens = tokensOf(source, blanks, (text) => text);
  return { matches: (line) => !/[\r\n]/.test(line) && matchTokens(tokens, line, lineWildcard) };
};

/** Compiles what a device is expected to answer: one line, `*` is any text. */
export const compileAnswerPattern = (source: string): AnswerPattern => {
  const tokens = tokensOf(source, {}, (text) => text);
  return { source, matches: (line) => matchTokens(tokens, line, anyText) };
};

/** An entry of `writes[]` for one transport. `transport` is absent where the type has none to choose from. */
export interface WriteEntry {
  readonly transport: string | undefined;
  readonly pattern: string | ReadPattern;
}

/** The entries of `writes[]`; a bare string is for `onlyTransport`. */
export const writeEntries = (
  writes: readonly WritePattern[],
  onlyTransport: string | undefined,
): readonly WriteEntry[] =>
  writes.flatMap((entry): WriteEntry[] =>
    typeof entry === "string"
      ? [{ transport: onlyTransport, pattern: entry }]
      : Object.entries(entry).map(([transport, pattern]) => ({ transport, pattern })),
  );
