/** How answers are put together: one set of headers, bodies as text, so that the server can send them in one piece. */

const secureHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

type Headers = Readonly<Record<string, string>>;
interface Shape {
  readonly status?: number;
  readonly type?: string;
  readonly headers?: Headers;
}

/** An answer whose body is text already, or the bytes of one. */
export const textReply = (
  body: string | Uint8Array<ArrayBuffer>,
  { status = 200, type = "text/plain; charset=utf-8", headers }: Shape = {},
) => new Response(body, { status, headers: { ...secureHeaders, "content-type": type, ...headers } });

/** An answer whose body is JSON text already. */
export const jsonText = (body: string, status = 200, headers?: Headers): Response =>
  textReply(body, { status, type: "application/json", ...(headers && { headers }) });

export const json = (body: unknown, status = 200, headers?: Headers): Response =>
  jsonText(JSON.stringify(body), status, headers);

/** JSON in pieces, of which a large one is sent as it lies, uncopied. */
export const jsonPieces = (pieces: readonly Uint8Array[]): Response => {
  const length = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  const headers = { ...secureHeaders, "content-type": "application/json", "content-length": String(length) };
  return new Response(body, { status: 200, headers });
};

export const noContent = (headers?: Headers): Response =>
  new Response(null, { status: 204, headers: { ...secureHeaders, ...headers } });

/** An answer that goes on: server-sent events. */
export const streamReply = (body: ReadableStream<Uint8Array> | null): Response =>
  new Response(body, {
    status: 200,
    headers: {
      ...secureHeaders,
      "content-type": "text/event-stream; charset=utf-8",
      "x-accel-buffering": "no",
      // Nothing follows on a stream: its connection ends with it.
      connection: "close",
    },
  });
