/** Devices by every road, that know the secrets of whoever logs in and say them back; and secrets for each of them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "../kit/certificate.ts";
import { type Answerer, type Device, startHttp, startTcp } from "../kit/device.ts";
import { startSnmpd } from "../kit/snmpd.ts";
import { type SshDevice, startSshDevice, typedLines } from "../kit/ssh-device.ts";
import { startSshd, type TestSshd } from "../kit/sshd.ts";
import { random } from "./canary-device.ts";
import type { Canaries } from "./search.ts";

/** What some instance is made of, and how its test of the connection ends. */
export interface Row {
  readonly about: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly secrets: Canaries;
  readonly code: string;
}
export interface Road {
  readonly rows: readonly Row[];
  close(): Promise<void>;
}

const host = "127.0.0.1";
const base64Like = (): string => Buffer.from(`canary+${random()}/?>~`).toString("base64");
const quoted = (): string => `canary "quo'ted" ${random()} \\back</b>& é`;
const long = (name: string): string => `canary-${name}-${random()}-${random()}`;

/** The same key under another passphrase. */
const relocked = (key: string, passphrase: string): string => {
  const folder = mkdtempSync(join(tmpdir(), "canary-key-"));
  const file = join(folder, "key");
  try {
    writeFileSync(file, key, { mode: 0o600 });
    execFileSync("ssh-keygen", ["-q", "-p", "-P", "open sesame", "-N", passphrase, "-f", file]);
    return readFileSync(file, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const closeAll = async (all: readonly AsyncDisposable[]): Promise<void> => {
  for (const one of all) await one[Symbol.asyncDispose]();
};

/** A real sshd, and a file on it that says every secret that opens it. */
const sshdRoad = async (): Promise<Road> => {
  const [password, passphrase] = [quoted(), `canary pass ${random()} "é\\`];
  const sshd: TestSshd = await startSshd({ keys: ["ed25519"], password });
  const key = relocked(sshd.encryptedKey, passphrase);
  writeFileSync(join(sshd.home, "password"), `${password}\n`);
  writeFileSync(join(sshd.home, "passphrase"), `${passphrase} ${passphrase}\n${key}`);
  const config = { road: "ssh", file: "password", host, port: sshd.port, user: sshd.username };
  const ssh = (about: string, secrets: Canaries, code: string, more = {}): Row => ({
    ...{ about: `ssh: ${about}`, secrets, code },
    config: { ...config, ...more },
  });
  return {
    rows: [
      ssh("a password", { password }, "succeeded"),
      ssh("a wrong password", { password: quoted() }, "auth_failed"),
      ssh("a key and its passphrase", { key, passphrase }, "succeeded", { file: "passphrase" }),
      ssh("a key and a wrong passphrase", { key, passphrase: long("passphrase") }, "auth_failed"),
      ssh("a key that is none", { key: `-----BEGIN KEY-----\n${long("key")}\n-----END KEY-----\n` }, "auth_failed"),
      ssh("another host key", { password }, "host_key_mismatch", { host_key: `SHA256:${"A".repeat(43)}` }),
    ],
    close: () => sshd[Symbol.asyncDispose](),
  };
};

type SshAnswers = Parameters<typeof startSshDevice>[0];

/** A device that lets everybody in and knows with which password. */
const startKnowing = (answers: (heard: () => string) => SshAnswers): ReturnType<typeof startSshDevice> => {
  let heard = "";
  const accepts = (context: { method: string; password?: string }): boolean => {
    heard = context.password ?? heard;
    return context.method === "password";
  };
  return startSshDevice({ accepts, ...answers(() => heard) });
};

/** A shell with a privileged mode, that says its passwords and whatever else is typed. */
const shellOf =
  (enable: string) =>
  (heard: () => string): SshAnswers => ({
    shell: (channel) => {
      let prompt = "switch> ";
      typedLines(channel, (line) => {
        if (line === enable) prompt = "switch# ";
        if (line === "enable") channel.write("Password: ");
        else channel.write(`${heard()} ${line}\r\n${prompt}`);
      });
      channel.write(prompt);
    },
  });

/** Devices that speak ssh and say back the password of the login. */
const oddSshRoad = async (): Promise<Road> => {
  const [enable, atStranger] = [long("enable"), long("stranger")];
  const echo = await startKnowing((heard) => ({
    exec: (_, channel) => channel.end(`${heard()}\n${Buffer.from(heard()).toString("base64")}\n`),
  }));
  const shell = await startKnowing(shellOf(enable));
  const otherShell = await startKnowing(shellOf(long("other")));
  const hangsUp = await startKnowing((heard) => ({
    exec: (_, channel, connection) => {
      channel.write(`half an answer: ${heard()}`);
      connection.end();
    },
  }));
  const hangs = await startKnowing((heard) => ({ exec: (_, channel) => void channel.write(heard()) }));
  const stranger = await startTcp((line) => `500 what is ${line}, ${atStranger}?`);
  const password = quoted();
  const cases: readonly (readonly [string, Device | SshDevice, string, Canaries, string?])[] = [
    ["a device that says it", echo, "succeeded", { password }],
    ["a shell that says it", shell, "succeeded", { password: long("shell"), enable }, "shell"],
    [
      "a wrong privileged password",
      otherShell,
      "auth_failed",
      { password: long("shell"), enable: long("no") },
      "shell",
    ],
    ["a device that hangs up", hangsUp, "device_error", { password: base64Like() }],
    ["a device that falls silent", hangs, "response_timeout", { password: long("silent") }],
    ["a stranger", stranger, "protocol_mismatch", { password: atStranger }],
  ];
  return {
    rows: cases.map(([about, { port }, code, secrets, road = "ssh"]) => ({
      ...{ about: `ssh: ${about}`, code, secrets },
      config: { road, host, port, user: "operator" },
    })),
    close: () => closeAll([echo, shell, otherShell, hangsUp, hangs, stranger]),
  };
};

/** A real snmpd that says its community. */
const snmpRoad = async (): Promise<Road> => {
  const community = base64Like();
  const snmpd = await startSnmpd({ more: `rocommunity ${community} ${host}\nsysLocation it is ${community} indeed` });
  const { name: user, authKey: auth_key, privKey: priv_key } = snmpd.user;
  const config = { road: "snmp", host, port: snmpd.port };
  const v3 = { version: "3", oid: "1.3.6.1.2.1.1.1.0", user, auth_protocol: "SHA", priv_protocol: "AES" };
  const row = (about: string, secrets: Canaries, code: string, more: object = v3): Row => ({
    ...{ about: `snmp: ${about}`, secrets, code },
    config: { ...config, ...more },
  });
  return {
    rows: [
      row("a community", { community }, "succeeded", { version: "2c" }),
      row("a wrong community", { community: quoted() }, "no_snmp_answer", { version: "2c" }),
      row("the keys of a user", { auth_key, priv_key }, "succeeded"),
      row("a wrong key", { auth_key: long("auth"), priv_key }, "auth_failed"),
      row("a wrong key to read with", { auth_key, priv_key: long("priv") }, "auth_failed"),
    ],
    close: () => snmpd[Symbol.asyncDispose](),
  };
};

type Line = Parameters<typeof startTcp>[0];

/** A device that knows the last password that it was told. */
const knowing = (answer: (...given: [...Parameters<Line>, last: string]) => string | undefined): Line => {
  let last = "";
  return (line, socket) => {
    if (line.startsWith("PASSWORD ")) last = line.slice("PASSWORD ".length);
    return answer(line, socket, last);
  };
};
const whenAsked = (line: string, said: string): string => (line === "ECHO" ? said : "OK");
const whenTold = (line: string, said: string): string => (line.startsWith("PASSWORD") ? said : "OK");

const lineDevices: readonly (readonly [about: string, code: string, Line])[] = [
  ["a device that says it", "succeeded", knowing((line, _, last) => whenAsked(line, `VAR ${last}\nEND`))],
  ["a wrong login", "auth_failed", knowing((line) => whenTold(line, `ERR ${line} is not it`))],
  [
    "a device that hangs up at the login",
    "device_error",
    knowing((line, socket) => {
      if (!line.startsWith("PASSWORD")) return "OK";
      socket.end(`BYE ${line}`);
      return undefined;
    }),
  ],
  [
    "a device that hangs up later",
    "device_error",
    knowing((line, socket, last) => {
      if (line !== "ECHO") return "OK";
      socket.end(`VAR ${last}`);
      return undefined;
    }),
  ],
  [
    "a device that says nothing to the login",
    "response_timeout",
    knowing((line) => (line.startsWith("PASSWORD") ? undefined : "OK")),
  ],
  ["a device that does not end", "response_timeout", knowing((line, _, last) => whenAsked(line, `VAR ${last} and`))],
];

/** Devices that take lines. */
const tcpRoad = async (): Promise<Road> => {
  const devices = await Promise.all(lineDevices.map(([, , answer]) => startTcp(answer)));
  const values = [quoted, base64Like, () => long("tcp")];
  const rows = lineDevices.map(([about, code], index): Row => {
    const config = { road: "tcp", host, port: devices[index]?.port ?? 0, user: "joe" };
    return { about: `tcp: ${about}`, code, config, secrets: { password: values[index % 3]?.() ?? "" } };
  });
  return { rows, close: () => closeAll(devices) };
};

/** Connections that never come to be. */
const httpsRoad = async (): Promise<Road> => {
  const say: Answerer = ({ headers }, response) => void response.end(JSON.stringify(headers));
  const own = makeCertificate(`IP:${host}`);
  const other = makeCertificate("DNS:another.example");
  const good = await startHttp(say, { certificate: own });
  const misnamed = await startHttp(say, { certificate: other });
  const plain = await startHttp(say);
  const closed = await startHttp(say);
  await closed.close();
  const at = ({ port }: Device, more = {}) => ({ road: "http", host, port, ...more });
  const cases: readonly (readonly [string, Row["config"], string])[] = [
    ["a certificate that is known", at(good, { ca_pem: own.cert }), "succeeded"],
    ["a certificate that nobody vouches for", at(good), "tls_untrusted"],
    ["a certificate with another fingerprint", at(good, { tls_fingerprint: other.fingerprint }), "tls_untrusted"],
    ["a certificate for another name", at(misnamed, { ca_pem: other.cert }), "tls_name_mismatch"],
    ["a device without TLS", at(plain), "protocol_mismatch"],
    ["a closed port", at(closed), "connection_refused"],
    ["a name that is none", { ...at(good), host: "no-such-device.invalid" }, "dns_failed"],
  ];
  return {
    rows: cases.map(([about, config, code]) => ({
      ...{ about: `https: ${about}`, config, code },
      secrets: { password: `canary "bearer" ${random()} \\` },
    })),
    close: () => closeAll([good, misnamed, plain]),
  };
};

/** Roads by name; which of them can be had here is for the caller to know. */
export const roads = { sshd: sshdRoad, ssh: oddSshRoad, snmp: snmpRoad, tcp: tcpRoad, https: httpsRoad } as const;
