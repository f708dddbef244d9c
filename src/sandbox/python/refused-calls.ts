/** The calls to the kernel that a driver in Python is refused, by the number that each processor's kernel gives them. */

export const processors = ["x64", "arm64"] as const;
export type Processor = (typeof processors)[number];

/** On each processor of `processors`; `null` where there is no such call. */
type Numbers = readonly [x64: number | null, arm64: number | null];

/** What makes processes, looks into them, mounts, changes namespaces, keys or the kernel itself. */
export const refusedCalls: Readonly<Record<string, Numbers>> = {
  fork: [57, null],
  vfork: [58, null],
  execveat: [322, 281],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  pidfd_getfd: [438, 438],
  personality: [135, 92],
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  quotactl: [179, 60],
  swapon: [167, 224],
  swapoff: [168, 225],
  acct: [163, 89],
  reboot: [169, 142],
  modify_ldt: [154, null],
  iopl: [172, null],
  ioperm: [173, null],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  perf_event_open: [298, 241],
  bpf: [321, 280],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
};

/** Calls that the filter looks at more closely. */
export const judgedCalls: Readonly<Record<Processor, Readonly<Record<"clone" | "clone3" | "socket", number>>>> = {
  x64: { clone: 56, clone3: 435, socket: 41 },
  arm64: { clone: 220, clone3: 435, socket: 198 },
};

/** What the kernel calls the processor when it asks a filter. */
export const auditOf: Readonly<Record<Processor, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };
