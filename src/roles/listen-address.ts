/** The address that the API listens on: what cannot be had is said in one line, and early. */
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type Config, SettingError } from "../config.ts";

type Address = Pick<Config, "host" | "port">;

/** Errors of the system that say that the address cannot be had. */
const listenErrors = new Set(["EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN", "EINVAL"]);

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";

/** The error for whoever set the address; any other stays what it is. */
export const refusalOf = (error: unknown, { host, port }: Address): unknown => {
  const code = codeOf(error);
  if (!listenErrors.has(code)) return error;
  const found = code === "EADDRINUSE" ? "it in use by another process" : code;
  return new SettingError(
    `settings SWITCHYARD_HOST, SWITCHYARD_PORT: expected to listen on ${host} port ${port}, found ${found}`,
  );
};

/** The API of a killed system goes when it notices. */
const leavingMs = 3_000;

const tryToListen = async ({ host, port }: Address): Promise<void> => {
  const server = createServer();
  try {
    await once(server.listen({ host, port }), "listening");
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
};

/**
 * Before anything is made: whether the API could listen.
 * @throws SettingError with one line when it could not.
 */
export const requireFreeAddress = async (address: Address): Promise<void> => {
  const deadline = performance.now() + leavingMs;
  for (;;) {
    try {
      return await tryToListen(address);
    } catch (error) {
      if (codeOf(error) !== "EADDRINUSE" || performance.now() > deadline) throw refusalOf(error, address);
    }
    await pause(100);
  }
};
