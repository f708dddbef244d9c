/** Lists in pages: how many, and from where on. */
import { Type } from "typebox";

/** Query of every list. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50, description: "How many, at most" })),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 500, description: "`next_cursor` of the page before this one" }),
  ),
} as const;

/** Query of a short list: it comes whole, unless a page is asked for. */
export const shortQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: "How many, at most; all by default" })),
  cursor: Type.Optional(
    Type.String({ pattern: "^[0-9]{1,9}$", description: "`next_cursor` of the page before this one" }),
  ),
} as const;

export interface PageQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export const pageOf = ({ limit, cursor }: PageQuery): { limit: number; cursor?: string } => ({
  limit: limit ?? 50,
  ...(cursor === undefined ? {} : { cursor }),
});

/** A page on the wire. */
export const listOf = <T, W>(
  { items, nextCursor }: { readonly items: readonly T[]; readonly nextCursor: string | null },
  toWire: (item: T) => W,
): { items: W[]; next_cursor: string | null } => ({ items: items.map(toWire), next_cursor: nextCursor });

/** A short list in the same form. Its cursor counts what came before. */
export const short = <W>(
  all: readonly W[],
  { limit = all.length, cursor = "0" }: PageQuery = {},
): { items: readonly W[]; next_cursor: string | null } => {
  const from = Number(cursor);
  const end = from + limit;
  return { items: all.slice(from, end), next_cursor: end < all.length ? String(end) : null };
};
