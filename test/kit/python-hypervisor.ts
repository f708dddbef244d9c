/** The pack of a hypervisor in Python, written as packs were before this runner, and the device it is for. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeCertificate } from "./certificate.ts";
import { type HttpDevice, sendJson, startHttp } from "./device.ts";

export const hypervisorId = "acme.hypervisor";
export const hypervisorFolder = join(import.meta.dirname, "../fixtures/acme.hypervisor");

/** The files of the pack, by path. */
export const hypervisorFiles = (): Record<string, Buffer> =>
  Object.fromEntries(
    readdirSync(hypervisorFolder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(hypervisorFolder.length + 1), readFileSync(path)]),
  );

export const hypervisorToken = "acme-token-2f6b1c0d9e";
export const hypervisorConfig = (port: number) => ({
  ...{ host: "127.0.0.1", port, node: "pve", token_name: "ops@pve!runner", verify_ssl: false },
});

/** Answers as such a device does; VM 100 runs at first. */
export const startHypervisor = (): Promise<HttpDevice> => {
  const states = new Map([
    ["100", "running"],
    ["101", "stopped"],
  ]);
  const stateOf = (method: string, url: string): unknown => {
    const [, id = "", verb = ""] = /^\/api2\/json\/nodes\/pve\/qemu\/(\d+)\/status\/(\w+)$/.exec(url) ?? [];
    if (!states.has(id)) return undefined;
    if (method === "GET") return { status: states.get(id) };
    states.set(id, verb === "start" ? "running" : "stopped");
    return `UPID:pve:${verb}:${id}`;
  };
  const vms = () => [...states].map(([vmid, status]) => ({ vmid: Number(vmid), name: `vm${vmid}`, status }));
  return startHttp(
    ({ method, url, headers }, response) => {
      const data = (value: unknown, status = 200): void => sendJson(response, { data: value }, status);
      if (headers.authorization !== `PVEAPIToken=ops@pve!runner=${hypervisorToken}`) return data(null, 401);
      if (url === "/api2/json/version") return data({ version: "9.1" });
      if (url === "/api2/json/nodes/pve/qemu") return data(vms());
      const found = stateOf(method, url);
      return found === undefined ? data(null, 404) : data(found);
    },
    { certificate: makeCertificate("IP:127.0.0.1") },
  );
};
