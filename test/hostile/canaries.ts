/** Things outside a sandbox that must stay out of its driver's reach, and who came to them. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { Bench } from "../kit/sandbox.ts";

/** What the file, the web server and whatever else a test lays out hold. */
export const canarySecret = "the-master-key-in-clear";

export interface Canaries {
  /** Where they are, for the driver. */
  readonly facts: {
    readonly file: string;
    readonly socket: string;
    readonly port: number;
    readonly udpPort: number;
    readonly parent: number;
  };
  readonly folder: string;
  /** A word for each that was reached. */
  readonly contacts: readonly string[];
  close(): void;
}

/** Open to every user of the machine, so that file modes do not protect them. `more`: lays out further files. */
export const setOutCanaries = async (more: (folder: string) => void = () => undefined): Promise<Canaries> => {
  const folder = mkdtempSync(join(tmpdir(), "canary-"));
  const contacts: string[] = [];
  const [file, socket] = [join(folder, "master.key"), join(folder, "runner.sock")];
  writeFileSync(file, canarySecret);
  more(folder);
  const web = createHttpServer((_, response) => response.end(canarySecret));
  web.on("connection", () => contacts.push("tcp"));
  const local = createServer(() => contacts.push("unix"));
  const udp = createSocket("udp4", () => contacts.push("udp"));
  web.listen(0, "127.0.0.1");
  local.listen(socket);
  udp.bind(0, "127.0.0.1");
  await Promise.all([once(web, "listening"), once(local, "listening"), once(udp, "listening")]);
  chmodSync(folder, 0o777);
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o666);
  const { port } = web.address() as AddressInfo;
  return {
    facts: { file, socket, port, udpPort: udp.address().port, parent: process.pid },
    folder,
    contacts,
    close: () => {
      web.close();
      web.closeAllConnections();
      local.close();
      udp.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** A refusal that its driver kept silent about stands in the job's events, once for each of so many calls. */
export const expectTold = ({ events }: Bench, refused: string, times: number): void => {
  const told = events as { level: string; message: string; meta: { refused: string } }[];
  expect(told.filter(({ meta }) => meta.refused === refused)).toHaveLength(times);
  expect(told[0]).toMatchObject({ level: "warn", message: expect.stringMatching(/^The sandbox refused /) });
};
