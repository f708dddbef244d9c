/** The warm SNMP sessions of an instance to one endpoint: one for reads, which are repeated, and one for writes, which are not. */
import type { Session, User } from "net-snmp";
import type { SwitchyardError } from "../../errors.ts";
import type { SnmpEndpoint, SnmpUser } from "../../model/endpoint.ts";
import { fill, type Rendered } from "../../model/template.ts";
import { connectFailure } from "../causes.ts";
import { checkedAddresses } from "../dial.ts";
import type { SecretBook } from "../secrets.ts";
import type { Surroundings } from "../wire.ts";
import { type Heard, isOutOfTime, isTimeout, silence, snmpFailure, timedOut } from "./failures.ts";
import { nameOddStatus } from "./odd-status.ts";
import { openSnmpSocket, type SnmpSocket } from "./socket.ts";

const idleMs = 60_000;
/** So long after an answer an agent is taken to be there. */
const freshMs = 10_000;
/** Version 3 may have to meet the agent and to set its clock before it asks. */
const asksOfVersion3 = 3;
const graceMs = 250;
/** So long after a silence an agent is asked, and not waited for longer than a living one needs. */
const silentMs = 30_000;
const briefMs = 1_000;

interface LinkDeps {
  readonly around: Surroundings;
  readonly secrets: SecretBook;
}

type Use = "read" | "write";

interface OpenSession {
  readonly session: Session;
  readonly socket: SnmpSocket;
  /** Requests whose answer or end is still to come. */
  pending: number;
  /** Requests whose answer came. */
  answered: number;
  /** The longest that the library may take for a request, ms. */
  readonly mostMs: number;
  /** Closes when nothing is pending: the next request opens another. */
  isLast: boolean;
}

type Callback<T> = (error: Error | null, value?: T) => void;
/** Starts one request of the library. */
export type Request<T> = (session: Session, done: Callback<T>) => unknown;

/** Packets that were the answer to no request. */
const heardOn = ({ socket, answered }: OpenSession): Heard => {
  const { received, garbled } = socket.counts;
  return { received: received - answered, garbled };
};

const over = (open: OpenSession, error: Error | null | undefined): void => {
  open.pending -= 1;
  if (!isTimeout(error)) open.answered += 1;
  if (open.isLast && open.pending === 0) open.socket.close();
};

/** Lives as long as its instance is in use. */
export class SnmpLink {
  readonly endpoint: SnmpEndpoint;
  private readonly deps: LinkDeps;
  private readonly sessions = new Map<Use, Promise<OpenSession>>();
  private answeredAt = Number.NEGATIVE_INFINITY;
  private silentAt = Number.NEGATIVE_INFINITY;
  private idle: NodeJS.Timeout | undefined;

  constructor(endpoint: SnmpEndpoint, deps: LinkDeps) {
    this.endpoint = endpoint;
    this.deps = deps;
  }

  /** Whether the agent answered a moment ago. */
  get isFresh(): boolean {
    return this.deps.around.now() - this.answeredAt < freshMs;
  }

  /** Whether its last word was that it has none: each question of a refresh would wait all its time for the same. */
  private get isSilent(): boolean {
    return this.silentAt > this.answeredAt && this.deps.around.now() - this.silentAt < silentMs;
  }

  /** Makes one request. Failures that the agent names come as the library throws them, all others as SwitchyardErrors. */
  async ask<T>(use: Use, request: Request<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const opening = this.open(use);
    const open = await opening;
    const startedAt = this.deps.around.now();
    const before = heardOn(open);
    const isBrief = use === "read" && this.isSilent;
    try {
      const asked = this.send(open, request, signal);
      return await (isBrief ? this.briefly(asked) : asked);
    } catch (thrown) {
      if (isTimeout(thrown) || isOutOfTime(thrown)) this.retire(use, opening, open);
      if (!isTimeout(thrown)) throw thrown;
      if (!isBrief && this.answeredAt < startedAt) this.silentAt = this.deps.around.now();
      const { received, garbled } = heardOn(open);
      const heard = { received: received - before.received, garbled: garbled - before.garbled };
      throw silence(this.endpoint, this.deps.around.now() - startedAt, heard);
    }
  }

  /** As `ask`, once more when the agent's clock went another way, as after its restart: it did nothing with the request. */
  async askInTime<T>(use: Use, request: Request<T>, signal: AbortSignal): Promise<T> {
    try {
      return await this.ask(use, request, signal);
    } catch (thrown) {
      if (!isOutOfTime(thrown)) throw thrown;
      return this.ask(use, request, signal);
    }
  }

  cut(): void {
    this.close();
  }

