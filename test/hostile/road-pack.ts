/** Packs that reach their devices by every road but plain http, and tell all that they hear there, in both languages. */
import { httpPack } from "../kit/pack.ts";

export const roadId = "acme.roads";
export const pythonRoadId = "acme.pythonroads";

const fields = `      road: { type: string }
      mood: { type: string }
      file: { type: string }
      oid: { type: string }
      user: { type: string }
      ca_pem: { type: string }
      tls_fingerprint: { type: string }
      host_key: { type: string }
      version: { type: string }
      auth_protocol: { type: string }
      priv_protocol: { type: string }
      password: { type: string, secret: true }
      key: { type: string, secret: true }
      passphrase: { type: string, secret: true }
      enable: { type: string, secret: true }
      community: { type: string, secret: true }
      auth_key: { type: string, secret: true }
      priv_key: { type: string, secret: true }`;

const params = `params: { type: object, properties: { how: { type: string } } }`;
const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - { id: road.look, verbs: [read], targets: [vm], dry_run: not_supported, writes: [], ${params} }`;

const transports = `  http:
    url: "https://{host}:{port}/api"
    tls: { ca: ca_pem, fingerprint: tls_fingerprint }
    headers: { Authorization: ["Bearer {secret:password}"] }
  ssh:
    host: "{host}"
    port: "{port}"
    username: "{user}"
    password: "{secret:password}"
    private_key: "{secret:key}"
    passphrase: "{secret:passphrase}"
    host_key: host_key
    session: { enable: "{secret:enable}" }
    reads: ["cat *", "show *"]
  snmp:
    host: "{host}"
    port: "{port}"
    version: "{version}"
    community: "{secret:community}"
    user: "{user}"
    auth_protocol: "{auth_protocol}"
    auth_key: "{secret:auth_key}"
    priv_protocol: "{priv_protocol}"
    priv_key: "{secret:priv_key}"
  tcp:
    host: "{host}"
    port: "{port}"
    login: [["USERNAME {user}", "OK*"], ["PASSWORD {secret:password}", "OK*"]]
    reads: ["ECHO"]`;

const defaults = `http: { timeout_s: 5, retries: 0 }, transports: { ssh: { timeout_s: 5 }, snmp: { timeout_s: 3, retries: 0 }, tcp: { timeout_s: 2 } }`;

const driver = `
  roads = {
    http: async () => (await this.transports.http.request({ path: "/echo" })).body,
    ssh: async () => (await this.transports.ssh.run("cat " + (this.config.file ?? "said"), { stream: true })).stdout,
    shell: async () => (await this.transports.ssh.session().run("show said")).stdout,
    snmp: async () => (await this.transports.snmp.get([this.config.oid ?? "1.3.6.1.2.1.1.6.0"]))[0].value,
    tcp: async () => {
      const line = await this.transports.tcp.open();
      await line.send("ECHO");
      return (await line.readUntil("^END")).join("\\n");
    },
  };
  hows = {
    says: (text) => { this.log.info(text); this.log.error(text, { text }); console.error(text); this.progress(50, text); return text; },
    keeps: (text) => { this.artifact("said.txt", text, "text/plain"); this.artifact("said.json", JSON.stringify([text, this.secrets])); return "kept"; },
    throws: (text) => { throw new Error(text); },
    throwsCode: (text) => { throw new DriverError("device_error", text, { text }); },
    exits: (text) => { this.log.warn(text); process.exit(5); },
  };
  hear = () => this.roads[this.config.road]();
  async test_connection() {
    const text = await this.hear();
    this.log.info(text);
    if (this.config.mood === "waits") await new Promise(() => setInterval(() => {}, 1000));
    return { status: "connected", latency_ms: 1, message: text, details: { text } };
  }
  async inventory_list() {
    const text = await this.hear();
    return [{ type: "vm", external_id: "1", name: text.slice(0, 200), attrs: { status: "running", text }, labels: { text } }];
  }
  async road_look({ params }) {
    const text = await this.hear();
    return { text: await this.hows[params.how](text) };
  }
`;

export type RoadHow = "says" | "keeps" | "throws" | "throwsCode" | "exits";

export const roadPack = (): Record<string, string> => {
  const pack = httpPack(roadId, { driver, capabilities, transports, defaults });
  const manifest = pack["plugin.yaml"] ?? "";
  return { ...pack, "plugin.yaml": manifest.replace("      token: { type: string, secret: true }", fields) };
};

const pythonDriver = `import asyncio, base64, json, logging, os, sys, threading
from switchyard import DriverError


