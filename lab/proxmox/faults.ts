/** Faults that can be switched on: what the network or the server does wrong, and for which requests. */

export interface Fault {
  /** slow: answers late; hung: never; reset: cuts the connection; error: answers `status`; half: stops in mid-body. */
  readonly kind: "slow" | "hung" | "reset" | "error" | "half";
  readonly method?: string;
  /** Part of the path; default: all. */
  readonly path?: string;
  /** slow: how late. Default 1,000. */
  readonly ms?: number;
  /** error: default 500. */
  readonly status?: number;
  readonly message?: string;
  /** How often; default: until it is cleared. */
  readonly times?: number;
  /** True: the request is carried out all the same, only its answer is lost. */
  readonly after?: boolean;
}

/** Which certificate new connections see: the good one, a stranger's, or one by the good authority that does not fit. */
export type CertificateChoice = "good" | "unknown" | "other_name" | "expired";

export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  certificate(choice: CertificateChoice): void;
  list(): readonly Fault[];
}

interface Active {
  readonly fault: Fault;
  left: number;
}

/** Takes the fault for a request, if there is one, and counts it. */
export type TakeFault = (method: string, path: string) => Fault | null;

export const createFaults = (
  initial: readonly Fault[],
  useCertificate: (choice: CertificateChoice) => void,
): { faults: Faults; take: TakeFault } => {
  let active: Active[] = [];
  const add = (fault: Fault): void => {
    active.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY });
  };
  for (const fault of initial) add(fault);
  const take: TakeFault = (method, path) => {
    const found = active.find(
      ({ fault }) => (fault.method ?? method) === method && (fault.path === undefined || path.includes(fault.path)),
    );
    if (found === undefined) return null;
    found.left -= 1;
    if (found.left <= 0) active = active.filter((each) => each !== found);
    return found.fault;
  };
  const clear = (): void => {
    active = [];
    useCertificate("good");
  };
  return { faults: { add, clear, certificate: useCertificate, list: () => active.map(({ fault }) => fault) }, take };
};
