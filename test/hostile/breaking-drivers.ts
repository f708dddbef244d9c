/** Drivers that break their own process from inside: what the language itself works with, and the host's own parts. */

/** Method name and body; `keep` stands for whatever the language had there. */
type Bodies = Readonly<Record<string, string>>;

export const breakingBodies: Bodies = {
  breaksStringify: "JSON.stringify = () => { throw new Error('broken'); }",
  breaksStringifyQuietly: "JSON.stringify = () => undefined",
  breaksToJson: "Object.prototype.toJSON = () => { throw new Error('broken'); }",
  breaksBuffers:
    "Buffer.allocUnsafe = Buffer.from = () => { throw new Error('broken'); }; Buffer.prototype.toString = null",
  breaksErrors: "globalThis.Error = null; Object.defineProperty(Function.prototype, 'call', { value: null }); throw 1",
  breaksStacks: "Error.prepareStackTrace = () => { throw 1 }; throw new Error('x')",
  breaksArrays:
    "for (const name of ['push', 'map', 'filter', 'slice']) Array.prototype[name] = () => { throw new Error('broken'); }",
  breaksSlices: "Buffer.prototype.subarray = Uint8Array.prototype.subarray = null",
  breaksParse: "JSON.parse = () => { throw new Error('broken'); }",
  breaksImmediates: "globalThis.setImmediate = null",
  breaksExit:
    "process.send = process.exit = () => {}; JSON.stringify = null; setTimeout(() => { throw new Error('aside'); }, 1); await new Promise(() => {})",
  closesTheLine: "fs.closeSync(3)",
  closesEverything: "for (let each = 0; each < 40; each += 1) try { fs.closeSync(each); } catch {}",
  closesTheStreams: "for (const each of [0, 1, 2]) try { fs.closeSync(each); } catch {}",
  breaksThen: "Promise.prototype.then = () => {}; await Promise.all([1])",
  breaksTimers:
    "globalThis.setTimeout = globalThis.setImmediate = globalThis.queueMicrotask = null; await new Promise(() => {})",
  breaksMaps:
    "Map.prototype.get = Map.prototype.set = () => { throw new Error('broken'); }; await new Promise(() => {})",
  answersThenable: "return { then() {} }",
  answersSlowly: "return { get value() { for (;;); } }",
  breaksEmit: "process.emit = null; setTimeout(() => { throw new Error('aside'); }, 1); await new Promise(() => {})",
  hangsAtExit: "process.on('exit', () => { for (;;); }); process.exit(0)",
};

export const breakingDriver = `import fs from "node:fs";
import { Driver } from "switchyard/sdk";
export class D extends Driver {
  async ping() { return "pong"; }
${Object.entries(breakingBodies)
  .map(([name, body]) => `  async ${name}() { ${body}; return "done"; }`)
  .join("\n")}
}
`;

const host = "sys.modules['__main__'].host";

export const breakingPythonBodies: Bodies = {
  breaks_len: "builtins.len = None",
  breaks_isinstance: "builtins.isinstance = builtins.getattr = builtins.print = None",
  breaks_all_builtins: "vars(builtins).clear()",
  breaks_json: "json.dumps = json.JSONEncoder.encode = json.JSONEncoder.iterencode = json.JSONDecoder.decode = None",
  breaks_asyncio: "asyncio.all_tasks = asyncio.wait = asyncio.events.Handle._run = None",
  breaks_the_loop: "asyncio.get_running_loop()._selector = None",
  breaks_threading: "threading.active_count = threading.enumerate = threading.Lock = threading.RLock = None",
  breaks_os: "os.write = os.read = os._exit = None",
  breaks_the_trace: "sys.settrace(lambda *_: 1 / 0); sys.setprofile(lambda *_: 1 / 0)",
  breaks_the_host: `${host}.line = ${host}._current = None`,
  breaks_the_host_whole: "vars(sys.modules['__main__']).update({name: None for name in vars(sys.modules['__main__'])})",
  breaks_and_leaves_a_thread: "threading.Thread(target=time.sleep, args=(1000,)).start(); builtins.len = None",
  breaks_and_hangs_at_exit:
    "atexit.register(time.sleep, 1000); sys.excepthook = lambda *_: time.sleep(1000); builtins.len = None",
  closes_the_line: "os.close(3)",
  closes_everything: "os.closerange(0, 64)",
  closes_the_streams: "[os.close(each) for each in (0, 1, 2)]",
  drops_the_streams: "sys.stdin = sys.stdout = sys.stderr = None",
  drops_the_modules: "sys.modules.clear()",
  mutes_the_line: "type(host_line).send = lambda *_: None",
  takes_the_locks: `${host}._current._asking.acquire(); await asyncio.sleep(1000)`,
  takes_the_line: `[one := threading.Thread(target=${host}.line._sending.acquire), one.start(), one.join()]`,
  empties_the_loop: "asyncio.get_running_loop()._ready.clear(); await asyncio.sleep(1000)",
  ignores_cancels: "[await quietly() for _ in iter(int, 1)]",
  answers_slowly: "return Slow(a=1)",
  fails_slowly: "raise SlowError()",
};

export const breakingPythonDriver = `import asyncio, atexit, builtins, json, os, sys, threading, time

host_line = sys.modules["__main__"].host.line


async def quietly():
    try:
        await asyncio.sleep(1000)
    except BaseException:
        pass


class Slow(dict):
    def items(self):
        while True:
            pass


class SlowError(Exception):
    def __str__(self):
        while True:
            pass


class D:
    async def ping(self):
        return "pong"

${Object.entries(breakingPythonBodies)
  .map(([name, body]) => `    async def ${name}(self):\n        ${body}\n        return "done"\n`)
  .join("\n")}`;
