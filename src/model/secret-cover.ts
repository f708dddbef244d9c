/** Where the forms of secrets stand in a text: each character is remembered once, whatever a device sends. */
import { readingsOf } from "./readings.ts";

interface Form {
  readonly text: string;
}

/** A part of a text that forms cover, in the name of the one that it begins with, or of a longer one that was joined to it. */
interface Part<F> {
  readonly form: F;
  readonly start: number;
  readonly end: number;
}

/** What is known of a character: nothing, that it goes on with what stands before it, or which form begins there (from 2 on). */
const free = 0;
const goesOn = 1;
const firstForm = 2;

const createCover = <F extends Form>(length: number, forms: readonly F[]) => {
  const marks = new Uint32Array(length);
  const begin = (index: number, start: number, end: number): void => {
    let form = index;
    for (let at = start; at < end; at += 1) {
      const mark = marks[at] ?? free;
      if (mark >= firstForm) form = Math.min(form, mark - firstForm);
      marks[at] = goesOn;
    }
    marks[start] = form + firstForm;
  };
  return {
    /**
     * From `start` to `end`; up to `gap` all was covered before. What it overlaps is joined to it, unless it goes on with
     * what stands before it; a neighbour that it only touches stays apart.
     */
    add(index: number, start: number, gap: number, end: number): void {
      if (marks[start] !== goesOn) begin(index, start, end);
      else for (let at = gap; at < end; at += 1) marks[at] ||= goesOn;
    },
    *parts(): Generator<Part<F>> {
      for (let at = 0; at < length; ) {
        const mark = marks[at] ?? free;
        const start = at;
        at += 1;
        while (at < length && marks[at] === goesOn) at += 1;
        const form = forms[mark - firstForm];
        if (form !== undefined) yield { form, start, end: at };
      }
    },
  };
};

/** Answers whether to go on. `gap` is where that begins which no longer form covers. */
type Found = (start: number, gap: number, end: number) => boolean;

/** Calls `found` for each place of the form that is not covered whole. Answers whether to go on. */
const lookFor = (text: string, form: string, coveredOf: () => Uint8Array, found: Found): boolean => {
  for (let at = text.indexOf(form); at !== -1; ) {
    const covered = coveredOf();
    const end = at + form.length;
    const gap = covered.indexOf(0, at);
    if (gap === -1) return true;
    if (gap < end) {
      covered.fill(1, gap, end);
      if (!found(at, gap, end)) return false;
    }
    at = text.indexOf(form, gap < end ? end : gap - form.length + 1);
  }
  return true;
};

/** Most texts hold no form and need no room to remember what is covered. */
const once = <T>(make: () => T): (() => T) => {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

/** Nobody may be held up by what a device sends: a text with more of them is hidden as a whole. */
const mostFinds = 500_000;

/** The parts that forms cover, in order; `forms` come with the longest first. Undefined when none stands in any reading of the text. */
export const coveredParts = <F extends Form>(text: string, forms: readonly F[]): Iterable<Part<F>> | undefined => {
  const [longest] = forms;
  if (longest === undefined) return undefined;
  const cover = once(() => createCover(text.length, forms));
  let finds = 0;
  for (const { text: read, placeOf } of readingsOf(text)) {
    const coveredOf = once(() => new Uint8Array(read.length));
    const isBearable = forms.every((form, index) =>
      lookFor(read, form.text, coveredOf, (start, gap, end) => {
        cover().add(index, placeOf(start), placeOf(gap), placeOf(end));
        finds += 1;
        return finds <= mostFinds;
      }),
    );
    if (!isBearable) return [{ form: longest, start: 0, end: text.length }];
  }
  return finds === 0 ? undefined : cover().parts();
};
