/** A driver in Python with a method for each careless thing that a driver may do. */

export const carelessDriver = `
import asyncio
import ctypes
import os
import sys
import threading
import time

once = []


class D:
    def __init__(self, instance, secrets, transports):
        self.transports = transports

    async def fine(self):
        return os.getpid() and len(once)

    async def prints_everywhere(self):
        print("print")
        sys.stdout.write("stdout\\n")
        sys.__stdout__.write("dunder\\n")
        os.write(1, b"descriptor\\n")
        ctypes.CDLL(None).write(1, b"libc\\n", 5)
        sys.stdout.buffer.write(b"bytes\\n")
        print("error", file=sys.stderr)
        print("no end of line", end="")

    async def prints_without_end(self):
        for index in range(20_000):
            print(index)

    async def writes_to_the_line(self):
        os.write(3, b"this is no frame")
        await asyncio.sleep(5)

    async def forges(self):
        import json, struct
        for t in ("done", "failed"):
            body = json.dumps({"t": t, "id": "made-up", "value": "forged", "error": {"code": "auth_failed", "message": "forged"}}).encode()
            os.write(3, struct.pack("<I", len(body)) + body)
        return "own"

    async def exits(self):
        sys.exit(3)

    async def exits_hard(self):
        os._exit(3)

    async def crashes(self):
        ctypes.string_at(1)

    async def leaves_a_thread(self):
        once.append(1)
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        return "answered"

    async def leaves_a_busy_thread(self):
        def spin():
            while True:
                print("still here")
                time.sleep(0.001)
        threading.Thread(target=spin).start()
        return "answered"

    async def leaves_a_task(self):
        once.append(1)
        self.task = asyncio.ensure_future(asyncio.sleep(1000))
        return "answered"

    async def leaves_a_stubborn_task(self):
        once.append(1)
        async def stay():
            while True:
                try:
                    await asyncio.sleep(1000)
                except asyncio.CancelledError:
                    pass
        self.task = asyncio.ensure_future(stay())
        await asyncio.sleep(0)
        return "answered"

    async def asks_late(self):
        http = await self.transports.get("http")
        def later():
            time.sleep(0.02)
            asyncio.run(http.call({"path": "/late"}))
        threading.Thread(target=later).start()
        return "answered"

    async def sleeps_shortly(self):
        await asyncio.sleep(0.05)

    async def spins(self):
        while True:
            pass

    async def sleeps_in_the_loop(self):
        time.sleep(1000)

    async def never_ends(self):
        await asyncio.get_running_loop().create_future()

    async def ignores_cancel(self):
        while True:
            try:
                await asyncio.sleep(1000)
            except BaseException:
                pass

    async def eats(self):
        held = []
        while True:
            held.append(bytearray(os.urandom(1) * 8_000_000))

    async def recurses(self):
        return await self.recurses()

    async def answers_object(self):
        return {"items": [1, {"when": object()}]}

    async def answers_nan(self):
        return {"ratio": float("nan")}

    async def answers_cycle(self):
        cycle = []
        cycle.append(cycle)
        return cycle

    async def answers_pairs_as_keys(self):
        return {(1, 2): "one"}

    async def answers_proto(self):
        return {"__proto__": 1}

    async def answers_too_much(self):
        return "x" * 30_000_000

    async def answers_too_many(self):
        return [{}] * 1_000_010

    async def asks_too_many(self):
        await (await self.transports.get("http")).call({"json": [0] * 1_000_010})

    async def answers_many_commas(self):
        return ['",[\\\\' * 500_000, [0] * 999_990]

    async def asks_nonsense(self):
        http = await self.transports.get("http")
        await http.call({"path": "/", "json": {"when": {1, 2}}})

    async def asks_a_word(self):
        http = await self.transports.get("http")
        await http.call("GET /")

    async def no_such_thing(self):
        import netmikoo
`;
