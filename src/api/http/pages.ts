/** Lists in pages: how many, and from where on. */
import { Type } from "typebox";

/** Query of every list. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50, description: "How many, at most" })),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 500, description: "`next_cursor` of the page before this one" }),
  ),
} as const;

interface PageQuery {
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

/** A short list that needs no cursor, in the same form. */
export const whole = <W>(items: readonly W[]): { items: readonly W[]; next_cursor: null } => ({
  items,
  next_cursor: null,
});
