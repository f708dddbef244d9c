/** A driver in Python over tcp: lines, and a pattern that the last one of an answer has. */
import { type PythonTexts, splitLines } from "./texts.ts";

export const tcp: PythonTexts = {
  adapter: "tcp",
  probe: [
    'answer = await self._ask({"commands": ["VERSION"], "prompt": ".", "whole": True})',
    'version = answer["data"]["results"][0]["lines"][0]',
    "# A port that answers is not yet the device: look at what came.",
    'if re.match(r"\\d+(\\.\\d+)+", version) is None:',
    '    raise DriverError("protocol_mismatch", f"Expected a version such as 1.0, got {version!r}.")',
    'return {"status": "connected", "latency_ms": answer["latency_ms"], "details": {"version": version}}',
  ],
  list: (target) => [
    `answer = await self._ask({"commands": ["LIST ${target}s"], "prompt": "^END$"})`,
    ...splitLines('answer["data"]["results"][0]["lines"][:-1]'),
  ],
  step: (target) => `{"transport": "tcp", "send": [f"SET ${target} {target.id} {verb}"]}`,
  answers: () => [
    'lines = ["1 off First", "END"] if request["prompt"] == "^END$" else ["1.0"]',
    'return {"ok": True, "status": 0, "data": {"results": [{"lines": lines}]}, "latency_ms": 3}',
  ],
};
