/** Loaded before everything else by the processes of a system under test: their clock follows a file. */
import { readFileSync } from "node:fs";

const file = process.env["SWITCHYARD_TEST_CLOCK"];
const lookEveryMs = 50;

if (file !== undefined) {
  const RealDate = Date;
  const realNow = Date.now.bind(Date);
  let offset = 0;
  const look = (): void => {
    try {
      offset = Number(readFileSync(file, "utf8")) || 0;
    } catch {
      // The test is over.
    }
  };
  look();
  setInterval(look, lookEveryMs).unref();
  const now = (): number => realNow() + offset;
  const shifted: typeof Date = new Proxy(RealDate, {
    construct: (target, args: [], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget === shifted ? target : newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, name): unknown => (name === "now" ? now : Reflect.get(target, name)),
  });
  globalThis.Date = shifted;
}
