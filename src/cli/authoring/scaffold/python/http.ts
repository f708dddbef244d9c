/** A driver in Python over http. */
import type { PythonTexts } from "./texts.ts";

export const http: PythonTexts = {
  adapter: "http",
  stepImports: ["from urllib.parse import quote"],
  probe: [
    'answer = await self._ask({"method": "GET", "path": "/version"})',
    'return {"status": "connected" if answer["ok"] else "error", "latency_ms": answer["latency_ms"]}',
  ],
  list: (target) => [
    `answer = await self._ask({"method": "GET", "path": "/${target}s"})`,
    'if not answer["ok"]:',
    `    raise DriverError("device_error", f"Expected a list of ${target}s, got the status {answer['status']}.")`,
    'things = answer["data"]',
    'known = {"id", "name", "state"}',
    "if not isinstance(things, list) or not all(isinstance(one, dict) and known <= one.keys() for one in things):",
    `    raise DriverError("protocol_mismatch", "Expected a list of ${target}s with id, name and state, got something else.")`,
    "return things",
  ],
  step: (target) =>
    `{"transport": "http", "method": "POST", "path": f"/${target}s/{quote(target.id, safe='')}/{verb}"}`,
  answers: (target) => [
    `lists = request["path"] == "/${target}s"`,
    'data = [{"id": "1", "name": "First", "state": "off"}] if lists else {"version": "1.0"}',
    'return {"ok": True, "status": 200, "data": data, "latency_ms": 3}',
  ],
};
