/** The filter of calls to the kernel around drivers in Python, for each processor: its program is run, call by call. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { callFilter } from "../../src/sandbox/python/call-filter.ts";
import { judgedCalls, processors, refusedCalls } from "../../src/sandbox/python/refused-calls.ts";
import { isStrict } from "../kit/program.ts";

const allowed = 0x7fff0000;
const killed = 0x80000000;
const failsWith = (errno: number): number => 0x50000 + errno;
const [notPermitted, noSuchCall, noSuchFamily] = [failsWith(1), failsWith(38), failsWith(97)];

const audits = { x64: 0xc000003e, arm64: 0xc00000b7 };
/** Where each kernel's own headers have its numbers; that of arm64 is the one of all younger processors. */
const headers = {
  x64: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
  arm64: "/usr/include/asm-generic/unistd.h",
};

interface Asked {
  readonly audit: number;
  readonly number: number;
  readonly argument?: number;
}

/** By their codes: whether a jump's condition holds. */
const conditions: Readonly<Record<number, (value: number, operand: number) => boolean>> = {
  21: (value, operand) => value === operand,
  53: (value, operand) => value >= operand,
  69: (value, operand) => (value & operand) !== 0,
};
const [load, give] = [0x20, 0x06];

/** Runs the program as the kernel does: what it gives for a call. */
const verdictOf = (program: Buffer, { audit, number, argument = 0 }: Asked): number => {
  const words: Readonly<Record<number, number>> = { 0: number, 4: audit, 16: argument };
  let value = 0;
  for (let at = 0; at < program.length; at += 8) {
    const code = program.readUInt16LE(at);
    const operand = program.readUInt32LE(at + 4);
    if (code === give) return operand;
    const holds = conditions[code];
    if (code === load) value = words[operand] ?? Number.NaN;
    else if (holds === undefined) throw new Error(`no instruction: ${code}`);
    else at += 8 * program.readUInt8(at + (holds(value, operand) ? 2 : 3));
  }
  throw new Error("the program runs past its end");
};

const program = (arch: string): Buffer => callFilter(arch) ?? Buffer.alloc(0);

describe.each(processors)("the filter for %s", (processor) => {
  const audit = audits[processor];
  const ask = (number: number, argument = 0): number => verdictOf(program(processor), { audit, number, argument });
  const own = processors.indexOf(processor);
  const refused = Object.entries(refusedCalls).flatMap(([name, numbers]) => {
    const number = numbers[own];
    return number === null || number === undefined ? [] : [{ name, number }];
  });
  const { clone, clone3, socket } = judgedCalls[processor];
  // The header of x64 lies on x64 alone; that of arm64 is the common one.
  const hasHeader = existsSync(headers[processor]) || (isStrict && processor === "arm64");

  it("refuses each of its calls, and lets all others through", () => {
    expect(refused.map(({ number }) => ask(number))).toEqual(refused.map(() => notPermitted));
    const known = new Set([...refused.map(({ number }) => number), clone, clone3, socket]);
    const others = Array.from({ length: 600 }, (_, number) => number).filter((number) => !known.has(number));
    expect(others.filter((number) => ask(number) !== allowed)).toEqual([]);
  });

  it("lets threads through, and no processes; the newer call, whose flags it cannot see, is not there", () => {
    const thread = 0x3d0f00;
    expect([ask(clone, thread), ask(clone, 17), ask(clone, 0), ask(clone3)]).toEqual([
      allowed,
      notPermitted,
      notPermitted,
      noSuchCall,
    ]);
  });

  it("lets local sockets and those of the network through, and no others", () => {
    const verdicts = Array.from({ length: 46 }, (_, family) => ask(socket, family));
    expect(verdicts.flatMap((verdict, family) => (verdict === allowed ? [family] : []))).toEqual([1, 2, 10]);
    expect(new Set(verdicts)).toEqual(new Set([allowed, noSuchFamily]));
  });

  it("ends a process that calls with the numbers of another processor or width", () => {
    const others = Object.values(audits).filter((one) => one !== audit);
    for (const other of [...others, 0x40000003, 0x40000028]) {
      expect(verdictOf(program(processor), { audit: other, number: 1 })).toBe(killed);
    }
    expect(ask(0x40000000 + 57)).toBe(killed);
  });

  it.skipIf(!hasHeader)("has the numbers that the kernel's own header gives those names", () => {
    const text = readFileSync(headers[processor], "utf8");
    const numberOf = (name: string): number | null => {
      const [, number] = new RegExp(`^#define __NR_${name} (\\d+)$`, "m").exec(text) ?? [];
      return number === undefined ? null : Number(number);
    };
    const ours = { ...refusedCalls, clone: [clone, clone], clone3: [clone3, clone3], socket: [socket, socket] };
    const told = Object.entries(ours).map(([name, numbers]) => [name, numbers[own] ?? null]);
    expect(told).toEqual(Object.keys(ours).map((name) => [name, numberOf(name)]));
  });
});

describe("the filter for another processor", () => {
  it("is none: drivers in Python do not run there", () => {
    expect(callFilter("riscv64")).toBe(null);
  });
});
