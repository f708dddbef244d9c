/** Hides in a device's output what the manifest's `redact` patterns find. */
import { linearRegExp } from "./linear-pattern.ts";
import type { Redactor } from "./redact.ts";

const redacted = "[redacted]";

/**
 * Hides what a transport's `redact` patterns find: their first group, or all of a match without one. JSON Pointers among
 * them are for documents and find nothing in a text.
 */
export const patternRedactor = (entries: readonly string[]): Redactor => {
  const patterns = entries.filter((entry) => !entry.startsWith("/")).map(linearRegExp);
  return (text) => patterns.reduce((clean, pattern) => pattern.replace(clean, redacted), text);
};
