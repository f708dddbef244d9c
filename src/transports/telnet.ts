/** Takes telnet's negotiation out of a stream: every offer is declined. */
import type { Socket } from "node:net";

const iac = 255;
const [subBegin, subEnd] = [250, 240];
const [will, wont, doIt, dont] = [251, 252, 253, 254];

/** The answer that declines an offer or request, or none. */
const declined = (command: number | undefined, option: number): readonly number[] => {
  if (command === will) return [iac, dont, option];
  return command === doIt ? [iac, wont, option] : [];
};

const isNegotiation = (command: number | undefined): boolean =>
  command !== undefined && command >= will && command <= dont;

/** Where a subnegotiation that begins at `start` ends. */
const afterSub = (bytes: Buffer, start: number): number => {
  const end = bytes.indexOf(Buffer.from([iac, subEnd]), start);
  return end < 0 ? bytes.length : end + 2;
};

/** What one command at `index` is: how long it is, what it stands for, and what is said back. */
const commandAt = (
  bytes: Buffer,
  index: number,
): { next: number; text: readonly number[]; reply: readonly number[] } => {
  const command = bytes[index + 1];
  if (command === iac) return { next: index + 2, text: [iac], reply: [] };
  if (command === subBegin) return { next: afterSub(bytes, index), text: [], reply: [] };
  if (!isNegotiation(command)) return { next: index + 2, text: [], reply: [] };
  return { next: index + 3, text: [], reply: declined(command, bytes[index + 2] ?? 0) };
};

/** The text in `bytes`; declines go straight back over the socket. */
export const withoutTelnet = (bytes: Buffer, socket: Pick<Socket, "write">): Buffer => {
  const pieces: Uint8Array[] = [];
  const replies: number[] = [];
  let index = 0;
  for (let found = bytes.indexOf(iac); found >= 0; found = bytes.indexOf(iac, index)) {
    const { next, text, reply } = commandAt(bytes, found);
    pieces.push(bytes.subarray(index, found), Uint8Array.from(text));
    replies.push(...reply);
    index = next;
  }
  if (replies.length > 0) socket.write(Buffer.from(replies));
  return index === 0 ? bytes : Buffer.concat([...pieces, bytes.subarray(index)]);
};
