/** The table of transport kinds that this runner speaks. */
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

/** The first line of a step's preview: which write it is, for events and errors. */
export const headlineOf = (step: Step, endpoint: Endpoint): string =>
  kindFor(endpoint).preview(step, endpoint).split("\n", 1)[0] ?? "";
