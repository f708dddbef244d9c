/** The secrets that are planted by http, and the device that says back all that it is sent. */
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Answerer } from "../kit/device.ts";

export const random = (): string => randomBytes(9).toString("hex");

/** Each of its own kind; none of them is written anywhere else. */
export const canaries = {
  long: `canary-long-${random()}-${random()}-${random()}`,
  quoted: `canary "quo'ted" ${random()}\n\\back</b>&`,
  encoded: Buffer.from(`canary+${random()}/?>`).toString("base64"),
  session: `canary-session-${random()}`,
  csrf: `canary-csrf-${random()}`,
  pin: `canary-pin-${random()}`,
  replaced: `canary-replaced-${random()}`,
  unfit: `canary unfit ${random()} \u00fc`,
} as const;
/** Too short to be searched for in texts: it may stand where a device says it, never by the runner's own doing. */
export const short = "q~7}Z";

type Say = (text: string, response: ServerResponse) => void;

/** What some segments at the end of a path ask for. */
const says: Readonly<Record<string, Say>> = {
  login: (text, response) => {
    response.setHeader("set-cookie", `SID=${canaries.session}; HttpOnly`);
    response.end(JSON.stringify({ csrf: canaries.csrf, text }));
  },
  reset: (_, response) => void response.destroy(),
  hang: () => undefined,
  redirect: (text, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:1/?q=${encodeURIComponent(text)}` }).end(text);
  },
  large: (text, response) => void response.end(text.repeat(90_000)),
  garbage: (text, response) => void response.end(`<html>${text}`),
};

const sayBack =
  (status: number): Say =>
  (text, response) => {
    const headers = { "content-type": "application/json", "x-echo": encodeURIComponent(text) };
    response.writeHead(status, headers).end(text);
  };

/**
 * Echoes, in the way that the last segment of the path asks for; `/slow` is not answered the first time, and nothing
 * that is done to the target `silent` ever is.
 */
export const canaryDevice = (): Answerer => {
  let wasSlow = false;
  return ({ url, method, headers, body }, response) => {
    const { pathname } = new URL(url, "http://device");
    const { "x-short": _short, ...others } = headers;
    const name = pathname.split("/").at(-1) ?? "";
    const isFirstSlow = name === "slow" && !wasSlow;
    wasSlow ||= isFirstSlow;
    if (isFirstSlow || (method === "POST" && pathname.includes("/silent/"))) return;
    const say = says[name] ?? sayBack(/^\d{3}$/.test(name) ? Number(name) : 200);
    say(JSON.stringify({ url, headers: others, body }), response);
  };
};
