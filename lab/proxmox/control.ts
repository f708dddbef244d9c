/** The lab's own paths: a test in another process switches faults and looks behind the curtain. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Cluster } from "./cluster.ts";
import type { CertificateChoice, Fault, Faults } from "./faults.ts";
import type { Params } from "./guest-power.ts";

interface Behind {
  readonly cluster: Cluster;
  readonly faults: Faults;
  readonly writes: readonly object[];
  readonly requests: readonly string[];
}
interface Asked {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly params: Params;
}

const faultOf = (params: Params): Fault => {
  const number = (name: string) => (params[name] === undefined ? {} : { [name]: Number(params[name]) });
  const text = (name: string) => (params[name] === undefined ? {} : { [name]: params[name] });
  return {
    kind: params["kind"] as Fault["kind"],
    ...text("method"),
    ...text("path"),
    ...text("message"),
    ...number("ms"),
    ...number("status"),
    ...number("times"),
    after: params["after"] === "1",
  };
};

const answers: Readonly<Record<string, (behind: Behind, params: Params) => unknown>> = {
  "GET /lab/writes": ({ writes }) => writes,
  "GET /lab/requests": ({ requests }) => requests,
  "GET /lab/faults": ({ faults }) => faults.list(),
  "GET /lab/guests": ({ cluster }) => [...cluster.guests.values()],
  "GET /lab/tasks": ({ cluster }) => cluster.tasks,
  "POST /lab/faults": ({ faults }, params) => faults.add(faultOf(params)),
  "POST /lab/certificate": ({ faults }, params) => faults.certificate(params["choice"] as CertificateChoice),
  "DELETE /lab/faults": ({ faults }) => faults.clear(),
};

/** Answers one of the lab's own paths. */
export const answerControl = (behind: Behind, asked: Asked, response: ServerResponse): void => {
  const answer = answers[`${asked.request.method} ${asked.url.pathname}`];
  response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(answer?.(behind, asked.params) ?? null));
};
