/** The command line as a child process, beside a running system and a lab with many VMs. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { type Proxmox, startProxmox } from "../../lab/proxmox.ts";
import { runCommand } from "../../src/cli/program.ts";
import { createTerminal } from "../../src/cli/view/terminal.ts";
import { type System, startSystem, until } from "./system.ts";

const root = join(import.meta.dirname, "..", "..");

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly done: Promise<Ran>;
  out(): string;
  interrupt(): void;
}

export interface Typing {
  /** What the person answers to each question, in order. */
  readonly answers?: readonly string[];
  readonly columns?: number;
  readonly env?: Record<string, string>;
}

/** What a person at a terminal saw: everything as it was written, without colour and repainting. */
export interface Typed {
  readonly code: number;
  /** Both outputs in the order in which they came. */
  readonly seen: string;
  readonly out: string;
  /** With colour and repainting. */
  readonly raw: string;
  readonly asked: readonly string[];
}

const withoutControls = (text: string): string =>
  text
    .replaceAll(/\r\u001b\[2K[^\n]*?(?=\r\u001b\[2K)/g, "")
    .replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, "")
    .replaceAll("\r", "");

/** A terminal's output whose text is kept. */
const screen = (columns: number, onText: (text: string) => void) =>
  Object.assign(
    new Writable({
      write: (chunk, _encoding, done) => {
        onText(String(chunk));
        done();
      },
    }),
    { isTTY: true, columns },
  );

/** One command at a terminal with a person before it; the command line itself, in this process. */
const typer =
  (system: System): CliBench["typed"] =>
  async (args, { answers = [], columns = 80, env = {} } = {}) => {
    const waiting = [...answers];
    const asked: string[] = [];
    let out = "";
    let seen = "";
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    const stdout = screen(columns, (text) => {
      out += text;
      seen += text;
    });
    const stderr = screen(columns, (text) => {
      seen += text;
      if (!text.includes("[y/N]") && !text.endsWith(" to do it: ")) return;
      asked.push(withoutControls(text).trim());
      const answer = waiting.shift();
      if (answer === undefined) stdin.end();
      else stdin.write(`${answer}\n`);
    });
    const environment = { ...process.env, SWITCHYARD_DATA: system.dataDir, NO_COLOR: "", ...env };
    const code = await runCommand(
      {
        terminal: createTerminal({ stdin, stdout, stderr, environment }),
        environment: { ...environment, SWITCHYARD_URL: system.url, SWITCHYARD_TOKEN: system.token },
        cwd: root,
        signal: new AbortController().signal,
        now: Date.now,
        version: "0.0.0",
      },
      args,
    );
    return { code, seen: withoutControls(seen), out: withoutControls(out), raw: seen, asked };
  };

export interface CliBench {
  readonly lab: Proxmox;
  readonly system: System;
  /** A folder of the test's own. */
  readonly scratch: string;
  start(args: readonly string[], options?: { input?: string; env?: Record<string, string> }): Running;
  cli(...args: string[]): Promise<Ran>;
  /** The same at a terminal, with a person who answers; without an answer left, they leave. */
  typed(args: readonly string[], typing?: Typing): Promise<Typed>;
  json<T>(...args: string[]): Promise<T>;
  /** `vm/<id>` of a VM that runs and that no other test uses. */
  nextVm(): string;
  dispose(): Promise<void>;
}

const starter =
  (system: System): CliBench["start"] =>
  (args, options = {}) => {
    const { SWITCHYARD_URL: _url, SWITCHYARD_TOKEN: _token, ...environment } = process.env;
    const child = spawn(process.execPath, ["src/cli/main.ts", ...args], {
      cwd: root,
      env: { ...environment, SWITCHYARD_DATA: system.dataDir, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => {
      out += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
      err += String(chunk);
    });
    child.stdin.end(options.input ?? "");
    const done = new Promise<Ran>((resolve) => child.on("close", (code) => resolve({ code, out, err })));
    return { done, out: () => out, interrupt: () => void child.kill("SIGINT") };
  };

/** A system with the instance `pve`, added by the command line itself. */
export const openCliBench = async (): Promise<CliBench> => {
  const scratch = mkdtempSync(join(tmpdir(), "sw-cli-"));
  const lab = await startProxmox({ taskMs: 1_500, vms: 40 });
  const system = await startSystem();
  const start = starter(system);
  const dispose = async (): Promise<void> => {
    await system.dispose();
    await lab.close();
    rmSync(scratch, { recursive: true, force: true });
  };
  const free = [...lab.state.guests.values()]
    .filter(
      ({ kind, state, template, lock, ha, quirk }) =>
        kind === "qemu" && state === "running" && !template && lock === null && ha === null && quirk === null,
    )
    .map(({ vmid }) => `vm/${vmid}`);
  const bench: CliBench = {
    ...{ lab, system, scratch, start, dispose },
    typed: typer(system),
    cli: (...args) => start(args).done,
    json: async (...args) => JSON.parse((await start([...args, "--json"]).done).out),
    nextVm: () => free.shift() ?? "vm/none-left",
  };
  try {
    await until(async () => {
      const { body } = await system.call("GET", "/api/integrations/types/walnut.proxmox.ve");
      return body["status"] === "valid" ? true : undefined;
    }, "the shipped pack");
    const { token_name, api_token } = lab.tokens.admin;
    writeFileSync(join(scratch, "token"), `${api_token}\n`);
    const config = { host: lab.host, port: lab.port, token_name, tls_fingerprint: lab.fingerprint };
    const set = Object.entries(config).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    const secret = ["--secret", `api_token=@${join(scratch, "token")}`];
    const { code, err } = await bench.cli("add", "walnut.proxmox.ve", "--name", "pve", ...set, ...secret);
    if (code !== 0) throw new Error(err);
    return bench;
  } catch (error) {
    await dispose();
    throw error;
  }
};
