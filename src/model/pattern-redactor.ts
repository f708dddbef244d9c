/** Hides in a device's output what the manifest's `redact` patterns find. */
import type { Redactor } from "./redact.ts";
import { linearRegExp } from "./schema.ts";

const redacted = "[redacted]";

const withoutMatches = (text: string, pattern: ReturnType<typeof linearRegExp>): string => {
  let [clean, left] = ["", text];
  for (let hit = pattern.exec(left); hit?.[0]; hit = pattern.exec(left)) {
    const [whole, group] = hit;
    const at = left.indexOf(whole);
    clean += left.slice(0, at) + whole.replaceAll(group || whole, redacted);
    left = left.slice(at + whole.length);
  }
  return clean + left;
};

/**
 * Hides what a transport's `redact` patterns find: their first group, or all of a match without one. JSON Pointers among
 * them are for documents and find nothing in a text.
 */
export const patternRedactor = (entries: readonly string[]): Redactor => {
  const patterns = entries.filter((entry) => !entry.startsWith("/")).map(linearRegExp);
  return (text) => patterns.reduce(withoutMatches, text);
};
