/** Places on this machine where contacts go wrong in a known way: closed, silent, refusing, with a certificate of nobody. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { issue } from "./certificate.ts";

export const loopback = "127.0.0.1";

export interface OpenPlace {
  readonly port: number;
  close(): Promise<void>;
}

const listening = async (server: Server): Promise<OpenPlace> => {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
  };
  server.on("connection", keep);
  server.listen(0, loopback);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};

/** A port on which nothing listens. */
export const closedPort = async (): Promise<number> => {
  const place = await listening(createServer());
  await place.close();
  return place.port;
};

/** Takes connections and packets, and never says a word. */
export const silentPlace = async (): Promise<OpenPlace> => {
  const tcp = await listening(createServer((socket) => void socket.resume()));
  const udp = createSocket("udp4").bind(tcp.port, loopback);
  await once(udp, "listening");
  return {
    port: tcp.port,
    close: async () => {
      udp.close();
      await tcp.close();
    },
  };
};

/** Answers every request with 401. */
export const refusingPlace = (): Promise<OpenPlace> =>
  listening(
    createHttpServer((request, response) => {
      request.resume();
      response.writeHead(401, { "content-type": "application/json" }).end('{"error":"unauthorized"}');
    }),
  );

const day = 86_400_000;

/** Speaks https with a certificate that nobody signed. */
export const distrustedPlace = (now: number): Promise<OpenPlace> => {
  const facts = { commonName: "nobody", names: [loopback], notBefore: now - day, notAfter: now + day };
  const { keyPem, pem } = issue(facts);
  return listening(createHttpsServer({ key: keyPem, cert: pem }, (_, response) => response.end("{}")));
};
