/** A Proxmox VE cluster to test against: the real paths, answers and delays, no guests behind them. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Certificate, isCertificate, issue } from "../src/testing/certificate.ts";
import { isPort, listenAgain } from "./kept.ts";
import {
  authenticate,
  createTokens,
  isTokenSecrets,
  secretsOf,
  type TokenNames,
  type TokenRecord,
  type TokenSecrets,
} from "./proxmox/access.ts";
import { type Cluster, createCluster } from "./proxmox/cluster.ts";
import { answerControl } from "./proxmox/control.ts";
import { type Outcome, readParams, respond } from "./proxmox/exchange.ts";
import { type CertificateChoice, createFaults, type Fault, type Faults, type TakeFault } from "./proxmox/faults.ts";
import type { Params } from "./proxmox/guest-power.ts";
import { type Memory, memoryOf, recall } from "./proxmox/memory.ts";
import { answerCall } from "./proxmox/routes.ts";

export interface ProxmoxOptions {
  /** Default 3. */
  readonly nodes?: number;
  /** Default 8, from id 100. */
  readonly vms?: number;
  /** Default 4, from id 200. */
  readonly containers?: number;
  /** How long a task takes; default 800. */
  readonly taskMs?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** What an earlier one was: this one is the same, but for a port that is taken. */
  readonly kept?: Partial<KeptProxmox>;
  /** What an earlier one knew at its end. */
  readonly memory?: Partial<Memory>;
  /** Given what is worth knowing next time, whenever that changes. */
  readonly remember?: (memory: Memory) => void;
  readonly faults?: readonly Fault[];
  readonly now?: () => number;
}

/** What makes it the cluster that its clients know. */
export interface KeptProxmox {
  readonly port: number;
  readonly certificate: Certificate;
  readonly tokens: TokenSecrets;
}

export const isKeptProxmox = ({ port, certificate, tokens }: KeptProxmox): boolean =>
  isPort(port) && isCertificate(certificate) && isTokenSecrets(tokens);

/** A write as it was received, also when it was refused. */
export interface ReceivedWrite {
  readonly at: number;
  readonly method: string;
  /** Below /api2/json. */
  readonly path: string;
  readonly params: Params;
  readonly token: string | null;
}

export interface Proxmox {
  /** Base of the API: https://host:port/api2/json. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** SHA-256 of the good certificate, upper-case hex pairs with colons. */
  readonly fingerprint: string;
  /** The good certificate, which is its own authority. */
  readonly caPem: string;
  /** Their grants may be changed by a test. */
  readonly tokens: Readonly<Record<TokenNames, TokenRecord>>;
  /** What the cluster holds; may be changed by a test. */
  readonly state: Cluster;
  readonly writes: readonly ReceivedWrite[];
  /** Reads and writes as `METHOD path?query`, the last thousand. */
  readonly requests: readonly string[];
  readonly faults: Faults;
  readonly kept: KeptProxmox;
  close(): Promise<void>;
}

/** What a request is answered from. */
interface Desk {
  readonly cluster: Cluster;
  readonly tokens: Readonly<Record<TokenNames, TokenRecord>>;
  readonly take: TakeFault;
  readonly faults: Faults;
  readonly writes: ReceivedWrite[];
  readonly requests: string[];
}

const apiBase = "/api2/json";
const day = 86_400_000;

const certificates = (host: string, now: number, kept?: Certificate): Record<CertificateChoice, Certificate> => {
  const names = [...new Set([host, "localhost", "127.0.0.1"])];
  const valid = { notBefore: now - day, notAfter: now + 3650 * day };
  const good = kept ?? issue({ commonName: "pve1.lab", names, ...valid });
  return {
    good,
    unknown: issue({ commonName: "pve1.lab", names, ...valid }),
    other_name: issue({ commonName: "other.example", names: ["other.example"], ...valid }, good),
    expired: issue({ commonName: "old.lab", names, notBefore: now - 30 * day, notAfter: now - day }, good),
  };
};

const remember = (desk: Desk, request: IncomingMessage, url: URL, params: Params): void => {
  const method = request.method ?? "GET";
  const path = url.pathname.slice(apiBase.length);
  desk.requests.push(`${method} ${path}${url.search}`);
  if (desk.requests.length > 1000) desk.requests.shift();
  if (method === "GET") return;
  const named = /^PVEAPIToken[=: ]([^=]+)=/.exec(request.headers.authorization ?? "")?.[1] ?? null;
  desk.writes.push({ at: desk.cluster.now(), method, path, params, token: named });
};

const carryOut = (desk: Desk, request: IncomingMessage, url: URL, params: Params): Outcome => {
  try {
    const token = authenticate(desk.tokens, request.headers.authorization);
    const call = { cluster: desk.cluster, token, method: request.method ?? "GET", params };
    return { reply: answerCall({ ...call, path: url.pathname.slice(apiBase.length) }) };
  } catch (thrown) {
    return { thrown };
  }
};

const handle = async (desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const url = new URL(request.url ?? "/", "https://lab");
  const params = await readParams(request, url);
  if (url.pathname.startsWith("/lab/")) return answerControl(desk, { request, url, params }, response);
  // The first node is the one that is asked; when it is down, nobody answers.
  if (desk.cluster.nodes[0]?.online === false) return void response.socket?.destroy();
  if (!url.pathname.startsWith(`${apiBase}/`)) return void response.writeHead(404, "not found").end();
  const fault = desk.take(request.method ?? "GET", url.pathname);
  if (fault?.kind === "slow") await sleep(fault.ms ?? 1000, undefined, { ref: false });
  remember(desk, request, url, params);
  const isCarriedOut = fault === null || fault.kind === "slow" || fault.kind === "half" || fault.after === true;
  respond(response, isCarriedOut ? carryOut(desk, request, url, params) : { thrown: null }, fault);
};

const closeServer = async (server: Server): Promise<void> => {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
};

/** Starts the cluster and its API. Everything ends with `close()`. */
export const startProxmox = async (options: ProxmoxOptions = {}): Promise<Proxmox> => {
  const { nodes = 3, vms = 8, containers = 4, taskMs = 800, host = "127.0.0.1", now = Date.now } = options;
  const { kept = {}, memory = {}, remember } = options;
  const certs = certificates(host, now(), kept.certificate);
  const use = ({ keyPem, pem }: Certificate) => ({ key: keyPem, cert: pem });
  const server = createServer(use(certs.good));
  const { faults, take } = createFaults(options.faults ?? [], (choice) => server.setSecureContext(use(certs[choice])));
  const cluster = createCluster(
    { nodes, vms, containers },
    { taskMs, now, changed: () => remember?.(memoryOf(cluster)) },
  );
  recall(cluster, memory);
  const desk: Desk = { cluster, tokens: createTokens(kept.tokens), take, faults, writes: [], requests: [] };
  server.on("request", (request, response) => {
    // Whatever goes wrong with one exchange ends that connection only.
    handle(desk, request, response).catch(() => response.destroy());
  });
  server.on("tlsClientError", () => {});
  const listen = async (asked: number): Promise<number> => {
    server.listen(asked, host);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const port = await (options.port ? listen(options.port) : listenAgain(kept.port, listen));
  return {
    url: `https://${host}:${port}${apiBase}`,
    host,
    port,
    fingerprint: certs.good.fingerprint,
    caPem: certs.good.pem,
    tokens: desk.tokens,
    state: cluster,
    writes: desk.writes,
    requests: desk.requests,
    faults,
    kept: { port, certificate: certs.good, tokens: secretsOf(desk.tokens) },
    close: () => closeServer(server),
  };
};
