/** Request paths: which spellings may be sent below an endpoint's base. */

const decodeBytes = (text: string): string =>
  text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** A server may cut path parameters (`..;x`) and treat a decoded backslash or slash as a separator. */
const climbs = (decoded: string): boolean =>
  decoded.split(/[/\\]/).some((part) => {
    const name = part.split(";", 1)[0];
    return name === "." || name === "..";
  });

/** The text as servers of all habits may come to see it: as it is, decoded once, decoded twice. */
const readings = (text: string): readonly string[] => {
  const once = decodeBytes(text);
  return [text, once, decodeBytes(once)];
};

const isWellEncoded = (path: string): boolean => {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
};

const control = /[\u0000-\u001f\u007f]/;

/** Why a path may not be sent, as "expected ..., got ..."; `undefined` when it may. Nothing is normalised. */
export const pathProblem = (path: string): string | undefined => {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}...` : path);
  if (path !== "" && (!path.startsWith("/") || path.startsWith("//"))) {
    return `expected an empty path or one that begins with exactly one "/", got ${shown}`;
  }
  if (/[\\?#]/.test(path)) return `expected a path without "\\", "?" and "#", got ${shown}`;
  if (/[^\u0021-\u007e]/.test(path)) return `expected a path of printable ASCII (others percent-encoded), got ${shown}`;
  if (!isWellEncoded(path)) return `expected percent-encoded UTF-8, got ${shown}`;
  if (readings(path).some((reading) => control.test(reading))) return `expected no control characters, got ${shown}`;
  if (readings(path).some(climbs)) return `expected no segment that means "." or "..", got ${shown}`;
  return undefined;
};

/** A value as one segment of a path, or `undefined` when no spelling of it is safe there. */
export const segmentOf = (value: string): string | undefined => {
  if (value === "" || !value.isWellFormed()) return undefined;
  const segment = encodeURIComponent(value);
  return pathProblem(`/${segment}`) === undefined ? segment : undefined;
};
