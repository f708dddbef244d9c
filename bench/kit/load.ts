/** A load generator that costs little: ready-made requests on a few sockets, answers counted and hardly looked at. */
import { connect, type Socket } from "node:net";
import { quantile } from "./statistics.ts";

export interface Target {
  readonly url: string;
  readonly token: string;
}

/** One request, ready to be sent. */
export const requestBytes = ({ url, token }: Target, method: string, path: string, body?: unknown): Buffer => {
  const text = body === undefined ? "" : JSON.stringify(body);
  const head = [
    `${method} ${path} HTTP/1.1`,
    `host: ${new URL(url).host}`,
    `authorization: Bearer ${token}`,
    ...(body === undefined ? [] : ["content-type: application/json"]),
    `content-length: ${Buffer.byteLength(text)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${text}`);
};

export interface Line {
  /** Sends the request; resolves with the status when its answer is complete. */
  ask(request: Buffer): Promise<number>;
  close(): void;
}

/** How long the first answer in the text is; -1 while it is not complete. */
const answerLength = (text: string): number => {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return -1;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1];
  if (length === undefined) throw new Error("expected an answer with a length");
  const whole = end + 4 + Number(length);
  return text.length < whole ? -1 : whole;
};

const openLine = async (url: string): Promise<Line> => {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  let text = "";
  let waiting: PromiseWithResolvers<number> | undefined;
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
    if (answerLength(text) < 0) return;
    const status = Number(text.slice(9, 12));
    text = "";
    waiting?.resolve(status);
  });
  socket.on("close", () => waiting?.reject(new Error("the server closed the connection")));
  socket.on("error", () => undefined);
  return {
    ask: (request) => {
      waiting = Promise.withResolvers<number>();
      socket.write(request);
      return waiting.promise;
    },
    close: () => socket.destroy(),
  };
};

export const openLines = (url: string, count: number): Promise<Line[]> =>
  Promise.all(Array.from({ length: count }, () => openLine(url)));

const expectStatus = (got: number, expected: number): void => {
  if (got !== expected) throw new Error(`expected every answer to be ${expected}, got ${got}`);
};

export interface Volley {
  readonly count: number;
  readonly inFlight: number;
  readonly expected: number;
  request(index: number): Buffer;
}

/** As fast as it goes, so many at a time; answers per second. */
export const volley = async (url: string, { count, inFlight, expected, request }: Volley): Promise<number> => {
  const lines = await openLines(url, inFlight);
  let next = 0;
  const from = performance.now();
  await Promise.all(
    lines.map(async (line) => {
      while (next < count) {
        next += 1;
        expectStatus(await line.ask(request(next - 1)), expected);
      }
    }),
  );
  const seconds = (performance.now() - from) / 1000;
  for (const line of lines) line.close();
  return count / seconds;
};

export interface Stream {
  readonly perSecond: number;
  readonly seconds: number;
  readonly expected: number;
  request(index: number): Buffer;
}

/** At a steady rate, however slow the answers; the latencies in ms, counted from when each was due. */
const stream = async (url: string, { perSecond, seconds, expected, request }: Stream): Promise<number[]> => {
  const free = await openLines(url, 64);
  const all = [...free];
  const latencies: number[] = [];
  const running: Promise<void>[] = [];
  const from = performance.now();
  const count = perSecond * seconds;
  for (let index = 0; index < count; index += 1) {
    const due = from + (index * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    const line = free.pop();
    if (line === undefined) throw new Error("the server did not keep up with the rate");
    running.push(
      line.ask(request(index)).then((status) => {
        expectStatus(status, expected);
        latencies.push(performance.now() - due);
        free.push(line);
      }),
    );
  }
  await Promise.all(running);
  for (const line of all) line.close();
  return latencies;
};

/** The p99 of each round: a machine that is shared stalls now and then, and one stall must not be all that is seen. */
export const streamRounds = async (
  url: string,
  rounds: number,
  asked: Stream,
): Promise<{ p50: number; p99s: number[] }> => {
  const each: number[][] = [];
  for (let round = 0; round < rounds; round += 1) each.push(await stream(url, asked));
  return { p50: quantile(each.flat(), 0.5), p99s: each.map((latencies) => quantile(latencies, 0.99)) };
};
