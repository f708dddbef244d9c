/** The table of transport kinds that this runner speaks. */
import type { Binding } from "../model/binding.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { Step } from "../model/plan.ts";
import { httpKind } from "./http.ts";
import type { TransportKind } from "./kind.ts";
import { snmpKind } from "./snmp/kind.ts";
import { sshKind } from "./ssh/kind.ts";
import { tcpKind } from "./tcp.ts";

const table: Readonly<Record<Endpoint["kind"], unknown>> = {
  http: httpKind,
  ssh: sshKind,
  snmp: snmpKind,
  tcp: tcpKind,
};

/** The kind of an endpoint. The table ties each endpoint's kind to its own functions, which the type cannot say. */
export const kindFor = (endpoint: Endpoint): TransportKind => table[endpoint.kind] as TransportKind;

/** All that a step sends, for whoever approves it; an instance with several endpoints has the step's own in front. */
export const previewAt = (step: Step, endpoint: Endpoint, { endpoints }: Binding): string => {
  const preview = kindFor(endpoint).preview(step, endpoint);
  return Object.keys(endpoints).length > 1 ? `${endpoint.name}: ${preview}` : preview;
};

/** The first line of a step's preview: which write it is, for events and errors. */
export const headlineOf = (step: Step, endpoint: Endpoint, binding: Binding): string =>
  previewAt(step, endpoint, binding).split("\n", 1)[0] ?? "";
