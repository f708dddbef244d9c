/** Handles: the stand-ins for secrets that a driver sees. */

/** Secrets under this many characters have no handle and are not searched for in texts. */
export const minSecretLength = 8;

const shape = /swh_[0-9a-f]{32}/g;
const onlyHandle = /^swh_[0-9a-f]{32}$/;

/** A handle from 16 random bytes given as 32 hexadecimal digits. */
export const makeHandle = (randomHex: string): string => `swh_${randomHex}`;

/** Whether the string is one handle and nothing else. */
export const isHandle = (text: string): boolean => onlyHandle.test(text);

/** All that looks like a handle in a text, ours or not. */
export const handlesIn = (text: string): readonly string[] => (text.includes("swh_") ? (text.match(shape) ?? []) : []);

/** The text with each handle replaced, in one go: a driver may fill a text with as many as it likes. */
export const replaceHandles = (text: string, replacement: (handle: string) => string): string =>
  text.includes("swh_") ? text.replaceAll(shape, replacement) : text;

/** Whether a string, key or value anywhere inside `value` holds something that looks like a handle. */
export const holdsHandle = (value: unknown): boolean => {
  if (typeof value === "string") return handlesIn(value).length > 0;
  if (Array.isArray(value)) return value.some(holdsHandle);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, member]) => handlesIn(key).length > 0 || holdsHandle(member));
};

/** How a secret reads outside driver and transport. */
export const maskOf = (name: string): string => `[secret:${name}]`;

/** How a placed secret stands in a stored request: a reference by name, filled in when it is sent. */
export const secretReference = (name: string): string => `{secret:${name}}`;

/** The name in a text that is one reference and nothing else. */
export const referencedSecret = (text: string): string | undefined => /^\{secret:([^{}]+)\}$/.exec(text)?.[1];

/** A text that ends in a reference, as what stands before it and the name. */
export const trailingReference = (text: string): readonly [before: string, name: string] | undefined => {
  const match = /^(.*)\{secret:([^{}]+)\}$/s.exec(text);
  return match === null ? undefined : [match[1] ?? "", match[2] ?? ""];
};

/** References as people read them; a name without brackets, so that each mask tells where it ends. */
export const maskReferences = (text: string): string => text.replaceAll(/\{secret:([^{}[\]]+)\}/g, "[secret:$1]");
