/** A driver in Python over ssh. */
import { type PythonTexts, splitLines } from "./texts.ts";

export const ssh: PythonTexts = {
  adapter: "ssh",
  probe: [
    'answer = await self._ask({"commands": ["show version"]})',
    'status = "connected" if answer["ok"] else "error"',
    'details = {"version": answer["data"]["stdout"].strip()}',
    'return {"status": status, "latency_ms": answer["latency_ms"], "details": details}',
  ],
  list: (target) => [
    `answer = await self._ask({"commands": ["show ${target}s"]})`,
    'if not answer["ok"]:',
    `    raise DriverError("device_error", f"Expected a list of ${target}s, got the exit code {answer['status']}.")`,
    ...splitLines('answer["data"]["stdout"].splitlines()'),
  ],
  step: (target) => `{"transport": "ssh", "commands": [f"set ${target} {target.id} {verb}"]}`,
  answers: (target) => [
    `text = "1 off First\\n" if request["commands"] == ["show ${target}s"] else "1.0\\n"`,
    'return {"ok": True, "status": 0, "data": {"stdout": text, "exit_code": 0}, "latency_ms": 3}',
  ],
};
