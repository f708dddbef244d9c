/** Puts one file at a device, over sftp. */
import type { ClientChannel, SFTPWrapper } from "ssh2";
import { SwitchyardError } from "../../errors.ts";
import type { SshStep } from "../../model/plan.ts";
import { shownText } from "../../model/terminal-text.ts";
import { droppedInAnswer, lateAnswer } from "./failures.ts";
import { inTime, withSignal } from "./in-time.ts";
import type { SshLink } from "./link.ts";

export interface PutLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const openSftp = async (link: SshLink, limits: PutLimits): Promise<SFTPWrapper> => {
  const late = (): SwitchyardError => lateAnswer(link.endpoint, limits.timeoutMs, "the opening of a file transfer");
  const { channel } = await inTime(limits, late, (signal) =>
    link.open((client, done) => {
      client.sftp((thrown, sftp) => done(thrown, sftp as unknown as ClientChannel));
    }, signal),
  );
  return channel as unknown as SFTPWrapper;
};

/** What the device says of a file it did not take; `null` when the connection broke. */
const refusalOf = (thrown: unknown): string | null => {
  const { code, message } = thrown as { code?: unknown; message?: unknown };
  return typeof code === "number" ? shownText(String(message)) : null;
};

export interface PutResult {
  readonly ok: boolean;
  readonly bytes: number;
  readonly message?: string;
}

/** A file being put: the contact is made, nothing is written yet. */
export interface ReadyPut {
  send(put: NonNullable<SshStep["put"]>, limits: PutLimits): Promise<PutResult>;
  done(): void;
}

const write = (sftp: SFTPWrapper, { path, mode, base64 }: NonNullable<SshStep["put"]>): Promise<number> => {
  const bytes = Buffer.from(base64, "base64");
  return new Promise((resolve, reject) => {
    const close = (): void => resolve(bytes.length);
    sftp.writeFile(path, bytes, mode === undefined ? {} : { mode }, (thrown) => {
      if (thrown) reject(thrown);
      // The mode of an open applies to new files only.
      else if (mode === undefined) close();
      else sftp.chmod(path, mode, (refused) => (refused ? reject(refused) : close()));
    });
    sftp.on("close", () => reject(new Error("closed")));
  });
};

export const readyPut = async (link: SshLink, opening: PutLimits): Promise<ReadyPut> => {
  const sftp = await openSftp(link, opening);
  return {
    send: async (put, { timeoutMs, signal: cut }) => {
      const clock = new AbortController();
      const timer = setTimeout(
        () => clock.abort(lateAnswer(link.endpoint, timeoutMs, `the put of ${put.path}`)),
        timeoutMs,
      );
      try {
        return { ok: true, bytes: await withSignal(write(sftp, put), AbortSignal.any([cut, clock.signal])) };
      } catch (thrown) {
        if (thrown instanceof SwitchyardError) throw thrown;
        const message = refusalOf(thrown);
        if (message === null) throw droppedInAnswer(link.endpoint);
        return { ok: false, bytes: 0, message };
      } finally {
        clearTimeout(timer);
      }
    },
    done: () => sftp.end(),
  };
};
