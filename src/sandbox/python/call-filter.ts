/** Which calls to the kernel a sandbox without Node's own permissions is refused: a filter program for seccomp. */

/** What a process may not do, by the number that the kernel of each processor gives it. */
const refused: Readonly<Record<string, { readonly audit: number; readonly numbers: readonly number[] }>> = {
  x64: {
    audit: 0xc000003e,
    numbers: [
      ...[29, 64, 68, 240, 278], // shmget, semget, msgget, mq_open, vmsplice
      ...[57, 58], // fork, vfork
      ...[101, 135, 154, 155, 163], // ptrace, personality, modify_ldt, pivot_root, acct
      ...[165, 166, 167, 168, 169, 172, 173], // mount, umount2, swapon, swapoff, reboot, iopl, ioperm
      ...[175, 176, 179, 246, 248, 249, 250], // init_module, delete_module, quotactl, kexec_load, add_key, request_key, keyctl
      ...[272, 298, 308, 310, 311, 313], // unshare, perf_event_open, setns, process_vm_*, finit_module
      ...[320, 321, 322, 323], // kexec_file_load, bpf, execveat, userfaultfd
    ],
  },
  arm64: {
    audit: 0xc00000b7,
    numbers: [
      ...[75, 180, 186, 190, 194], // vmsplice, mq_open, msgget, semget, shmget
      ...[39, 40, 41, 60, 89, 92], // umount2, mount, pivot_root, quotactl, acct, personality
      ...[97, 104, 105, 106, 117, 142], // unshare, kexec_load, init_module, delete_module, ptrace, reboot
      ...[217, 218, 219, 224, 225, 241], // add_key, request_key, keyctl, swapon, swapoff, perf_event_open
      ...[268, 270, 271, 273], // setns, process_vm_*, finit_module
      ...[280, 281, 282, 294], // bpf, execveat, userfaultfd, kexec_file_load
    ],
  },
};
/** The same on every processor: io_uring, the calls that mount, pidfd_getfd, mount_setattr. */
const refusedEverywhere = [425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442];
const numbers: Readonly<Record<string, { readonly clone: number; readonly socket: number; readonly map: number }>> = {
  x64: { clone: 56, socket: 41, map: 9 },
  arm64: { clone: 220, socket: 198, map: 222 },
};
const clone3 = 435;

/** Local sockets, and those of the network that the namespace does not have. Others may know no namespace. */
const families = [1, 2, 10];
const cloneThread = 0x10000;
/** Memory of no file that others may share: given away page by page it stays, and nobody counts it as the process's. */
const [mapShared, mapAnonymous] = [0x01, 0x20];

const [load, jumpEqual, jumpAtLeast, jumpAnySet, give] = [0x20, 0x15, 0x35, 0x45, 0x06];
const [allow, killProcess] = [0x7fff0000, 0x80000000];
const errno = (code: number): number => 0x50000 + code;
const [notPermitted, noSuchCall, noSuchFamily] = [errno(1), errno(38), errno(97)];
const [numberAt, archAt, argumentAt, fourthArgumentAt] = [0, 4, 16, 40];
/** Numbers from here on mean calls of another width of addresses. */
const otherWidth = 0x40000000;

/** Operation, then how far to jump when it holds and when not, then its value. */
type Instruction = readonly [code: number, then: number, otherwise: number, value: number];

const whenEqual = (value: number, result: number): Instruction[] => [
  [jumpEqual, 0, 1, value],
  [give, 0, 0, result],
];

const programFor = (arch: string): readonly Instruction[] | null => {
  const [own, special] = [refused[arch], numbers[arch]];
  if (own === undefined || special === undefined) return null;
  return [
    [load, 0, 0, archAt],
    [jumpEqual, 1, 0, own.audit],
    [give, 0, 0, killProcess],
    [load, 0, 0, numberAt],
    [jumpAtLeast, 0, 1, otherWidth],
    [give, 0, 0, killProcess],
    ...[...own.numbers, ...refusedEverywhere].flatMap((number) => whenEqual(number, notPermitted)),
    [jumpEqual, 0, 5, special.map],
    [load, 0, 0, fourthArgumentAt],
    [jumpAnySet, 0, 2, mapAnonymous],
    [jumpAnySet, 0, 1, mapShared],
    [give, 0, 0, notPermitted],
    [give, 0, 0, allow],
    // The C library then takes clone, whose flags can be looked at.
    ...whenEqual(clone3, noSuchCall),
    // A thread is let through, a process is not.
    [jumpEqual, 0, 4, special.clone],
    [load, 0, 0, argumentAt],
    [jumpAnySet, 1, 0, cloneThread],
    [give, 0, 0, notPermitted],
    [give, 0, 0, allow],
    [jumpEqual, 0, 2 + families.length, special.socket],
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
 * keys, io_uring or kernel modules, sockets of the usual families only, and no memory that outlasts its mapping. `null` on another processor.
 */
export const callFilter = (arch: string): Buffer | null => {
  const program = programFor(arch);
  return program === null ? null : Buffer.concat(program.map(bytesOf));
};
