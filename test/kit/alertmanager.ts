/** A real Alertmanager for a test: on a free port, in a folder of its own, behind a route prefix. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endProgram, findProgram, freePort, hasPrograms, spawnGuarded } from "./program.ts";
import { until } from "./system.ts";

/** As Debian calls it, and as its makers do. */
const names = ["prometheus-alertmanager", "alertmanager"] as const;
const program = names.map(findProgram).find((path) => path !== undefined);

/** For `describe.skipIf(!hasAlertmanager)`; in strict runs a missing program is a failure instead. */
export const hasAlertmanager = program !== undefined || hasPrograms(names[0]);

export interface TestAlertmanager {
  /** Base URL, with a route prefix. */
  readonly url: string;
  post(path: string, body: unknown): Promise<unknown>;
  /** Lets an alert fire until far in the future; gives its fingerprint. */
  fire(labels: Readonly<Record<string, string>>): Promise<string>;
  /** Ids and states of all silences, expired ones as well. */
  silences(): Promise<readonly { id: string; state: string; comment: string }[]>;
  stop(): Promise<void>;
}

const settings = "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n";

export const startAlertmanager = async (): Promise<TestAlertmanager> => {
  if (program === undefined) throw new Error(`Expected ${names[0]} on PATH; install the package of that name.`);
  const folder = await mkdtemp(join(tmpdir(), "sw-alertmanager-"));
  const port = await freePort();
  await writeFile(join(folder, "alertmanager.yml"), settings);
  const child = spawnGuarded(program, [
    `--config.file=${join(folder, "alertmanager.yml")}`,
    `--storage.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--web.route-prefix=/am",
    // It stands alone: no port for others of a cluster.
    "--cluster.listen-address=",
  ]);
  const url = `http://127.0.0.1:${port}/am`;
  const ask = async (path: string, init?: RequestInit): Promise<unknown> => {
    const response = await fetch(`${url}/api/v2${path}`, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    return text === "" ? null : JSON.parse(text);
  };
  const post = (path: string, body: unknown): Promise<unknown> =>
    ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  await until(() => ask("/status").catch(() => undefined), "the Alertmanager");
  type Alert = { readonly fingerprint: string; readonly labels: Readonly<Record<string, string>> };
  const firing = async (labels: Readonly<Record<string, string>>): Promise<string | undefined> => {
    const alerts = (await ask("/alerts")) as readonly Alert[];
    const wanted = JSON.stringify(Object.entries(labels).sort());
    return alerts.find((alert) => JSON.stringify(Object.entries(alert.labels).sort()) === wanted)?.fingerprint;
  };
  return {
    url,
    post,
    fire: (labels) =>
      until(async () => {
        await post("/alerts", [{ labels, endsAt: "2099-01-01T00:00:00Z" }]);
        return firing(labels);
      }, "the alert"),
    silences: async () => {
      const all = (await ask("/silences")) as readonly { id: string; comment: string; status: { state: string } }[];
      return all.map(({ id, comment, status: { state } }) => ({ id, state, comment }));
    },
    stop: async () => {
      await endProgram(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
};
