/** Which calls to the kernel a sandbox without Node's own permissions is refused: a filter program for seccomp. */
import { auditOf, judgedCalls, type Processor, processors, refusedCalls } from "./refused-calls.ts";

/** Local sockets, and those of the network that the namespace does not have. Others may know no namespace. */
const families = [1, 2, 10];
const cloneThread = 0x10000;

const [load, jumpEqual, jumpAtLeast, jumpAnySet, give] = [0x20, 0x15, 0x35, 0x45, 0x06];
const [allow, killProcess] = [0x7fff0000, 0x80000000];
const errno = (code: number): number => 0x50000 + code;
const [notPermitted, noSuchCall, noSuchFamily] = [errno(1), errno(38), errno(97)];
const [numberAt, archAt, argumentAt] = [0, 4, 16];
/** Numbers from here on mean calls of another width of addresses. */
const otherWidth = 0x40000000;

/** Operation, then how far to jump when it holds and when not, then its value. */
type Instruction = readonly [code: number, then: number, otherwise: number, value: number];

const whenEqual = (value: number, result: number): Instruction[] => [
  [jumpEqual, 0, 1, value],
  [give, 0, 0, result],
];

const programFor = (processor: Processor): readonly Instruction[] => {
  const { clone, clone3, socket } = judgedCalls[processor];
  const own = processors.indexOf(processor);
  const refused = Object.values(refusedCalls).flatMap((numbers) => numbers[own] ?? []);
  return [
    [load, 0, 0, archAt],
    [jumpEqual, 1, 0, auditOf[processor]],
    [give, 0, 0, killProcess],
    [load, 0, 0, numberAt],
    [jumpAtLeast, 0, 1, otherWidth],
    [give, 0, 0, killProcess],
    ...refused.flatMap((number) => whenEqual(number, notPermitted)),
    // The C library then takes clone, whose flags can be looked at.
    ...whenEqual(clone3, noSuchCall),
    // A thread is let through, a process is not.
    [jumpEqual, 0, 4, clone],
    [load, 0, 0, argumentAt],
    [jumpAnySet, 1, 0, cloneThread],
    [give, 0, 0, notPermitted],
    [give, 0, 0, allow],
    [jumpEqual, 0, 2 + families.length, socket],
    [load, 0, 0, argumentAt],
    ...families.map((family, index): Instruction => [jumpEqual, families.length - index, 0, family]),
    [give, 0, 0, noSuchFamily],
    [give, 0, 0, allow],
  ];
};

const bytesOf = ([code, then, otherwise, value]: Instruction): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(then, 2);
  bytes.writeUInt8(otherwise, 3);
  bytes.writeUInt32LE(value >>> 0, 4);
  return bytes;
};

/**
 * The program as bubblewrap's `--seccomp` takes it: no new processes (threads are), no tracing, mounting, namespaces,
 * keys, io_uring or kernel modules, and sockets of the usual families only. `null` on another processor.
 */
export const callFilter = (arch: string): Buffer | null => {
  const processor = processors.find((one) => one === arch);
  return processor === undefined ? null : Buffer.concat(programFor(processor).map(bytesOf));
};
