/** The source of a driver that wears out whatever it is given, and of raw frames past the sdk. */

export const exhaustionDriver = `
import fs from "node:fs";
import { Driver } from "switchyard/sdk";
const frame = (text, length) => { const body = Buffer.from(text); const head = Buffer.alloc(4); head.writeUInt32LE(length ?? body.length); return Buffer.concat([head, body]); };
const put = (bytes) => { let at = 0; while (at < bytes.length) at += fs.writeSync(3, bytes, at); };
const never = () => new Promise(() => {});
export class D extends Driver {
  async ping() { return "pong"; }
  async neverEnds() { await never(); }
  async loops() { for (;;); }
  async loopsInMicrotasks() { for (;;) await null; }
  async heap() { const all = []; for (;;) all.push(new Array(10_000).fill({ a: 1 })); }
  async strings() { let text = "x"; const all = []; for (;;) { text += text.slice(0, 1_000_000); all.push(text + all.length); } }
  async buffers() { const all = []; for (;;) { all.push(Buffer.alloc(4 * 1024 * 1024, 1)); await new Promise((resolve) => setImmediate(resolve)); } }
  async buffersInOneGo() { const all = []; for (;;) all.push(Buffer.alloc(4 * 1024 * 1024, 1)); }
  async fourGigabytes() { return Buffer.alloc(4 * 1024 ** 3, 1).length; }
  async pageTables() {
    const all = [];
    for (let read = 0; ; await new Promise((resolve) => setTimeout(resolve, 1))) {
      const memory = new WebAssembly.Memory({ initial: 65536, maximum: 65536 });
      const bytes = new Uint8Array(memory.buffer);
      for (let at = 0; at < bytes.length; at += 2 ** 21) read += bytes[at];
      all.push(memory);
      if (all.length === 40) return read;
    }
  }
  async timers() { for (let i = 0; i < 10_000; i += 1) setInterval(() => { let x = 0; for (let k = 0; k < 1e4; k += 1) x += k; }, 1); await never(); }
  async timersLeftBehind() { for (let i = 0; i < 10_000; i += 1) setInterval(() => {}, 1); return "left"; }
  async stack() { const down = () => down() + 1; return down(); }
  async aborts() { process.abort(); }
  async rejectsAside() { Promise.reject(new Error("aside")); await never(); }
  async events() { for (let i = 0; i < 1_000_000; i += 1) this.log.info("line " + i); return "done"; }
  async printed() { for (let i = 0; i < 200_000; i += 1) console.log("line", i); return "done"; }
  async bigEvents() { for (let i = 0; i < 5_000; i += 1) this.log.info("x".repeat(1_000_000)); return "done"; }
  async largeAnswer() { return "x".repeat(30_000_000); }
  async largeQuestion() { await this.transports.http.request({ path: "/", text: "x".repeat(30_000_000) }); }
  async deepAnswer() { let deep = []; for (let i = 0; i < 100_000; i += 1) deep = [deep]; return deep; }
  async wideAnswer() { return Array.from({ length: 1_100_000 }, () => 0); }
  async wideQuestion() { await this.transports.http.request({ path: "/", json: Array.from({ length: 1_000_000 }, () => 0) }); }
  async background() { setTimeout(() => { this.log.info("late"); this.transports.http.request({ path: "/late" }).catch(() => {}); }, 5); return "over"; }
  async closesLine() { fs.closeSync(3); await never(); }
  async breaksBuiltins() { JSON.stringify = () => { throw new Error("broken"); }; Array.prototype.push = () => 0; Promise.prototype.then = () => {}; Map.prototype.get = () => {}; }
  async dropsListeners() { process.removeAllListeners(); setTimeout(() => { throw new Error("alone"); }, 1); await never(); }
  async rawFlood() { const one = frame(JSON.stringify({ t: "event", id: "guessed", event: { kind: "log", level: "info", message: "x" } })); const many = Buffer.concat(Array.from({ length: 1_000 }, () => one)); for (;;) put(many); }
  async rawForged() { for (const id of ["", "0", "1", "undefined", "job_1"]) { put(frame(JSON.stringify({ t: "done", id, value: "forged" }))); put(frame(JSON.stringify({ t: "ask", id, n: 1, op: "http.request", args: {} }))); } await this.transports.http.request({ path: "/own" }); return "own"; }
  async rawLength() { put(frame("{}", 0x7fffffff)); await never(); }
  async rawGarbage() { put(frame("this is no JSON")); await never(); }
  async rawShape() { put(frame(JSON.stringify({ t: "event", id: "x", event: { kind: "constructor" } }))); await never(); }
  async rawKind() { put(frame(JSON.stringify({ t: "__proto__", id: "x" }))); await never(); }
  async rawProto() { put(frame('{"t":"done","id":"x","value":{"\\\\u005f_proto__":{"polluted":true}}}')); await never(); }
  async rawDeep() { put(frame('{"t":"done","id":"x","value":' + "[".repeat(200_000) + "]".repeat(200_000) + "}")); await never(); }
  async rawWide() { put(frame('{"t":"ask","id":"x","n":1,"op":"a","args":[' + "{},".repeat(2_000_000) + "0]}")); await never(); }
  async rawReadies() { const one = frame('{"t":"ready"}'); put(Buffer.concat(Array.from({ length: 60_000 }, () => one))); await never(); }
  async rawStranger() { put(frame(JSON.stringify({ t: "done", id: "x", value: "x".repeat(100_000) }))); await never(); }
}
`;
