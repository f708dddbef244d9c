/** Frames between runner and sandbox: four bytes of length, then JSON or text; nothing is buffered beyond the cap. */

/** The largest frame either side accepts: a 16 MiB artifact in base64 and its wrapping fit. */
export const largestFrame = 24 * 1024 * 1024;

/** In the length of a frame: text for the message after it, not a message. */
const textMark = 0x8000_0000;

const encode = (body: string, mark: number): Buffer => {
  const length = Buffer.byteLength(body);
  if (length > largestFrame) throw new RangeError(`A message of ${length} bytes is larger than ${largestFrame}.`);
  const frame = Buffer.allocUnsafe(length + 4);
  frame.writeUInt32LE(length + mark, 0);
  frame.write(body, 4);
  return frame;
};

/** One message as bytes. Throws a RangeError when it is larger than the other side accepts. */
export const encodeFrame = (message: unknown): Buffer => encode(JSON.stringify(message), 0);

/** Well-formed text as bytes, for the message after it. Throws a RangeError when it is larger than the other side accepts. */
export const encodeText = (text: string): Buffer => encode(text, textMark);

export interface FrameReader {
  /** Takes bytes as they come and calls `onFrame` with each whole body. Throws a RangeError for a frame beyond the cap. */
  push(chunk: Buffer): void;
  /** Whether a frame has begun and not ended. */
  readonly isAmidst: boolean;
}

type Take = (body: Buffer) => void;

/** Cuts a stream of bytes into frames. Without `onText` a frame of text is one beyond the cap. */
export const createFrameReader = (onFrame: Take, onText?: Take): FrameReader => {
  let pieces: Buffer[] = [];
  let held = 0;
  let wanted = -1;
  let give = onFrame;

  const gather = (): Buffer => {
    const first = pieces[0];
    const all = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces, held);
    pieces = [all];
    return all;
  };
  const takeLength = (): boolean => {
    if (held < 4) return false;
    const all = gather();
    const word = all.readUInt32LE(0);
    const isText = onText !== undefined && word >= textMark;
    give = isText ? onText : onFrame;
    wanted = isText ? word - textMark : word;
    if (wanted > largestFrame) throw new RangeError(`A frame of ${wanted} bytes is larger than ${largestFrame}.`);
    keep(all.subarray(4));
    return true;
  };
  const keep = (rest: Buffer): void => {
    pieces = rest.length === 0 ? [] : [rest];
    held = rest.length;
  };
  const takeBody = (): boolean => {
    if (held < wanted) return false;
    const all = wanted === 0 ? Buffer.alloc(0) : gather();
    const body = all.subarray(0, wanted);
    if (wanted > 0) keep(all.subarray(wanted));
    wanted = -1;
    give(body);
    return true;
  };

  return {
    push: (chunk) => {
      pieces.push(chunk);
      held += chunk.length;
      while (wanted < 0 ? takeLength() : takeBody());
    },
    get isAmidst() {
      return held > 0 || wanted >= 0;
    },
  };
};
