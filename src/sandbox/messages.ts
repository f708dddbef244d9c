/** What a sandbox may say: every message is checked for its shape before anybody looks at it. */
import { unsoundness } from "./plain.ts";
import { countValues } from "./values.ts";
import { callLimits, type FromSandbox, mostValues } from "./wire.ts";

/** A message that no child of ours sends by itself. */
export class ProtocolFault extends Error {
  /** The answer itself was unsound: the driver's fault, not the line's. */
  readonly isAnswer: boolean;

  constructor(message: string, isAnswer = false) {
    super(message);
    this.name = "ProtocolFault";
    this.isAnswer = isAnswer;
  }
}

type Loose = Readonly<Record<string, unknown>>;
type Check = (message: Loose) => boolean;

const isText = (value: unknown, longest: number): value is string =>
  typeof value === "string" && value.length <= longest;
const isRecord = (value: unknown): value is Loose =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
const isOptional = (value: unknown, check: (value: unknown) => boolean): boolean => value === undefined || check(value);

const longestLine = 20_000;
const longestName = callLimits.nameLength;
const levels: ReadonlySet<unknown> = new Set(["debug", "info", "warn", "error"]);

const events: Readonly<Record<string, Check>> = {
  log: ({ level, message, meta }) => levels.has(level) && isText(message, longestLine) && isOptional(meta, isRecord),
  progress: ({ percent, message }) => Number.isFinite(percent) && isText(message, longestLine),
  artifact: ({ name, contentType, base64 }) =>
    isText(name, longestName) && isText(contentType, longestName) && typeof base64 === "string",
};

const isEvent = (value: unknown): boolean =>
  isRecord(value) && Object.hasOwn(events, String(value["kind"])) && events[String(value["kind"])]?.(value) === true;

const isError = (value: unknown): boolean =>
  isRecord(value) &&
  isText(value["code"], longestName) &&
  isText(value["message"], longestLine) &&
  isOptional(value["details"], isRecord) &&
  isOptional(value["ask"], isCount) &&
  isOptional(value["isFatal"], (isFatal) => typeof isFatal === "boolean") &&
  isOptional(value["at"], (at) => isText(at, 1_000)) &&
  isOptional(value["pointer"], (pointer) => isText(pointer, longestLine));

const shapes: Readonly<Record<string, Check>> = {
  ready: () => true,
  bye: ({ code }) => Number.isSafeInteger(code),
  ask: ({ id, n, op, args }) => isText(id, 64) && isCount(n) && isText(op, 64) && args !== undefined,
  event: ({ id, event }) => isText(id, 64) && isEvent(event),
  done: ({ id, value }) => isText(id, 64) && value !== undefined,
  failed: ({ id, error }) => isText(id, 64) && isError(error),
};

/** What a message has around an answer or arguments of the most values. */
const wrapping = 16;

const parse = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new ProtocolFault("The sandbox sent something that is not JSON.");
  }
};

/** One frame's body as a message. Throws a ProtocolFault. */
export const decodeMessage = (body: Buffer): FromSandbox => {
  // A value has a byte at least.
  if (body.length > mostValues && countValues(body) > mostValues + wrapping) {
    throw new ProtocolFault(`The sandbox sent a message of more than ${mostValues} values.`);
  }
  const message = parse(body);
  const kind = isRecord(message) ? String(message["t"]) : "";
  const check = Object.hasOwn(shapes, kind) ? shapes[kind] : undefined;
  if (check === undefined || !check(message as Loose)) {
    throw new ProtocolFault("The sandbox sent a message of unknown shape.");
  }
  const fault = unsoundness(message);
  if (fault !== null) throw new ProtocolFault(`expected plain JSON, got ${fault}`, kind === "done");
  return message as FromSandbox;
};

const messagesPerSecond = 20_000;
const bytesPerSecond = 32 * 1024 * 1024;
/** Of the runner's time, which belongs to all of its jobs. */
const workMsPerSecond = 250;
/** What took longer was a machine that stood still. */
const longestWorkMs = 1_000;

export interface Flow {
  /** Counts what came. */
  count(messages: number, bytes: number): void;
  /** Counts how long the runner was busy with reading it. */
  work(ms: number): void;
  /** How long to read nothing more, in ms; 0 when the sandbox keeps to its rate. */
  debtMs(): number;
}

/** Lets a second's worth through at once, then no more than the rate. */
export const createFlow = (now: () => number): Flow => {
  let messages = 0;
  let bytes = 0;
  let workMs = 0;
  let at = now();
  const settle = (): void => {
    const seconds = Math.max(0, now() - at) / 1000;
    at = now();
    messages = Math.max(0, messages - seconds * messagesPerSecond);
    bytes = Math.max(0, bytes - seconds * bytesPerSecond);
    workMs = Math.max(0, workMs - seconds * workMsPerSecond);
  };
  return {
    count: (addedMessages, addedBytes) => {
      messages += addedMessages;
      bytes += addedBytes;
    },
    work: (ms) => {
      workMs += Math.min(ms, longestWorkMs);
    },
    debtMs: () => {
      settle();
      const over = Math.max(messages / messagesPerSecond, bytes / bytesPerSecond, workMs / workMsPerSecond) - 1;
      return over <= 0 ? 0 : Math.ceil(over * 1000);
    },
  };
};
