/** Takes telnet's negotiation out of a stream: every offer is declined. */
import type { Socket } from "node:net";

const iac = 255;
const [subBegin, subEnd] = [250, 240];
const [will, wont, doIt, dont] = [251, 252, 253, 254];
/** A command that is longer than this is none. */
const longestCommand = 4_096;
/** A device that reads none of our answers is given no more of them. */
const mostUnread = 65_536;

/** The answer that declines an offer or request, or none. */
const declined = (command: number | undefined, option: number): readonly number[] => {
  if (command === will) return [iac, dont, option];
  return command === doIt ? [iac, wont, option] : [];
};

const isNegotiation = (command: number): boolean => command >= will && command <= dont;

interface Command {
  readonly next: number;
  readonly text: readonly number[];
  readonly reply: readonly number[];
}

/** What one command at `index` is: where it ends, what it stands for, what is said back; `undefined`: it goes on in what comes next. */
const commandAt = (bytes: Buffer, index: number): Command | undefined => {
  const command = bytes[index + 1];
  if (command === undefined) return undefined;
  if (command === iac) return { next: index + 2, text: [iac], reply: [] };
  if (command === subBegin) {
    const end = bytes.indexOf(Buffer.from([iac, subEnd]), index + 2);
    return end < 0 ? undefined : { next: end + 2, text: [], reply: [] };
  }
  if (!isNegotiation(command)) return { next: index + 2, text: [], reply: [] };
  const option = bytes[index + 2];
  return option === undefined ? undefined : { next: index + 3, text: [], reply: declined(command, option) };
};

interface Taken {
  readonly text: Buffer;
  readonly replies: readonly number[];
  /** A command that is not whole yet. */
  readonly rest: Buffer;
}

const take = (bytes: Buffer): Taken => {
  const pieces: Uint8Array[] = [];
  const replies: number[] = [];
  let index = 0;
  for (let found = bytes.indexOf(iac); found >= 0; found = bytes.indexOf(iac, index)) {
    const command = commandAt(bytes, found);
    pieces.push(bytes.subarray(index, found), Uint8Array.from(command?.text ?? []));
    if (command === undefined)
      return { text: Buffer.concat(pieces), replies, rest: Buffer.from(bytes.subarray(found)) };
    replies.push(...command.reply);
    index = command.next;
  }
  return { text: Buffer.concat([...pieces, bytes.subarray(index)]), replies, rest: Buffer.alloc(0) };
};

/** Takes bytes as they come, and gives the text in them; a command may be cut anywhere between two pieces. */
export const createTelnet = (socket: Pick<Socket, "write" | "writableLength">): ((bytes: Buffer) => Buffer) => {
  let kept: Buffer = Buffer.alloc(0);
  return (bytes) => {
    const { text, replies, rest } = take(kept.length === 0 ? bytes : Buffer.concat([kept, bytes]));
    kept = rest.length <= longestCommand ? rest : Buffer.alloc(0);
    if (replies.length > 0 && socket.writableLength < mostUnread) socket.write(Buffer.from(replies));
    return text;
  };
};
