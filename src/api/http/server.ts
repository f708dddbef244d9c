/** Listens: limits on what comes in, and an end in order. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { SwitchyardError } from "../../errors.ts";
import { createApp } from "../app.ts";
import type { ApiDeps } from "../deps.ts";
import { problem } from "./problem.ts";

/** Requests in flight get this long when the server closes. */
const graceMs = 10_000;
const sweepMs = 50;

/** Where to listen, and how patient to be with slow clients. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly patience?: Partial<Pick<typeof limits, "headersTimeout" | "requestTimeout" | "connectionsCheckingInterval">>;
  readonly maxConnections?: number;
}

export interface RunningServer {
  readonly url: string;
  /** No new connections; streams end, requests in flight are answered, then what is left is cut. */
  close(): Promise<void>;
}

const limits = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 15_000,
  /** From the first byte to the last: an upload may take its time. */
  requestTimeout: 120_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
};
const maxHeaders = 100;
/** Twice the event streams there may be; whoever comes then is turned away, instead of everybody running out of them. */
const maxConnections = 4_000;

const statusOf: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

/** What is no HTTP gets a short answer and no more. */
const answerBrokenRequests = (server: Server): void => {
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    const status = statusOf[error.code ?? ""] ?? "400 Bad Request";
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
};

const badRequest = (): Response =>
  problem(new SwitchyardError("validation_failed", { detail: "The request line or a header is not usable." }), {
    instance: "/",
  });

const listen = (server: Server, place: { host: string; port: number }): Promise<AddressInfo> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(place.port, place.host, () => {
      server.off("error", reject);
      resolve(server.address() as AddressInfo);
    });
  });

const urlOf = ({ address, family, port }: AddressInfo): string =>
  `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;

/** A connection that was busy when the end began is let go as soon as its answer is out. */
const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearInterval(sweep);
      clearTimeout(timer);
      resolve();
    });
  });

/**
 * Serves the application.
 * @throws the system's error when the port cannot be had.
 */
export const serveApi = async (deps: ApiDeps, place: Place): Promise<RunningServer> => {
  const stopping = new AbortController();
  const signal = AbortSignal.any([deps.signal, stopping.signal]);
  const app = createApp({ ...deps, signal });
  const server = createServer(
    { ...limits, ...place.patience },
    getRequestListener(app.fetch, { hostname: place.host, errorHandler: badRequest }),
  );
  server.maxHeadersCount = maxHeaders;
  server.maxConnections = place.maxConnections ?? maxConnections;
  answerBrokenRequests(server);
  const address = await listen(server, place);
  deps.log.info({ host: address.address, port: address.port }, "listening");
  return {
    url: urlOf(address),
    close: () => {
      stopping.abort();
      return close(server);
    },
  };
};
