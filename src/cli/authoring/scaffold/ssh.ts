/** A driver over ssh: commands and what they print. */
import type { MadeUp, TransportTexts } from "./texts.ts";

const said = (text: string): string => `{ exit_code: 0, stdout: ${text}, stderr: "" }`;

const ran = (command: string, stdout: string): MadeUp => [
  { op: "ssh.run", command },
  { exit_code: 0, stdout, stderr: "" },
];

export const ssh: TransportTexts = {
  required: ["hostname", "username"],
  fields: [
    "hostname: { type: string, minLength: 1, title: Host, description: Name or address of the device. }",
    "ssh_port: { type: integer, minimum: 1, maximum: 65535, default: 22, title: SSH port }",
    "username: { type: string, minLength: 1, title: User }",
    "password: { type: string, secret: true, title: Password }",
    "private_key: { type: string, secret: true, title: Private key, description: Tried before the password. }",
    'host_key_sha256: { type: string, title: Host key, description: "SHA256:... as ssh-keygen -l shows it." }',
  ],
  block: [
    "ssh:",
    '  host: "{hostname}"',
    '  port: "{ssh_port}"',
    '  username: "{username}"',
    '  password: "{secret:password}"',
    '  private_key: "{secret:private_key}"',
    "  host_key: host_key_sha256",
    '  reads: ["show *"]                     # every other command is a write',
  ],
  test: "test: { method: driver }",
  writes: (target) => `set ${target} {target} {verb}`,
  probe: [
    "const startedAt = Date.now();",
    'const { exit_code, stdout } = await this.transports.ssh.run("show version");',
    'const status = exit_code === 0 ? ("connected" as const) : ("error" as const);',
    "return { status, latency_ms: Date.now() - startedAt, details: { version: stdout.trim() } };",
  ],
  list: (target) => [
    `const { exit_code, stdout } = await this.transports.ssh.run("show ${target}s");`,
    "if (exit_code !== 0) {",
    `  throw new DriverError("device_error", \`Expected a list of ${target}s, got the exit code \${exit_code}.\`);`,
    "}",
    'const lines = stdout.split("\\n").filter((line) => line.trim() !== "");',
    "return lines.map((line) => {",
    '  const [id = "", state = "", ...name] = line.trim().split(/\\s+/);',
    '  return { id, state, name: name.join(" ") };',
    "});",
  ],
  step: (target) => `{ transport: "ssh", commands: [\`set ${target} \${target.id} \${verb}\`] }`,
  kind: "ssh",
  answers: (target) => ({
    "ssh.run": `(asked: { command?: string }) => (asked.command === "show ${target}s" ? ${said('"1 off First\\n"')} : ${said('"1.0\\n"')})`,
    apply: `[${said('""')}]`,
  }),
  device: { hostname: "device.example", ssh_port: 22, username: "admin" },
  probed: () => ({ exchanges: [ran("show version", "1.0\n")], details: { version: "1.0" } }),
  listed: (target) => [ran(`show ${target}s`, "1 off First\n")],
  config: '{ hostname: "device.example", ssh_port: 22, username: "admin" }',
  secrets: '{ password: "[secret:password]" }',
};
