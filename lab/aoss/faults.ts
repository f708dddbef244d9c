/** Faults that can be switched on: what a switch does wrong, and at which command. */

export interface SwitchFault {
  /**
   * close: hangs up in the middle of the answer; pages: pages for ever; flood: sends 50 MB; control: colours, bells and
   * cursor movements among the lines; garbage: prints something else; refuse: `Invalid input`; silent: says nothing.
   */
  readonly kind: "close" | "pages" | "flood" | "control" | "garbage" | "refuse" | "silent";
  /** Part of the command; default: every one. */
  readonly command?: string;
  /** How often; default: until it is cleared. */
  readonly times?: number;
  /** True: the command is carried out all the same, only its answer is lost. */
  readonly after?: boolean;
}

export interface SwitchFaults {
  add(fault: SwitchFault): void;
  clear(): void;
  /** The fault for a command, if there is one; counts it. */
  take(command: string): SwitchFault | null;
}

export const createSwitchFaults = (): SwitchFaults => {
  let active: { readonly fault: SwitchFault; left: number }[] = [];
  return {
    add: (fault) => void active.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY }),
    clear: () => {
      active = [];
    },
    take: (command) => {
      const found = active.find(({ fault }) => command.includes(fault.command ?? ""));
      if (found === undefined) return null;
      found.left -= 1;
      if (found.left <= 0) active = active.filter((each) => each !== found);
      return found.fault;
    },
  };
};
