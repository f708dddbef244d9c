/** Frames between runner and sandbox: four bytes of length, then JSON; nothing is buffered beyond the cap. */

/** The largest frame either side accepts: a 16 MiB artifact in base64 and its wrapping fit. */
export const largestFrame = 24 * 1024 * 1024;

/** One message as bytes. Throws a RangeError when it is larger than the other side accepts. */
export const encodeFrame = (message: unknown): Buffer => {
  const text = JSON.stringify(message);
  const length = Buffer.byteLength(text);
  if (length > largestFrame) throw new RangeError(`A message of ${length} bytes is larger than ${largestFrame}.`);
  const frame = Buffer.allocUnsafe(length + 4);
  frame.writeUInt32LE(length, 0);
  frame.write(text, 4);
  return frame;
};

export interface FrameReader {
  /** Takes bytes as they come and calls `onFrame` with each whole body. Throws a RangeError for a frame beyond the cap. */
  push(chunk: Buffer): void;
  /** Whether a frame has begun and not ended. */
  readonly isAmidst: boolean;
}

/** Cuts a stream of bytes into frames. */
export const createFrameReader = (onFrame: (body: Buffer) => void): FrameReader => {
  let pieces: Buffer[] = [];
  let held = 0;
  let wanted = -1;

  const gather = (): Buffer => {
    const first = pieces[0];
    const all = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces, held);
    pieces = [all];
    return all;
  };
  const takeLength = (): boolean => {
    if (held < 4) return false;
    const all = gather();
    wanted = all.readUInt32LE(0);
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
    onFrame(body);
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
