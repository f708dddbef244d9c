/** A driver over tcp: a protocol of lines. */
import type { MadeUp, TransportTexts } from "./texts.ts";

const talked = (line: string, pattern: string, lines: readonly string[], more = {}): readonly MadeUp[] => [
  [{ op: "tcp.open" }, { conn: 1 }],
  [{ op: "tcp.send", conn: 1, line }, null],
  [{ op: "tcp.read_until", conn: 1, pattern, ...more }, { lines: [...lines] }],
  [{ op: "tcp.close", conn: 1 }, null],
];

export const tcp: TransportTexts = {
  required: ["host", "port"],
  fields: [
    "host: { type: string, minLength: 1, title: Host, description: Name or address of the device. }",
    "port: { type: integer, minimum: 1, maximum: 65535, title: Port }",
    "username: { type: string, minLength: 1, title: User }",
    "password: { type: string, secret: true, title: Password }",
  ],
  block: [
    "tcp:",
    '  host: "{host}"',
    '  port: "{port}"',
    '  line: "\\n"',
    '  login: [["USER {username}", "OK*"], ["PASS {secret:password}", "OK*"]]     # a line whose field is not set is left out',
    '  reads: [VERSION, "LIST *"]            # every other line is a write',
  ],
  test: "test: { method: driver }",
  writes: (target) => `SET ${target} {target} {verb}`,
  probe: [
    "const startedAt = Date.now();",
    "const connection = await this.transports.tcp.open();",
    'await connection.send("VERSION");',
    'const [version = ""] = await connection.readUntil(".", { whole: true });',
    "await connection.close();",
    "// A port that answers is not yet the device: look at what came.",
    "if (!/^\\d+(\\.\\d+)+/.test(version)) {",
    '  throw new DriverError("protocol_mismatch", `Expected a version such as 1.0, got ${JSON.stringify(version)}.`);',
    "}",
    'return { status: "connected" as const, latency_ms: Date.now() - startedAt, details: { version } };',
  ],
  list: (target) => [
    "const connection = await this.transports.tcp.open();",
    `await connection.send("LIST ${target}s");`,
    'const lines = await connection.readUntil("^END$");',
    "await connection.close();",
    "return lines.slice(0, -1).map((line) => {",
    '  const [id = "", state = "", ...name] = line.trim().split(/\\s+/);',
    '  return { id, state, name: name.join(" ") };',
    "});",
  ],
  step: (target) => `{ transport: "tcp", send: [\`SET ${target} \${target.id} \${verb}\`] }`,
  kind: "cli",
  answers: () => ({
    "tcp.open": "{ conn: 1 }",
    "tcp.send": "{}",
    "tcp.close": "{}",
    "tcp.read_until": `(asked: { pattern?: string }) => (asked.pattern === "^END$" ? { lines: ["1 off First", "END"] } : { lines: ["1.0"] })`,
    apply: '[{ lines: ["OK"] }]',
  }),
  device: { host: "device.example", port: 4000 },
  probed: () => ({ exchanges: talked("VERSION", ".", ["1.0"], { whole: true }), details: { version: "1.0" } }),
  listed: (target) => talked(`LIST ${target}s`, "^END$", ["1 off First", "END"]),
  config: '{ host: "device.example", port: 4000 }',
  secrets: "{}",
};