  private close(): void {
    clearTimeout(this.idle);
    for (const opening of this.sessions.values())
      opening.then(
        ({ socket }) => socket.close(),
        () => undefined,
      );
    this.sessions.clear();
  }

  /** Gives up sooner; the request goes on to its end all the same, and a late answer says that the agent is there. */
  private async briefly<T>(asked: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(timedOut()), Math.min(briefMs, this.endpoint.timeoutMs));
    asked.catch(() => undefined);
    return Promise.race([asked, late.promise]).finally(() => clearTimeout(timer));
  }

  /** The next request opens another session; those that wait on this one beside a failed one are not cut short. */
  private retire(use: Use, opening: Promise<OpenSession>, open: OpenSession): void {
    if (this.sessions.get(use) === opening) this.sessions.delete(use);
    open.isLast = true;
    if (open.pending === 0) open.socket.close();
  }

  private send<T>(open: OpenSession, request: Request<T>, signal: AbortSignal): Promise<T> {
    const { session, socket } = open;
    open.pending += 1;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
      let isOver = false;
      const forget = socket.onRefused((error) => reject(connectFailure(error, { ...this.endpoint, scheme: "snmp" })));
      const done: Callback<T> = (error, value) => {
        clearTimeout(backstop);
        signal.removeEventListener("abort", onAbort);
        forget();
        if (!isOver) over(open, error);
        isOver = true;
        if (!error) this.answeredAt = this.deps.around.now();
        if (error === null || error === undefined) resolve(value as T);
        else reject(error);
      };
      // An answer on which the library stumbles has ended its clock, too.
      const backstop = setTimeout(() => done(timedOut()), open.mostMs);
      request(session, done);
    });
  }

  private open(use: Use): Promise<OpenSession> {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.close(), idleMs).unref();
    const known = this.sessions.get(use);
    if (known !== undefined) return known;
    const opening = this.openNow(use);
    this.sessions.set(use, opening);
    opening.catch(() => this.sessions.delete(use));
    return opening;
  }

  private async openNow(use: Use): Promise<OpenSession> {
    const { endpoint } = this;
    try {
      const [address = ""] = await checkedAddresses(endpoint, this.deps.around);
      const socket = await openSnmpSocket(address, endpoint.port);
      const session = nameOddStatus(await this.sessionOn(socket, address, use));
      session.on("error", socket.onUnreadable);
      const tries = 1 + (use === "read" ? endpoint.retries : 0);
      const mostMs = graceMs + endpoint.timeoutMs * tries * (endpoint.version === "3" ? asksOfVersion3 : 1);
      return { session, socket, mostMs, pending: 0, answered: 0, isLast: false };
    } catch (thrown) {
      throw connectFailure(thrown, { ...endpoint, scheme: "snmp" });
    }
  }

  private async sessionOn({ dgramModule }: SnmpSocket, address: string, use: Use): Promise<Session> {
    const { default: snmp } = await import("net-snmp");
    const { endpoint } = this;
    const common = {
      port: endpoint.port,
      timeout: endpoint.timeoutMs,
      retries: use === "read" ? endpoint.retries : 0,
      reportOidMismatchErrors: true,
      dgramModule,
    };
    if (endpoint.version === "3" && endpoint.user !== null) {
      const user = this.userOf(endpoint.user, snmp as unknown as SecurityNames);
      return snmp.createV3Session(address, user, { ...common, context: endpoint.context });
    }
    const version = endpoint.version === "1" ? snmp.Version1 : snmp.Version2c;
    return snmp.createSession(address, this.text(endpoint.community ?? []), { ...common, version });
  }

  private userOf({ name, auth, priv }: SnmpUser, names: SecurityNames): User {
    const level = auth === null ? "noAuthNoPriv" : priv === null ? "authNoPriv" : "authPriv";
    const user = {
      name,
      level: names.SecurityLevel[level],
      ...(auth === null ? {} : { authProtocol: names.AuthProtocols[auth.protocol], authKey: this.text(auth.key) }),
      ...(priv === null || auth === null
        ? {}
        : { privProtocol: names.PrivProtocols[priv.protocol], privKey: this.text(priv.key) }),
    };
    return user as unknown as User;
  }

  private text(rendered: Rendered): string {
    return fill(rendered, (_, name) => this.deps.secrets.valueOf(name));
  }
}

interface SecurityNames {
  readonly SecurityLevel: Readonly<Record<string, number>>;
  readonly AuthProtocols: Readonly<Record<string, string>>;
  readonly PrivProtocols: Readonly<Record<string, string>>;
}

/** The cause of a failed request, whatever it was thrown as. */
export const asCause = (thrown: unknown, { endpoint }: SnmpLink): SwitchyardError => snmpFailure(thrown, endpoint);
