/** A client of a job's event stream that reads numbers and times and little else. */
import { connect, type Socket } from "node:net";
import type { Target } from "./load.ts";

export interface Heard {
  readonly seq: number;
  /** The event's own line. */
  readonly line: string;
  readonly at: number;
}

export interface Watcher {
  /** Resolves when the server answered. */
  readonly opened: Promise<void>;
  /** Resolves with whether the job was done when the stream ended. */
  readonly ended: Promise<boolean>;
  cut(): void;
}

const frameHead = /(?:^|\n)id: (\d+)/;

interface Watched {
  readonly jobId?: string;
  readonly after?: number;
  /** Another stream than that of a job. */
  readonly path?: string;
  hear(heard: Heard): void;
}

/** Reads a stream from the number after `after`; calls `hear` for every event. */
export const watch = (
  { url, token }: Target,
  { jobId, after, hear, path = `/api/jobs/${jobId}/events` }: Watched,
): Watcher => {
  const { hostname, port, host } = new URL(url);
  const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<boolean>();
  let isDone = false;
  let rest = "";
  socket.setEncoding("utf8");
  socket.write(
    `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\n` +
      `accept: text/event-stream\r\n${after === undefined ? "" : `last-event-id: ${after}\r\n`}\r\n`,
  );
  socket.on("data", (chunk: string) => {
    opened.resolve();
    const at = performance.timeOrigin + performance.now();
    const frames = (rest + chunk).split("\n\n");
    rest = frames.pop() ?? "";
    for (const frame of frames) {
      const seq = frameHead.exec(frame)?.[1];
      if (seq === undefined) continue;
      if (jobId !== undefined && frame.includes("event: job.done")) isDone = true;
      hear({ seq: Number(seq), line: frame, at });
    }
    if (isDone) socket.destroy();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    opened.resolve();
    ended.resolve(isDone);
  });
  return { opened: opened.promise, ended: ended.promise, cut: () => socket.destroy() };
};
