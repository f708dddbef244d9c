/** Cursors of keyset lists: where the last page ended, in a form that callers only hand back. */
import { SwitchyardError } from "../errors.ts";

export interface Page<T> {
  readonly items: T[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** The place of a row in a list that is ordered by time and then by id. */
export interface Place {
  readonly at: number;
  readonly id: string;
}

export const cursorOf = ({ at, id }: Place): string => Buffer.from(`${at}:${id}`).toString("base64url");

/** @throws SwitchyardError `validation_failed` when the cursor is none of ours. */
export const placeOf = (cursor: string): Place => {
  const [, at, id] = /^(\d{1,16}):([\w-]{1,100})$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (at === undefined || id === undefined) {
    const problem = { pointer: "/cursor", message: "expected a next_cursor of an earlier answer, got something else" };
    throw new SwitchyardError("validation_failed", {
      detail: "The cursor is not one of this list.",
      errors: [problem],
    });
  }
  return { at: Number(at), id };
};

/** Cuts what was read (one row more than asked, when there is more) into a page. */
export const pageOf = <T>(found: readonly T[], limit: number, place: (item: T) => Place): Page<T> => {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: found.length > limit && last !== undefined ? cursorOf(place(last)) : null };
};
