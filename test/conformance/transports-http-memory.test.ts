/** What stays of a connection to a device once it is closed: instances are many, and each is seldom asked. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test, vi } from "vitest";
import { makeCertificate } from "../kit/certificate.ts";
import { openBench } from "../kit/transport-bench.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** The sockets that this process opened while `act` ran, held weakly. */
const socketsDuring = async (act: () => Promise<unknown>): Promise<readonly WeakRef<Socket>[]> => {
  const seen: WeakRef<Socket>[] = [];
  const note = (message: unknown): void => {
    seen.push(new WeakRef((message as { socket: Socket }).socket));
  };
  subscribe("net.client.socket", note);
  await act();
  unsubscribe("net.client.socket", note);
  return seen;
};

const remaining = (sockets: readonly WeakRef<Socket>[]): number => {
  collect();
  return sockets.filter((socket) => socket.deref() !== undefined).length;
};

const answer: RequestListener = (_, response) => response.end("{}");
const { cert, key, fingerprint } = makeCertificate("IP:127.0.0.1");

test.each([
  ["http", createHttp(answer)],
  ["https", createHttps({ cert, key }, answer)],
])("nothing stays of a closed connection over %s, while its instance is remembered", async (scheme, server) => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using bench = openBench({
    transports: { http: { url: ["{url}"], tls: { fingerprint: "pin" } } },
    config: { url, pin: fingerprint },
  });
  const ask = () => bench.door().ask("http.request", { path: "/x" });
  const sockets = await socketsDuring(ask);
  expect(sockets).toHaveLength(1);
  server.closeAllConnections();
  await vi.waitFor(() => expect(remaining(sockets)).toBe(0), { timeout: 5_000 });
  expect(await ask()).toMatchObject({ status: 200 });
  server.close();
});
