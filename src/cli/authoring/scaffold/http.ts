/** A driver over http: a REST interface with a token. */
import type { MadeUp, TransportTexts } from "./texts.ts";

const answer = (body: string): string => `{ status: 200, headers: {}, latency_ms: 3, body: JSON.stringify(${body}) }`;

const got = (path: string, body: string): MadeUp => [
  { transport: "http", method: "GET", path },
  { status: 200, headers: { "content-type": "application/json" }, body, latency_ms: 3 },
];

export const http: TransportTexts = {
  required: ["host"],
  fields: [
    "host: { type: string, minLength: 1, title: Host, description: Name or address of the device. }",
    "port: { type: integer, minimum: 1, maximum: 65535, default: 443, title: Port }",
    "verify_tls: { type: boolean, default: true, title: Verify the certificate }",
    "token: { type: string, secret: true, title: Token }",
  ],
  block: [
    "http:",
    '  url: "https://{host}:{port}/api"',
    "  tls: { verify: verify_tls }",
    '  headers: { Authorization: ["Bearer {secret:token}"] }',
  ],
  test: 'test: { method: http, request: { method: GET, path: /version }, success_when: "status == 200" }',
  writes: (target) => `POST /${target}s/{target}/{verb}`,
  probe: [
    'const answer = await this.transports.http.request({ path: "/version" });',
    'const status = answer.status === 200 ? ("connected" as const) : ("error" as const);',
    "return { status, latency_ms: answer.latency_ms };",
  ],
  list: (target) => [
    `const answer = await this.transports.http.request({ path: "/${target}s" });`,
    "if (answer.status !== 200) {",
    `  throw new DriverError("device_error", \`Expected a list of ${target}s, got the status \${answer.status}.\`);`,
    "}",
    "const things = answer.json<unknown>();",
    'const isThing = (one: Partial<Thing> | null): boolean => typeof one?.id === "string" && typeof one.state === "string";',
    "if (!Array.isArray(things) || !things.every(isThing)) {",
    `  throw new DriverError("protocol_mismatch", "Expected a list of ${target}s with id, name and state, got something else.");`,
    "}",
    "return things;",
  ],
  step: (target) =>
    `{ transport: "http", method: "POST", path: \`/${target}s/\${encodeURIComponent(target.id)}/\${verb}\` }`,
  kind: "api",
  answers: (target) => ({
    "http.request": `(asked: { path?: string }) => (asked.path === "/${target}s" ? ${answer('[{ id: "1", name: "First", state: "off" }]')} : ${answer('{ version: "1.0" }')})`,
    apply: `[${answer("{}")}]`,
  }),
  device: { host: "device.example", port: 443, verify_tls: true },
  probed: () => ({ exchanges: [got("/version", '{"version":"1.0"}')] }),
  listed: (target) => [got(`/${target}s`, '[{"id":"1","name":"First","state":"off"}]')],
  config: '{ host: "device.example", port: 443, verify_tls: true }',
  secrets: '{ token: "[secret:token]" }',
};
