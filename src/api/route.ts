/** One row per route: it is served, checked, documented and tested from this one description. */
import type { Static, TSchema } from "typebox";
import type { ErrorCode } from "../errors.ts";
import type { Principal, Role } from "../model/principal.ts";

export type Method = "GET" | "POST" | "PATCH" | "DELETE";
type Shape = Readonly<Record<string, TSchema>>;
type Empty = Readonly<Record<never, TSchema>>;
type Values<S extends Shape> = { readonly [K in keyof S]: Static<S[K]> };

/** One request, checked: what a handler may look at. */
export interface Call<P = Readonly<Record<string, string>>, Q = unknown, B = unknown> {
  readonly method: string;
  /** Path of the request, as it was asked. */
  readonly path: string;
  readonly url: string;
  readonly principal: Principal;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** The body as it came, for the idempotency key; empty for uploads. */
  readonly bodyText: string;
  readonly address: string;
  readonly raw: Request;
  /** `traceparent` for what comes of it; absent when nothing is traced. */
  readonly trace?: string | undefined;
  header(name: string): string | undefined;
  /** Cuts the connection, for watchers that do not keep up. */
  cut(): void;
}

export interface AnswerSpec {
  readonly description: string;
  readonly schema?: TSchema;
  /** Default `application/json`. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface RouteFacts<P extends Shape, Q extends Shape, B extends TSchema> {
  readonly method: Method;
  /** As OpenAPI writes it: `/api/jobs/{id}`. */
  readonly path: string;
  /** Who may ask: nobody needs a token for `open`; `ticket`: a viewer, or the holder of a ticket. */
  readonly access: Role | "open" | "ticket";
  /** It concerns every instance: a token that is limited to some may not ask. */
  readonly concernsAll?: true;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly isBodyOptional?: boolean;
  /** A body as somebody would send it. */
  readonly example?: unknown;
  /** A multipart form instead of JSON: the handler reads it itself. */
  readonly form?: TSchema;
  readonly answers: Readonly<Record<number, AnswerSpec>>;
  readonly errors?: readonly ErrorCode[];
  /** It puts a job on the queue: idempotency keys and `?debug=true` hold, and `Prefer: wait` unless it answers an id only. */
  readonly enqueues?: true | "id";
  /** `Prefer: wait` holds although it puts no job on the queue by itself. */
  readonly waits?: true;
}

export interface Route extends RouteFacts<Shape, Shape, TSchema> {
  readonly handle: (
    call: Call<Record<string, string>, Record<string, unknown>, unknown>,
  ) => Promise<Response> | Response;
}

/** A route whose handler sees params, query and body in the types that their schemas say. */
export const route = <const P extends Shape = Empty, const Q extends Shape = Empty, const B extends TSchema = TSchema>(
  facts: RouteFacts<P, Q, B> & {
    handle: (call: Call<Values<P>, Values<Q>, Static<B>>) => Promise<Response> | Response;
  },
): Route => facts as unknown as Route;
