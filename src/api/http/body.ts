/** Reads what came with a request and checks it against the route's schemas. */
import type { TSchema } from "typebox";
import { type FieldProblem, SwitchyardError } from "../../errors.ts";
import { escapeToken } from "../../model/pointer.ts";
import { compileSchema } from "../../model/schema.ts";

const maxBodyBytes = 1024 * 1024;

const tooLarge = (): SwitchyardError =>
  new SwitchyardError("payload_too_large", { detail: `A JSON body may have ${maxBodyBytes} bytes at most.` });

/** Counts what comes without a declared length, and stops reading at the limit. */
const readCounted = async (body: ReadableStream<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
};

const hasBody = (request: Request): boolean => {
  const { headers } = request;
  const length = headers.get("content-length");
  return length === null ? headers.has("transfer-encoding") || headers.has("content-type") : length !== "0";
};

const readText = async (request: Request): Promise<string> => {
  const length = request.headers.get("content-length");
  if (length !== null) {
    if (Number(length) > maxBodyBytes) throw tooLarge();
    return request.text();
  }
  return request.body === null ? "" : readCounted(request.body);
};

const isJsonType = (type: string): boolean => /^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type);

/** What the bytes are written in; JSON is UTF-8 unless somebody says otherwise. */
const charsetOf = (type: string): string =>
  (/;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(type)?.[1] ?? "utf-8").toLowerCase().replace(/^utf8$/, "utf-8");

const requireJson = (type: string): void => {
  if (!isJsonType(type)) {
    throw new SwitchyardError("unsupported_media_type", { detail: "Expected the content type application/json." });
  }
  const charset = charsetOf(type);
  if (charset !== "utf-8" && charset !== "us-ascii") {
    throw new SwitchyardError("unsupported_media_type", {
      detail: `Expected JSON in UTF-8, got the charset ${charset.slice(0, 40)}.`,
    });
  }
};

/** Deeper values would overflow the stack of those who walk them. */
const deepest = 100;
const isTooDeep = (value: unknown, depth = 0): boolean => {
  if (typeof value !== "object" || value === null) return false;
  return depth >= deepest || Object.values(value).some((member) => isTooDeep(member, depth + 1));
};

/** Half a character can be written in JSON, but neither stored nor sent on as it was. */
const halfCharacter = /\\u[dD][89a-fA-F]/;
const illFormed = (value: unknown, pointer = ""): string | undefined => {
  if (typeof value === "string") return value.isWellFormed() ? undefined : pointer;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const found = name.isWellFormed() ? illFormed(member, `${pointer}/${escapeToken(name)}`) : pointer;
    if (found !== undefined) return found;
  }
  return undefined;
};

const parse = (text: string): unknown => {
  const value = parseText(text);
  if (isTooDeep(value)) refuse([{ pointer: "", message: `expected at most ${deepest} levels, got more` }]);
  const pointer = halfCharacter.test(text) ? illFormed(value) : undefined;
  if (pointer !== undefined) refuse([{ pointer, message: "expected whole characters, got half of a surrogate pair" }]);
  return value;
};

const parseText = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new SwitchyardError("validation_failed", {
      detail: "The body is not JSON. Send one JSON object.",
      errors: [{ pointer: "", message: `expected JSON, got ${JSON.stringify(text.slice(0, 40))}` }],
    });
  }
};

export interface ReadBody {
  readonly text: string;
  readonly value: unknown;
}

/**
 * The JSON body of a request.
 * @throws SwitchyardError `unsupported_media_type`, `payload_too_large`, `validation_failed`
 */
export const readJsonBody = async (request: Request, isOptional: boolean): Promise<ReadBody> => {
  if (!hasBody(request)) {
    if (isOptional) return { text: "", value: {} };
    throw new SwitchyardError("validation_failed", {
      detail: "The request has no body. Send one JSON object.",
      errors: [{ pointer: "", message: "expected a JSON object, got nothing" }],
    });
  }
  requireJson(request.headers.get("content-type") ?? "");
  const text = await readText(request);
  return { text, value: text === "" && isOptional ? {} : parse(text) };
};

/** @throws SwitchyardError `validation_failed` with every problem */
export const check = (schema: TSchema, value: unknown, at = ""): void => {
  const problems = compileSchema(schema)(value);
  if (problems.length === 0) return;
  refuse(problems.map(({ pointer, message }) => ({ pointer: `${at}${pointer}`, message })));
};

export const refuse = (errors: readonly FieldProblem[]): never => {
  const [first] = errors;
  const rest = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  throw new SwitchyardError("validation_failed", {
    detail: `${first?.pointer || "The body"}: ${first?.message}${rest}.`,
    errors,
  });
};
