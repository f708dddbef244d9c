/**
 * The one long text of an answer, such as the body of an http answer, travels ahead of it as it is: written into JSON
 * and read out of it again, it would cost both sides as much time as parsing what it says does.
 */
import { encodeFrame, encodeText } from "./frames.ts";
import type { ToSandbox } from "./wire.ts";

/** Characters; a shorter one is not worth a frame. */
const longLength = 16 * 1024;

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Bytes have no halves of surrogate pairs: such a text stays in the JSON. */
const isLong = (value: unknown): value is string =>
  typeof value === "string" && value.length >= longLength && value.isWellFormed();

const longField = (value: unknown): [name: string, text: string] | undefined => {
  if (!isFields(value)) return undefined;
  for (const [name, field] of Object.entries(value)) if (isLong(field)) return [name, field];
  return undefined;
};

/** A message as frames, in their order. Throws a RangeError when one is larger than the sandbox accepts. */
export const framesOf = (message: ToSandbox): Buffer[] => {
  const found = message.t === "answer" ? longField(message.value) : undefined;
  if (message.t !== "answer" || found === undefined) return [encodeFrame(message)];
  const [name, text] = found;
  const value = { ...(message.value as Fields), [name]: "" };
  return [encodeText(text), encodeFrame({ ...message, value, text: name })];
};

/** Puts messages and the texts ahead of them together again, as they come. */
export const joinFrames = (listener: (message: ToSandbox) => void) => {
  let text: Buffer | undefined;
  return {
    onText: (bytes: Buffer): void => {
      text = bytes;
    },
    onFrame: (body: Buffer): void => {
      const message = JSON.parse(body.toString()) as ToSandbox;
      if (message.t === "answer" && message.text !== undefined && text !== undefined) {
        (message.value as Record<string, unknown>)[message.text] = text.toString();
        text = undefined;
      }
      listener(message);
    },
  };
};
