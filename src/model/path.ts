/** Request paths: which spellings may be sent below an endpoint's base. */

const decodeRuns = (text: string): string =>
  text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString());

/** As it is, decoded once, decoded twice. */
const decodings = (text: string): readonly string[] => {
  if (!text.includes("%")) return [text];
  const once = decodeRuns(text);
  return [...new Set([text, once, decodeRuns(once)])];
};

const segmentsIn = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .split(/[/\\]/)
    .map((segment) => (segment.split(";", 1)[0] ?? "").trim())
    .filter((segment) => segment !== "");

/** Whole, and cut where a query, a fragment or whichever of them comes first would begin. */
const cuts = (text: string): readonly string[] =>
  /[?#]/.test(text) ? [...new Set([text, ...[/[?#]/, "?", "#"].map((sign) => text.split(sign, 1)[0] ?? "")])] : [text];

/**
 * The segments of a path as servers of all habits may come to see them, for guards that look whether any reading is one
 * they fear: decoded never, once or twice, cut at a decoded `?`, `#` or either of them or not, split at slashes of both
 * kinds, without parameters (`..;x`), case, blanks around them and empty ones.
 */
export const pathReadings = (path: string): readonly (readonly string[])[] =>
  decodings(path).flatMap(cuts).map(segmentsIn);

const climbs = (segments: readonly string[]): boolean => segments.some((name) => name === "." || name === "..");

const isWellEncoded = (path: string): boolean => {
  if (!path.includes("%")) return true;
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
};

const control = /[\u0000-\u001f\u007f]/;

const expectation = (path: string): string | undefined => {
  if (path !== "" && (!path.startsWith("/") || path.startsWith("//"))) {
    return 'an empty path or one that begins with exactly one "/"';
  }
  if (/[\\?#]/.test(path)) return 'a path without "\\", "?" and "#"';
  if (/[^\u0021-\u007e]/.test(path)) return "a path of printable ASCII (others percent-encoded)";
  if (!isWellEncoded(path)) return "percent-encoded UTF-8";
  if (decodings(path).some((text) => control.test(text))) return "no control characters";
  if (pathReadings(path).some(climbs)) return 'no segment that means "." or ".."';
  return undefined;
};

/** Why a path may not be sent, as "expected ..., got ..."; `undefined` when it may. Nothing is normalised. */
export const pathProblem = (path: string): string | undefined => {
  const expected = expectation(path);
  if (expected === undefined) return undefined;
  return `expected ${expected}, got ${JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}...` : path)}`;
};

/** A value as one segment of a path, or `undefined` when no spelling of it is safe there. */
export const segmentOf = (value: string): string | undefined => {
  if (value === "" || !value.isWellFormed()) return undefined;
  const segment = encodeURIComponent(value);
  return pathProblem(`/${segment}`) === undefined ? segment : undefined;
};
