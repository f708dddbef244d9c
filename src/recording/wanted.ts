/** What a driver asked its door for: a read, a write or the plan's next steps, in the form that is written down. */
import { SwitchyardError } from "../errors.ts";
import type { Binding } from "../model/binding.ts";
import type { Endpoint } from "../model/endpoint.ts";
import { normaliseHttp } from "../model/http-step.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { Step, TcpStep } from "../model/plan.ts";
import { normaliseSnmp } from "../model/snmp-step.ts";
import { commandOf, normaliseSsh } from "../model/ssh-step.ts";
import { type HandleBook, misshapen, objectOf } from "../model/step.ts";
import { lineOf } from "../model/tcp-step.ts";
import { isHttpRead } from "../transports/http.ts";
import { onlyResult } from "../transports/ssh/asked.ts";
import { isReadCommand } from "../transports/ssh/kind.ts";
import { isReadLine } from "../transports/tcp.ts";

export type Wanted =
  | { readonly kind: "read"; readonly transport: string; readonly request: JsonObject }
  | {
      readonly kind: "write";
      readonly step: Step;
      readonly endpoint: Endpoint;
      /** What the driver's client gets of a step's answer. */
      readonly shown: (answer: Json) => Json;
    }
  | { readonly kind: "apply"; readonly count: number };

export interface WantedFacts {
  readonly binding: Binding;
  readonly book: HandleBook;
}

const endpointFor = <K extends Endpoint["kind"]>(raw: Json | undefined, kind: K, { binding }: WantedFacts) => {
  const name = raw === undefined ? kind : String(raw);
  const endpoint = Object.hasOwn(binding.endpoints, name) ? binding.endpoints[name] : undefined;
  if (endpoint?.kind === kind) return endpoint as Extract<Endpoint, { kind: K }>;
  throw new SwitchyardError("endpoint_not_allowed", { detail: `The instance has no endpoint "${name}".` });
};

const asIs = (answer: Json): Json => answer;
const readOf = (transport: string, request: JsonObject): Wanted => ({ kind: "read", transport, request });

const httpWanted = ({ timeout_ms: _, ...args }: JsonObject, facts: WantedFacts): Wanted => {
  const endpoint = endpointFor(args["transport"], "http", facts);
  const step = normaliseHttp(args, endpoint, facts.book);
  if (!isHttpRead(step, endpoint)) return { kind: "write", step, endpoint, shown: asIs };
  return readOf(endpoint.name, step as unknown as JsonObject);
};

const sshWanted = (op: string, args: JsonObject, facts: WantedFacts): Wanted => {
  const { transport, timeout_ms: _t, stream: _s, ...rest } = args;
  const endpoint = endpointFor(transport, "ssh", facts);
  if (op === "ssh.put") return { kind: "write", step: normaliseSsh({ put: rest }, endpoint), endpoint, shown: asIs };
  const { stdin, answers } = rest;
  const line = commandOf(rest["command"]);
  const isRead = stdin === undefined && answers === undefined && isReadCommand(line, endpoint);
  if (isRead) return readOf(endpoint.name, { op, ...rest });
  const more = { ...(stdin === undefined ? {} : { stdin }), ...(answers === undefined ? {} : { answers }) };
  const step = normaliseSsh({ commands: [line], ...more }, endpoint);
  return { kind: "write", step, endpoint, shown: onlyResult };
};

/** A line names its session alone: the type's only tcp endpoint is meant, or the one called `tcp`. */
const tcpEndpoint = (facts: WantedFacts) => {
  const [only, ...others] = Object.values(facts.binding.endpoints).filter(({ kind }) => kind === "tcp");
  return endpointFor(others.length === 0 ? only?.name : undefined, "tcp", facts);
};

const tcpWanted = ({ conn, line }: JsonObject, facts: WantedFacts): Wanted => {
  const endpoint = tcpEndpoint(facts);
  const text = lineOf(line, endpoint);
  if (isReadLine(text, endpoint)) return readOf(endpoint.name, { op: "tcp.send", conn: conn ?? null, line: text });
  const step: TcpStep = { transport: endpoint.name, send: [text] };
  return { kind: "write", step, endpoint, shown: () => null };
};

const setWanted = ({ transport, timeout_ms: _, ...raw }: JsonObject, facts: WantedFacts): Wanted => {
  const endpoint = endpointFor(transport, "snmp", facts);
  return { kind: "write", step: normaliseSnmp(raw, endpoint), endpoint, shown: asIs };
};

const applyWanted = ({ count }: JsonObject): Wanted => {
  if (count === undefined) return { kind: "apply", count: Number.POSITIVE_INFINITY };
  if (typeof count === "number" && Number.isInteger(count) && count >= 0) return { kind: "apply", count };
  throw misshapen("Expected `count` of apply as a whole number.");
};

/** @throws SwitchyardError what the door would say to a request of a wrong shape. */
export const wantedOf = (op: string, raw: unknown, facts: WantedFacts): Wanted => {
  const args = objectOf(raw ?? {}, "the arguments");
  if (op === "apply") return applyWanted(args);
  if (op === "http.request") return httpWanted(args, facts);
  if (op === "ssh.run" || op === "ssh.line" || op === "ssh.put") return sshWanted(op, args, facts);
  if (op === "tcp.send") return tcpWanted(args, facts);
  if (op === "snmp.set") return setWanted(args, facts);
  const { transport, timeout_ms: _, ...rest } = args;
  return readOf(transport === undefined ? (op.split(".")[0] ?? op) : String(transport), { op, ...rest });
};
