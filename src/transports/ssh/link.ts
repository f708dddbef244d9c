/** The one warm connection of an instance to an ssh endpoint: opened when asked, shared by commands, closed when idle. */
import type { ClientChannel } from "ssh2";
import { SwitchyardError } from "../../errors.ts";
import type { SshEndpoint } from "../../model/endpoint.ts";
import { type ConnectDeps, connectSsh, type SshConnection } from "./connection.ts";
import { droppedInAnswer, noChannel } from "./failures.ts";
import { withSignal } from "./in-time.ts";

/** So long may a channel take to open after it was given up. */
const abandonedMs = 2_000;
/** OpenSSH allows ten sessions on a connection; other devices say no earlier, and are believed. */
const mostChannels = 8;

export type OpenChannel = (
  client: SshConnection["client"],
  done: (thrown: Error | undefined, channel: ClientChannel) => void,
) => unknown;

/** How a command ended, as soon as the device says so. */
export interface Exit {
  code: number | null;
  isTold: boolean;
}

export interface Channel {
  readonly channel: ClientChannel;
  readonly connection: SshConnection;
  readonly exit: Exit;
}

/** Something that is kept on a connection and may be closed at any time. */
interface Spare {
  readonly isClosed: boolean;
  close(): void;
}

/** Lives as long as its instance is in use; the connection below it comes and goes. */
export class SshLink {
  /** Whether a connection was open already when it was last asked for. */
  wasWarm = false;
  private connecting: Promise<SshConnection> | null = null;
  private connection: SshConnection | null = null;
  private refused: SwitchyardError | null = null;
  private busy = 0;
  private most = mostChannels;
  private idle: NodeJS.Timeout | undefined;
  private isLeaving = false;
  private readonly line: (() => void)[] = [];
  private readonly spare: Spare[] = [];
  private cutter = new AbortController();
  readonly endpoint: SshEndpoint;
  private readonly deps: Omit<ConnectDeps, "signal" | "timeoutMs">;

  constructor(endpoint: SshEndpoint, deps: Omit<ConnectDeps, "signal" | "timeoutMs">) {
    this.endpoint = endpoint;
    this.deps = deps;
  }

  /** Connects and logs in, if that is not done. @throws SwitchyardError with the cause; a refused login stays refused. */
  async reach(signal: AbortSignal): Promise<SshConnection> {
    signal.throwIfAborted();
    if (this.refused !== null) throw this.refused;
    this.wasWarm = this.connection !== null && !this.connection.isDown;
    if (this.connection !== null && !this.connection.isDown) return this.connection;
    this.connecting ??= this.connect().finally(() => {
      this.connecting = null;
    });
    return withSignal(this.connecting, signal);
  }

  /**
   * Opens a channel; when the device allows no more of them at once, after another one is closed.
   * @throws SwitchyardError; the command was not begun then.
   */
  async open(open: OpenChannel, signal: AbortSignal): Promise<Channel> {
    for (;;) {
      await this.turn(signal);
      const connection = await this.reach(signal).catch((thrown: unknown) => {
        this.leave();
        throw thrown;
      });
      const found = await this.tryOpen(connection, open, signal);
      if (found !== undefined) return found;
    }
  }

  /** Keeps something on this connection that can be closed at any time when its channel is needed. */
  keep(spare: Spare): void {
    this.spare.push(spare);
    this.rest();
  }
  unkeep(spare: Spare): void {
    const at = this.spare.indexOf(spare);
    if (at >= 0) this.spare.splice(at, 1);
    clearTimeout(this.idle);
  }

  /** Whether it closes as soon as nothing runs on it, or is kept for a while. */
  setLeaving(isLeaving: boolean): void {
    if (isLeaving === this.isLeaving) return;
    this.isLeaving = isLeaving;
    this.rest();
  }

  /** Cuts the connection and all on it. */
  cut(): void {
    this.cutter.abort(new SwitchyardError("internal", { detail: "The connections of this instance were cut." }));
    this.cutter = new AbortController();
    clearTimeout(this.idle);
    this.connection?.client.destroy();
    this.connection = null;
  }

  /** Remembers a login that was refused after the connection's own, so that it is not repeated. */
  refuse(error: SwitchyardError): void {
    this.refused = error;
    this.connection?.end();
  }

