/** What a text reads as once the escapes of JSON and of URLs in it are undone, and where each character stood. */

import { gather } from "./pieces.ts";

/** A text as a parser may read it. `placeOf` leads from an index of it to where that character begins in the text that was read. */
export interface Reading {
  readonly text: string;
  readonly placeOf: (index: number) => number;
}

/** What an escape stands for: a code point in the low 21 bits, above it how many characters the escape takes; 0 is none. */
type Escape = number;

const pointBits = 21;
const pointMask = (1 << pointBits) - 1;

const standsFor = (length: number, point: number): Escape => (length << pointBits) | point;

/** The value of hexadecimal digits in either case, -1 when they are none. */
const hexAt = (text: string, start: number, digits: number): number => {
  if (start + digits > text.length) return -1;
  let value = 0;
  for (let at = start; at < start + digits; at += 1) {
    const code = text.charCodeAt(at);
    const lower = code | 0x20;
    if (code >= 0x30 && code <= 0x39) value = value * 16 + code - 0x30;
    else if (lower >= 0x61 && lower <= 0x66) value = value * 16 + lower - 0x57;
    else return -1;
  }
  return value;
};

const shortEscapes = new Uint8Array(128);
for (const [letter, character] of ['""', "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"])
  shortEscapes[letter?.charCodeAt(0) ?? 0] = character?.charCodeAt(0) ?? 0;

const jsonEscape = (text: string, at: number): Escape => {
  if (at + 1 >= text.length) return 0;
  const letter = text.charCodeAt(at + 1);
  if (letter === 0x75) {
    const unit = hexAt(text, at + 2, 4);
    return unit < 0 ? 0 : standsFor(6, unit);
  }
  const character = shortEscapes[letter] ?? 0;
  return character === 0 ? 0 : standsFor(2, character);
};

/** The bytes of one character in UTF-8 by its first, 0 for one that begins none. */
const bytesFrom = (first: number): number => {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
};

const urlEscape = (text: string, at: number): Escape => {
  const first = hexAt(text, at + 1, 2);
  const count = first < 0 ? 0 : bytesFrom(first);
  if (count <= 1) return count === 0 ? 0 : standsFor(3, first);
  let point = first & (0x7f >> count);
  for (let index = 1; index < count; index += 1) {
    const start = at + index * 3;
    const byte = text.charCodeAt(start) === 0x25 ? hexAt(text, start + 1, 2) : -1;
    if (byte >> 6 !== 2) return 0;
    point = (point << 6) | (byte & 0x3f);
  }
  return standsFor(count * 3, Math.min(point, 0x10ffff));
};

interface Notation {
  readonly lead: string;
  readonly escapeAt: (text: string, at: number) => Escape;
}

const notations: readonly Notation[] = [
  { lead: "\\", escapeAt: jsonEscape },
  { lead: "%", escapeAt: urlEscape },
];

/** Numbers that only rise, as many as come. */
const createSteps = () => {
  let steps = new Uint32Array(64);
  let count = 0;
  return {
    add(step: number): void {
      if (count === steps.length) {
        const more = new Uint32Array(2 * count);
        more.set(steps);
        steps = more;
      }
      steps[count] = step;
      count += 1;
    },
    at: (index: number): number => steps[index] ?? 0,
    /** How many of them are not above the number. */
    upTo(number: number): number {
      let [low, high] = [0, count];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((steps[middle] ?? 0) <= number) low = middle + 1;
        else high = middle;
      }
      return low;
    },
  };
};

/** One layer of a notation undone, or nothing when the text has none. One pass, whatever the text is: devices write it. */
const undone = ({ text, placeOf }: Reading, { lead, escapeAt }: Notation): Reading | undefined => {
  const pieces = gather();
  /** Where each escape ended, in what was made of the text and in the text. */
  const [ends, places] = [createSteps(), createSteps()];
  let [done, length] = [0, 0];
  for (let at = text.indexOf(lead); at !== -1; ) {
    const found = escapeAt(text, at);
    if (found === 0) {
      at = text.indexOf(lead, at + 1);
      continue;
    }
    const character = String.fromCodePoint(found & pointMask);
    if (at > done) pieces.add(text.slice(done, at));
    pieces.add(character);
    length += at - done + character.length;
    done = at + (found >> pointBits);
    ends.add(length);
    places.add(done);
    at = text.indexOf(lead, done);
  }
  if (done === 0) return undefined;
  pieces.add(text.slice(done));
  const placeBehind = (index: number): number => {
    const count = ends.upTo(index);
    return count === 0 ? index : places.at(count - 1) + index - ends.at(count - 1);
  };
  return { text: pieces.text(), placeOf: (index) => placeOf(placeBehind(index)) };
};

const innerReadings = (reading: Reading): readonly Reading[] =>
  notations.flatMap((notation) => undone(reading, notation) ?? []);

/** JSON in JSON in a URL, and the like. A long text is read less deeply: nobody may be held up by what a device sends. */
const maxLayers = 3;
const longText = { characters: 1024 * 1024, layers: 1 } as const;

/** Whether a text has escapes that not every encoder writes, or not alike. */
const hasChoice = (text: string): boolean => text.includes("\\u") || text.includes("\\/") || text.includes("%");

/** Whether a part of the text may be read more deeply than the whole. */
export const isReadShallowly = (text: string): boolean => text.length > longText.characters && hasChoice(text);

/**
 * The text itself, and what it reads as when up to three layers of escapes, of either notation, are undone; one layer where
 * the text is longer than 1,048,576 characters. A text whose only escapes are those that JSON has no choice in (`\n`, `\"`) is read as it is: most answers are such.
 */
export const readingsOf = (text: string): readonly Reading[] => {
  const readings: Reading[] = [{ text, placeOf: (index) => index }];
  let layer = hasChoice(text) ? readings : [];
  const layers = text.length > longText.characters ? longText.layers : maxLayers;
  for (let depth = 0; depth < layers; depth += 1) {
    const next: Reading[] = [];
    for (const inner of layer.flatMap(innerReadings))
      if (!next.some((other) => other.text === inner.text)) next.push(inner);
    readings.push(...next);
    layer = next;
  }
  return readings;
};