class TestDriver:
    def __init__(self, instance, secrets, transports):
        self.instance = instance
        self.secrets = secrets
        self.transports = transports

    async def hear(self, path="/echo", timeout_s=None):
        http = await self.transports.get("http")
        return (await http.call({"method": "GET", "path": path}, timeout_s=timeout_s))["raw"]

    async def test_connection(self):
        text = await self.hear()
        logging.info(text)
        return {"status": "connected", "latency_ms": 1, "message": text, "details": {"text": text}}

    async def inventory_list(self):
        text = await self.hear()
        return [{"type": "vm", "external_id": "1", "name": text[:200], "attrs": {"status": "running", "text": text}}]

    async def road_look(self, params):
        text = await self.hear()
        return {"text": await getattr(self, params["how"])(text)}

    async def says(self, text):
        print(text)
        print(text, file=sys.stderr)
        logging.error("it says %s", text, extra={"text": text})
        os.write(1, text.encode() + b"\\n")
        self.instance.progress(50, text)
        return [text, base64.b64encode(text.encode()).decode(), text.encode().hex(), json.dumps(text), self.secrets]

    async def keeps(self, text):
        self.instance.artifact("said.txt", text, "text/plain")
        self.instance.artifact("said.json", json.dumps([text, self.secrets]))
        self.instance.artifact("said.b64", base64.b64encode(text.encode()))
        return "kept"

    async def throws(self, text):
        raise ValueError(text)

    async def throws_code(self, text):
        raise DriverError("device_error", text, {"text": text})

    async def chained(self, text):
        try:
            raise ValueError(text)
        except ValueError as thrown:
            raise RuntimeError("after " + text) from thrown

    async def aside(self, text):
        def fail():
            raise ValueError(text)
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        task = asyncio.ensure_future(self.throws(text))
        await asyncio.sleep(0.01)
        return str(task.exception())

    async def leaves(self, text):
        print(text)
        sys.exit(text)

    async def exits(self, text):
        print(text)
        os._exit(5)

    async def aborts(self, text):
        print(text)
        os.abort()

    async def eats(self, text):
        kept = []
        while True:
            kept.append(text * 100_000)

    async def shape(self, text):
        return {text: {1, 2}}

    async def refused(self, text):
        return await self.hear("/401")

    async def hangs(self, text):
        return await self.hear("/hang", 0.3)

    async def resets(self, text):
        return await self.hear("/reset")

    async def large(self, text):
        return await self.hear("/large")

    async def garbage(self, text):
        return json.loads(await self.hear("/garbage"))

    async def misplaced(self, text):
        return await self.hear("/x/" + self.secrets["password"])

    async def misplaced_body(self, text):
        http = await self.transports.get("http")
        return await http.call({"method": "GET", "path": "/x", "params": {"q": json.dumps(self.secrets)}})

    async def writes(self, text):
        http = await self.transports.get("http")
        return await http.call({"method": "POST", "path": "/x", "json": {"note": "n"}})

    async def reaches(self, text):
        import urllib.request
        return urllib.request.urlopen("http://127.0.0.1:1/?q=" + text.encode().hex(), timeout=1).read()

    async def waits(self, text):
        print(text)
        await asyncio.sleep(600)
`;

/** The ways in which the driver in Python can end. */
export const pythonHows: readonly string[] = [...pythonDriver.matchAll(/^ {4}async def (\w+)\(self, text\)/gm)].map(
  ([, name = ""]) => name,
);

export const pythonRoadPack = (): Record<string, string> => {
  const pack = httpPack(pythonRoadId, {
    capabilities,
    transports: `  http: { url: "http://{host}:{port}/api", headers: { Authorization: ["Bearer {secret:token}"], X-Key: "{secret:password}" } }`,
  });
  const manifest = (pack["plugin.yaml"] ?? "")
    .replace('{ entrypoint: "driver:TestDriver" }', '{ entrypoint: "driver:TestDriver", language: python }')
    .replace("      token: {", "      password: { type: string, secret: true }\n      token: {");
  return { "plugin.yaml": manifest, "driver.py": pythonDriver };
};
