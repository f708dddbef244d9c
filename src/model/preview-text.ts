/** The texts of a preview: what cannot be seen is written out, and what is left out is told by its length and hash. */
import { sha256Hex } from "./canonical.ts";

/** Characters of one text that are shown. */
const mostOfOne = 2_000;
/** Characters of one step's preview. */
const mostOfAll = 8_000;
/** Bytes that are shown in hex. */
const mostInHex = 32;

/** Control and format characters, line ends, every space but the usual one, and what would pass for a secret's place. */
const unseen = /(?! )[\p{C}\p{Z}]|\[(?=secret:)/gu;
const escaped = (sign: string): string =>
  sign
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");

const hashOf = (what: string | Uint8Array): string => `sha256 ${sha256Hex(what).slice(0, 16)}`;
const rest = (text: string, shown: number): string => `...[${text.length - shown} more characters, ${hashOf(text)}]`;

/** As JSON writes it, with escapes for all that cannot be seen; references are masked behind it, not before. */
export const jsonText = (value: unknown): string => (JSON.stringify(value) ?? "").replaceAll(unseen, escaped);

/** The text, or its beginning with what is missing. */
export const clipped = (text: string, most = mostOfOne): string =>
  text.length <= most ? text : `${text.slice(0, most).toWellFormed()}${rest(text, most)}`;

/** A text of any length in quotes; its hash is that of the text, not of its quoted form. */
export const quoted = (text: string): string =>
  text.length <= mostOfOne
    ? jsonText(text)
    : `${jsonText(text.slice(0, mostOfOne).toWellFormed())}${rest(text, mostOfOne)}`;

/** As it is where it cannot be taken for anything else; in quotes where it is empty or holds `special` or what cannot be seen. */
export const word = (text: string, special?: RegExp): string =>
  text === "" || text.startsWith('"') || text.search(unseen) >= 0 || special?.test(text) === true
    ? quoted(text)
    : clipped(text);

/** Stands for a text that is not written down: equal texts have equal marks. */
export const unwritten = (text: string): string => `[not recorded, ${text.length} characters, ${hashOf(text)}]`;

/** Bytes: as text where they are one, in hex where they are few, else by their hash. */
export const bytesText = (bytes: Buffer): string => {
  const text = bytes.toString();
  const isText = !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) && Buffer.from(text).equals(bytes);
  if (isText) return `text ${quoted(text)}`;
  return bytes.length <= mostInHex ? `hex ${bytes.toString("hex")}` : hashOf(bytes);
};

/** What a step's preview says, in lines; the first tells by itself what is sent where. */
export const previewOf = (lines: readonly string[]): string => clipped(lines.join("\n"), mostOfAll);