  private async connect(): Promise<SshConnection> {
    const { timeoutMs } = this.endpoint;
    const { cutter } = this;
    try {
      const connection = await connectSsh(this.endpoint, { ...this.deps, signal: cutter.signal, timeoutMs });
      if (cutter.signal.aborted) connection.client.destroy();
      cutter.signal.throwIfAborted();
      this.connection = connection;
      this.most = mostChannels;
      connection.client.on("error", (thrown) => this.deps.around.log.debug({ err: thrown }, "an ssh connection broke"));
      connection.onDown(() => this.forget(connection));
      this.rest();
      return connection;
    } catch (thrown) {
      if (thrown instanceof SwitchyardError && thrown.code === "auth_failed") this.refused = thrown;
      throw thrown;
    }
  }

  private forget(connection: SshConnection): void {
    if (this.connection !== connection) return;
    this.connection = null;
    this.spare.length = 0;
  }

  private async turn(signal: AbortSignal): Promise<void> {
    clearTimeout(this.idle);
    while (this.busy >= this.most) {
      const room = new Promise<void>((resolve) => this.line.push(resolve));
      this.spare.shift()?.close();
      await withSignal(room, signal);
    }
    this.busy += 1;
  }

  private leave(): void {
    this.busy -= 1;
    this.line.shift()?.();
    this.rest();
  }

  /** What is only kept for the next command does not hold the connection open. */
  private rest(): void {
    clearTimeout(this.idle);
    if (this.busy > this.spare.filter(({ isClosed }) => !isClosed).length) return;
    const { idleMs, leavingMs } = this.deps.around.linkTimes;
    this.idle = setTimeout(() => this.close(), this.isLeaving ? leavingMs : idleMs).unref();
  }

  /** Forgotten before it is closed: a command that comes meanwhile has a connection of its own. */
  private close(): void {
    const { connection } = this;
    this.connection = null;
    for (const spare of this.spare.splice(0)) spare.close();
    connection?.end();
  }

  private async tryOpen(
    connection: SshConnection,
    open: OpenChannel,
    signal: AbortSignal,
  ): Promise<Channel | undefined> {
    const opening = openOn(connection, open, () => this.leave());
    try {
      return { ...(await withSignal(opening, signal)), connection };
    } catch (thrown) {
      if (signal.aborted) {
        this.abandon(connection, opening);
        throw thrown;
      }
      if (connection.isDown) throw droppedInAnswer(this.endpoint);
      if (!this.makeRoom(connection)) throw noChannel(this.endpoint, thrown);
      return undefined;
    }
  }

  /** Nobody waits for this channel any more. A device that never gives it gets no further command on this connection. */
  private abandon(connection: SshConnection, opening: Promise<Omit<Channel, "connection">>): void {
    const late = setTimeout(() => {
      if (this.connection === connection) this.connection = null;
      setTimeout(() => connection.client.destroy(), this.deps.around.linkTimes.idleMs).unref();
    }, abandonedMs).unref();
    opening
      .then(
        ({ channel }) => closeQuietly(channel),
        () => undefined,
      )
      .finally(() => clearTimeout(late));
  }

  /** The device refused another channel while others are open: no more than those are asked for from now on. */
  private makeRoom(connection: SshConnection): boolean {
    if (connection.isDown || this.busy === 0) return false;
    this.most = this.busy;
    return true;
  }
}

/** Opens on this connection; `left` is called once when the channel is closed, or was never there. */
const openOn = (
  connection: SshConnection,
  open: OpenChannel,
  left: () => void,
): Promise<Omit<Channel, "connection">> => {
  const { promise, resolve, reject } = Promise.withResolvers<Omit<Channel, "connection">>();
  let isOver = false;
  let forget: (() => void) | undefined;
  const over = (thrown: unknown): void => {
    if (isOver) return;
    isOver = true;
    forget?.();
    left();
    reject(thrown);
  };
  forget = connection.onDown(() => over(new Error("the connection was closed")));
  try {
    open(connection.client, (thrown, channel) => {
      if (thrown !== undefined && thrown !== null) over(thrown);
      else {
        const exit: Exit = { code: null, isTold: false };
        // Told in the same breath as the channel: listening begins here, not when the promise is looked at.
        channel.on("exit", (code: number | null) => Object.assign(exit, { code, isTold: true }));
        channel.on("close", () => over(new Error("closed")));
        resolve({ channel, exit });
      }
    });
  } catch (thrown) {
    over(thrown);
  }
  return promise;
};

/** Closes a channel that nobody waits for any more. */
export const closeQuietly = (channel: ClientChannel): void => {
  channel.on("error", () => undefined);
  channel.destroy();
};
