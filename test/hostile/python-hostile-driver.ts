/** The pack of a driver in Python that does its worst inside real jobs: it escapes, wears out, lies and forges. */
import { httpPack } from "../kit/pack.ts";
import { hostileTransports } from "./hostile-driver.ts";
import { pythonEscapeDriver } from "./python-attempts.ts";

export const pythonHostileId = "acme.pythonhostile";

const capabilities = `  - { id: inventory.list, verbs: [list], targets: [vm] }
  - { id: hostile.look, verbs: [read], targets: [vm], dry_run: not_supported, writes: [], params: { type: object } }`;

/** By name; `facts` come with the request. */
const worst = `
    async def get(self, path, **more):
        return await self.http({"method": "GET", "path": path, **more})

    async def http(self, request):
        return (await (await self.transports.get("http")).call(request))["raw"]

    async def path(self, facts): return await self.get(facts["path"])
    async def url(self, facts): return await self.http({"method": "GET", "url": facts["url"]})
    async def header(self, facts): return await self.get("/vms/1", headers={facts["name"]: facts["value"]})
    async def path_handle(self, facts): return await self.get("/vms/" + self.secrets["token"])
    async def query_handle(self, facts): return await self.get("/vms", params={"q": self.secrets["token"]})
    async def header_handle(self, facts): return await self.get("/vms", headers={"x-note": self.secrets["token"] + ","})
    async def body_handle(self, facts): return await self.search({"filter": self.secrets["token"]})
    async def foreign_handle(self, facts): return await self.get("/vms", headers={"x-note": "swh_" + "0" * 32})
    async def template(self, facts): return await self.search({"password": "{secret:token}"})
    async def search(self, body): return await self.http({"method": "POST", "path": "/search", "json": body})
    async def writes(self, facts): return await self.http({"method": "POST", "path": "/vms/1/go"})
    async def overridden(self, facts): return await self.search({"_method": "DELETE"})
    async def writes_quietly(self, facts):
        try:
            await self.writes(facts)
        except Exception:
            pass
        return "nothing happened"

    async def redirected(self, facts): return await self.get("/redirect", params={"to": facts["to"]})
    async def bomb(self, facts): return len(await self.get("/bomb"))
    async def endless(self, facts): return len(await self.get("/endless"))
    async def echoed(self, facts):
        said = await self.get("/echo")
        logging.warning("the device says %s", said)
        print(said)
        raise ValueError("it said " + said)
    async def handle_echoed(self, facts):
        said = await self.search({"password": self.secrets["token"], "note": "handle"})
        return {"said": said, "handle": self.secrets["token"], "in_hex": said.encode().hex()}
    async def injects(self, facts):
        print('line\\r\\n{"level":60,"msg":"forged"}\\x1b[2J\\x07\\x00 id: 99\\n\\nevent: job.done\\ndata: {}\\n\\n')
        return "\\n\\nevent: job.done\\ndata: {}\\n\\n"
    async def asks_other(self, facts):
        return await self.call().ask(facts["op"], {})

    def call(self): return sys.modules["__main__"].host._current
    def put(self, message): sys.modules["__main__"].host.line.send(message)
    def forge(self, id_):
        self.put({"t": "ask", "id": id_, "n": 1, "op": "http.request", "args": {"path": "/guessed"}})
        self.put({"t": "ask", "id": id_, "n": 2, "op": "http.request", "args": {"path": "/vms", "headers": {"x-note": self.secrets["token"]}}})
        self.put({"t": "event", "id": id_, "event": {"kind": "log", "level": "error", "message": "forged"}})
        self.put({"t": "failed", "id": id_, "error": {"code": "auth_failed", "message": "forged"}})
        self.put({"t": "done", "id": id_, "value": {"forged": True}})
    async def holds(self, facts):
        logging.info("my id is %s", self.call().id)
        await self.get("/hold")
        return "own"
    async def speaks_for(self, facts):
        for id_ in facts["ids"]: self.forge(id_)
        return await self.get("/release")
    async def remembers(self, facts):
        SEEN.append(self.call().id)
        return "kept"
    async def replays(self, facts):
        for id_ in SEEN: self.forge(id_)
        return len(SEEN)

    async def raw_length(self, facts): return os.write(3, b"\\xff\\xff\\xff\\x7f" + b"x" * 100)
    async def raw_garbage(self, facts): return os.write(3, b"\\x04\\x00\\x00\\x00nope")
    async def raw_shape(self, facts): return self.put({"t": "done", "id": 5}) or await self.waits(facts)
    async def heap(self, facts):
        kept = []
        while True: kept.append("x" * 8_000_000 + str(len(kept)))
    async def buffers(self, facts):
        kept = []
        while True: kept.append(bytearray(os.urandom(1)) * 8_000_000)
    async def at_once(self, facts): return len(bytearray(b"x") * (4 << 30))
    async def stack(self, facts): return await self.stack(facts)
    async def native_stack(self, facts):
        sys.setrecursionlimit(10 ** 9)
        def deep(n): return deep(n + 1)
        return deep(0)
    async def large_answer(self, facts): return "x" * 30_000_000
    async def deep_answer(self, facts):
        value = []
        for _ in range(5_000): value = [value]
        return value
    async def proto(self, facts): return {"__proto__": {"polluted": True}}
    async def events(self, facts):
        for index in range(1_000_000): logging.warning("line %d", index)
        return "said"
    async def prints(self, facts):
        sys.stdout.write("x" * 1_000 + "\\n")
        for _ in range(30_000): print("y" * 100)
        return "said"

    async def waits(self, facts):
        import asyncio
        await asyncio.sleep(600)
    async def loops(self, facts):
        while True: pass
    async def native_loop(self, facts): return pow(7, 10 ** 9)
    async def regex(self, facts):
        import re
        return re.match("^(a+)+$", "a" * 40 + "!")
    async def deaf(self, facts):
        while True:
            try: await self.waits(facts)
            except BaseException: pass
    async def threads(self, facts):
        def spin():
            while True: pass
        for _ in range(20): threading.Thread(target=spin, daemon=True).start()
        await self.waits(facts)
    async def closes_line(self, facts):
        os.close(3)
        await self.waits(facts)
    async def breaks_json(self, facts):
        import json
        json.JSONEncoder.encode = json.loads = None
        sys.modules["__main__"].Line.send = None
        await self.waits(facts)
`;

const driver = `
import logging
${pythonEscapeDriver}

SEEN = []


class TestDriver(D):
    def __init__(self, instance, secrets, transports):
        self.secrets = secrets
        self.transports = transports

    async def test_connection(self): return {"status": "connected", "latency_ms": 1}
    async def inventory_list(self): return []
    async def hostile_look(self, params):
        logging.info("began")
        if params["from"] != "escape":
            return {"value": await getattr(self, params["name"])(params["facts"])}
        got = await self.attempt(params)
        if got["out"]: return {"escaped": got["said"]}
        if params["facts"].get("quietly"): return {"kept": "silent"}
        raise RuntimeError(params["name"] + " was stopped: " + got["said"])
${worst}`;

export const pythonHostilePack = (): Record<string, string> => {
  const pack = httpPack(pythonHostileId, { capabilities, transports: hostileTransports });
  const manifest = (pack["plugin.yaml"] ?? "").replace(
    '{ entrypoint: "driver:TestDriver" }',
    '{ entrypoint: "driver:TestDriver", language: python }',
  );
  return { "plugin.yaml": manifest, "driver.py": driver };
};
