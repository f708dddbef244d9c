/** Devices for transport tests: real servers on loopback that remember what they were asked. */
import { once } from "node:events";
import {
  createServer as createHttp,
  type IncomingHttpHeaders,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from "node:net";
import type { Certificate } from "./certificate.ts";

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
export interface Device extends AsyncDisposable {
  readonly port: number;
  readonly connections: number;
  close(): Promise<void>;
}
export interface HttpDevice extends Device {
  readonly seen: readonly SeenRequest[];
}
export interface TcpDevice extends Device {
  /** Lines received, over all sessions. */
  readonly lines: readonly string[];
}

/** Of all the addresses of this machine one on which no other run listens, for a device whose port is given. */
export const ownAddress = (last: number): string =>
  `127.${1 + (process.pid % 250)}.${Math.floor(process.pid / 250) % 250}.${last}`;

const listening = async (
  server: Server,
  address: string,
  port = 0,
): Promise<Omit<Device, typeof Symbol.asyncDispose>> => {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket.on("close", () => sockets.delete(socket)).on("error", () => undefined));
  });
  server.listen(port, address);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
};

const disposable = <T extends object>(device: Omit<Device, typeof Symbol.asyncDispose>, more: T): Device & T =>
  Object.defineProperties(more, {
    port: { value: device.port },
    connections: { get: () => device.connections },
    close: { value: device.close },
    [Symbol.asyncDispose]: { value: device.close },
  }) as Device & T;

export type Answerer = (request: SeenRequest, response: ServerResponse) => void;

export interface HttpPlace {
  readonly certificate?: Certificate;
  readonly address?: string;
  /** Any free one, unless it is said. */
  readonly port?: number;
}

/** An http (or, with a certificate, https) server; `answer` is called with the whole request. */
export const startHttp = async (
  answer: Answerer,
  { certificate, address = "127.0.0.1", port }: HttpPlace = {},
): Promise<HttpDevice> => {
  const seen: SeenRequest[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const whole = { method, url, headers, body: Buffer.concat(chunks).toString("latin1") };
      seen.push(whole);
      answer(whole, response);
    });
  };
  const server = certificate === undefined ? createHttp(listener) : createHttps(certificate, listener);
  server.on("tlsClientError", () => undefined);
  return disposable(await listening(server, address, port), { seen });
};

export const sendJson = (response: ServerResponse, value: unknown, status = 200): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
};

/** A line server; `answer` gives the lines to say, or takes the socket itself by returning nothing. */
export const startTcp = async (answer: (line: string, socket: Socket) => string | undefined): Promise<TcpDevice> => {
  const lines: string[] = [];
  const server = createTcp((socket) => {
    let pending = "";
    socket.on("data", (bytes) => {
      pending += bytes.toString();
      for (let end = pending.indexOf("\n"); end >= 0; end = pending.indexOf("\n")) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 1);
        lines.push(line);
        const reply = answer(line, socket);
        if (reply !== undefined) socket.write(`${reply}\n`);
      }
    });
  });
  return disposable(await listening(server, "127.0.0.1"), { lines });
};
