/** Where the server is and who asks: options, then the environment, then what `npm start` left in the data folder. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { noServer, usage } from "../failure.ts";

export interface Server {
  /** Without a slash at its end. */
  readonly url: string;
  /** Undefined: the server says whether it needs one. */
  readonly token: string | undefined;
}

interface Given {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

const leftIn = (folder: string, name: string): string | undefined => {
  try {
    return readFileSync(join(folder, name), "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
};

const asUrl = (text: string): URL => {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw usage(`Expected the server's address as http://host:port, got ${JSON.stringify(text)}.`);
  }
  return url;
};

const loopback: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** The token that was left for one server is sent to that server alone. */
const isSameServer = (asked: URL, left: string | undefined): boolean => {
  if (left === undefined) return false;
  const own = asUrl(left);
  const isBothLocal = loopback.has(asked.hostname) && loopback.has(own.hostname);
  return asked.port === own.port && asked.protocol === own.protocol && (isBothLocal || asked.hostname === own.hostname);
};

/** @throws CliFailure when no server is known. */
export const findServer = ({ url, token, environment, cwd }: Given): Server => {
  const folder = resolve(cwd, environment["SWITCHYARD_DATA"] || "./data");
  const left = leftIn(folder, "url");
  const asked = url ?? (environment["SWITCHYARD_URL"] || left);
  if (asked === undefined) {
    throw noServer(`No server is named, and none left its address in ${folder}.`, [
      "Start one with: npm start",
      "Or name one with --url or SWITCHYARD_URL, or its data folder with SWITCHYARD_DATA.",
    ]);
  }
  const address = asUrl(asked);
  const given = token ?? (environment["SWITCHYARD_TOKEN"] || undefined);
  const found = given ?? (isSameServer(address, left) ? leftIn(folder, "admin.token") : undefined);
  return { url: address.href.replace(/\/+$/, ""), token: found };
};
