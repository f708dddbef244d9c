/** The one door to the logger: JSON lines on stderr. */
import { destination, pino } from "pino";

export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  child(facts: object): Log;
}

const warning = 40;

/** Hands warnings and errors to `keep` as well, as the lines that they are. */
const withKeep = (keep: (line: string) => void) => {
  const out = destination({ dest: 2, sync: false });
  return {
    // Asks pino to say of each line how grave it is.
    [Symbol.for("pino.metadata")]: true,
    lastLevel: 0,
    write(line: string): void {
      out.write(line);
      if (this.lastLevel >= warning) keep(line);
    },
  };
};

/** A logger that writes JSON lines; `role` stands on each of them. `keep` is handed its warnings and errors. */
export const createLog = (level: string, role: string, keep: (line: string) => void = () => undefined): Log =>
  pino({ level, base: { role, pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, withKeep(keep));

/** A logger that says nothing: for tests and for commands that print their own words. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};
