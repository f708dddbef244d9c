/** Raw http answers as drivers get them: inflated, decoded, secrets and cookies as handles. */
import type { IncomingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from "node:zlib";
import { SwitchyardError } from "../errors.ts";
import type { JsonObject } from "../model/json.ts";
import type { RawAnswer } from "./http-pool.ts";
import { answerTooLarge, type Meter, maxAnswerBytes } from "./meter.ts";
import type { SecretBook } from "./secrets.ts";

/** What `http.request` answers; `latency_ms` is rounded to a tenth. */
export interface HttpAnswer extends JsonObject {
  readonly status: number;
  /** Names in lower case; several values of one name joined by `, ` (Set-Cookie by line ends). */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly latency_ms: number;
}

type Inflate = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;
const zlibInflate = promisify(inflate) as Inflate;
const inflaters: Readonly<Record<string, Inflate>> = {
  gzip: promisify(gunzip) as Inflate,
  "x-gzip": promisify(gunzip) as Inflate,
  br: promisify(brotliDecompress) as Inflate,
  zstd: promisify(zstdDecompress) as Inflate,
  // Some servers send raw deflate where the standard asks for zlib's frame.
  deflate: (bytes, options) =>
    ((bytes[0] ?? 0) & 0x0f) === 8 ? zlibInflate(bytes, options) : (promisify(inflateRaw) as Inflate)(bytes, options),
};

const isTooLong = (thrown: unknown): boolean =>
  thrown instanceof RangeError || (thrown as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";

const inflated = async (body: Buffer, encoding: string): Promise<Buffer> => {
  const inflateBody = inflaters[encoding];
  if (inflateBody === undefined) {
    throw new SwitchyardError("protocol_mismatch", {
      detail: `The answer is encoded as "${encoding}", which was not asked for.`,
    });
  }
  try {
    return await inflateBody(body, { maxOutputLength: maxAnswerBytes });
  } catch (thrown) {
    if (isTooLong(thrown)) throw answerTooLarge();
    const detail = `The answer says that it is ${encoding}, but cannot be inflated.`;
    throw new SwitchyardError("protocol_mismatch", { detail, cause: thrown });
  }
};

const textOf = (body: Buffer, type: string): string => {
  const charset = /charset="?([\w-]+)/i.exec(type)?.[1]?.toLowerCase();
  if (charset === undefined || charset === "utf-8" || charset === "utf8") return body.toString("utf8");
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return body.toString("utf8");
  }
};

/** `NAME=value; Path=/` with the value as a handle of this session. */
const maskCookie = (cookie: string, secrets: SecretBook): string => {
  const match = /^([^=;]*)=([^;]*)(.*)$/s.exec(cookie);
  const [, name = "", value = "", attributes = ""] = match ?? [];
  return value === "" ? cookie : `${name}=${secrets.learn(`cookie_${name.trim()}`, value)}${attributes}`;
};

const listOf = (value: string | string[] | undefined): readonly string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

const headersOf = (headers: IncomingHttpHeaders, secrets: SecretBook): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      if (name === "set-cookie")
        return [
          name,
          listOf(value)
            .map((cookie) => maskCookie(cookie, secrets))
            .join("\n"),
        ];
      return [name, secrets.putBack(listOf(value).join(", "))];
    }),
  );

/** No stream of deflate grows more than this; other encodings may, so they are counted at the most one answer may be. */
const deflateRatio = 1_032;
const mostInflated = (bytes: number, encoding: string): number =>
  encoding === "br" || encoding === "zstd" ? maxAnswerBytes : Math.min(maxAnswerBytes, bytes * deflateRatio);

/** The body of an answer as text; what inflating may take is counted before it is taken. */
export const bodyText = async ({ headers, body }: RawAnswer, meter: Meter): Promise<string> => {
  const type = String(headers["content-type"] ?? "");
  const encoding = String(headers["content-encoding"] ?? "identity")
    .trim()
    .toLowerCase();
  if (body.length === 0 || encoding === "identity" || encoding === "") return textOf(body, type);
  const reserved = mostInflated(body.length, encoding);
  meter.take(reserved);
  try {
    return textOf(await inflated(body, encoding), type);
  } finally {
    meter.give(reserved);
  }
};

/** What an answer becomes readable with. */
export interface Reading {
  readonly secrets: SecretBook;
  readonly meter: Meter;
}

/** The answer as the driver gets it. */
export const driverAnswer = async (raw: RawAnswer, ms: number, { secrets, meter }: Reading): Promise<HttpAnswer> => {
  const headers = headersOf(raw.headers, secrets);
  const body = secrets.putBack(await bodyText(raw, meter));
  return { status: raw.status, headers, body, latency_ms: Math.round(ms * 10) / 10 };
};
