/** The SNMP agent of the simulated switch: it tells what a tree of objects holds, and lets nothing be set. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import snmp from "net-snmp";
import type { ObjectTree, SnmpObject } from "./tree.ts";

export interface AgentOptions {
  readonly host: string;
  readonly port: number;
  readonly community: string;
  /** A version 3 user with SHA and AES; null for none. */
  readonly user: { readonly name: string; readonly authKey: string; readonly privKey: string } | null;
  /** Asked anew for each request. */
  readonly tree: () => ObjectTree;
  /** How long each answer takes; default 0. */
  readonly delayMs?: number;
}

/** loops: a walk comes back to where it began; strays: each answer is one to another request. */
export type AgentFault = "loops" | "strays";

export interface AgentSide {
  readonly port: number;
  /** While away, nothing is answered. */
  setAway(isAway: boolean): void;
  setFault(fault: AgentFault | null): void;
  /** Requests that came, also those that were not answered. */
  readonly asked: () => number;
  close(): Promise<void>;
}

interface Varbind {
  oid: string;
  type: number;
  value: unknown;
}
interface Pdu {
  readonly varbinds: readonly Varbind[];
  readonly nonRepeaters?: number;
  readonly maxRepetitions?: number;
  getResponsePduForRequest(): { id: number; varbinds: readonly Varbind[]; errorStatus: number; errorIndex: number };
}
interface Message {
  readonly pdu: Pdu;
}
type Answer = (socket: Socket, message: Message, from: RemoteInfo) => void;
interface Agent {
  getRequest: Answer;
  getNextRequest: Answer;
  getBulkRequest: Answer;
  setRequest: Answer;
  sendResponse(socket: Socket, from: RemoteInfo, message: Message, pdu: unknown): void;
  getAuthorizer(): { addCommunity(name: string): void; addUser(user: object): void };
}

const noSuchObject = 128;
const endOfView = 130;
const notWritable = 17;
const mostVarbinds = 200;

const shown = ({ oid, type, value }: SnmpObject): Varbind => ({
  oid,
  type,
  value: typeof value === "function" ? value() : value,
});
const next = (tree: ObjectTree, oid: string): Varbind => {
  const found = tree.after(oid);
  return found === undefined ? { oid, type: endOfView, value: null } : shown(found);
};

const bulk = ({ varbinds, nonRepeaters = 0, maxRepetitions = 10 }: Pdu, tree: ObjectTree): Varbind[] => {
  const once = varbinds.slice(0, nonRepeaters).map(({ oid }) => next(tree, oid));
  const found: Varbind[] = [];
  let places = varbinds.slice(nonRepeaters).map(({ oid }) => oid);
  for (let round = 0; round < maxRepetitions && found.length < mostVarbinds; round += 1) {
    const row = places.map((oid) => next(tree, oid));
    found.push(...row);
    if (row.every(({ type }) => type === endOfView)) break;
    places = row.map(({ oid }) => oid);
  }
  return [...once, ...found];
};

/** As if the names that follow came before: the same few objects again and again. */
const looping = ({ varbinds }: Pdu, tree: ObjectTree): Varbind[] =>
  varbinds.map(({ oid }) => next(tree, oid.split(".").slice(0, 10).join(".")));

/** The library binds by itself, and never to any free port: it is given a socket that is bound already. */
const boundSocket = async (host: string, port: number): Promise<Socket> => {
  const socket = createSocket("udp4");
  socket.bind(port, host);
  await once(socket, "listening");
  return socket;
};

const letIn = (agent: Agent, { community, user }: Pick<AgentOptions, "community" | "user">): void => {
  const authorizer = agent.getAuthorizer();
  authorizer.addCommunity(community);
  if (user === null) return;
  const { SecurityLevel, AuthProtocols, PrivProtocols } = snmp;
  authorizer.addUser({
    name: user.name,
    level: SecurityLevel.authPriv,
    authProtocol: AuthProtocols.sha,
    authKey: user.authKey,
    privProtocol: PrivProtocols.aes,
    privKey: user.privKey,
  });
};

export const startAgent = async (asked: AgentOptions): Promise<AgentSide> => {
  const { host, port, tree, delayMs = 0 } = asked;
  const socket = await boundSocket(host, port);
  let isAway = false;
  let fault: AgentFault | null = null;
  let isClosed = false;
  let requests = 0;
  const given = new Proxy(socket, {
    get: (target, name) => {
      if (name === "bind") return () => target;
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  const options = {
    port: socket.address().port,
    address: host,
    disableAuthorization: false,
    dgramModule: { createSocket: () => given },
  };
  const agent = snmp.createAgent(options, () => undefined) as Agent;
  const sendLater = (send: () => void): void => {
    const sendNow = (): void => {
      if (!isClosed) send();
    };
    if (delayMs === 0) sendNow();
    else setTimeout(sendNow, delayMs).unref();
  };
  const answerWith =
    (varbindsOf: (pdu: Pdu) => readonly Varbind[], errorStatus = 0): Answer =>
    (from, message, rinfo) => {
      requests += 1;
      if (isAway) return;
      const pdu = message.pdu.getResponsePduForRequest();
      if (fault === "strays") pdu.id += 1;
      Object.assign(pdu, { varbinds: varbindsOf(message.pdu), errorStatus, errorIndex: Math.sign(errorStatus) });
      sendLater(() => agent.sendResponse(from, rinfo, message, pdu));
    };
  agent.getRequest = answerWith(({ varbinds }) =>
    varbinds.map(({ oid }) => {
      const found = tree().get(oid);
      return found === undefined ? { oid, type: noSuchObject, value: null } : shown(found);
    }),
  );
  agent.getNextRequest = answerWith(({ varbinds }) => varbinds.map(({ oid }) => next(tree(), oid)));
  agent.getBulkRequest = answerWith((pdu) => (fault === "loops" ? looping(pdu, tree()) : bulk(pdu, tree())));
  agent.setRequest = answerWith(({ varbinds }) => varbinds, notWritable);
  letIn(agent, asked);
  return {
    port: socket.address().port,
    setAway: (away) => {
      isAway = away;
    },
    setFault: (next) => {
      fault = next;
    },
    asked: () => requests,
    close: async () => {
      isClosed = true;
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
};
