/** The store: what we remember. One port, two databases. */
import type { Unit } from "./unit.ts";

export interface WriteOptions<T> {
  /**
   * Whether what the unit returned may be told before it is on the disk: a machine that loses its power may forget it,
   * but never keep anything written later without it. A database that cannot tell the difference makes it durable.
   */
  readonly mayLag?: (value: T) => boolean;
}

export interface Store {
  readonly dialect: "sqlite" | "postgres";
  /**
   * Runs the unit in a transaction and resolves when it is durable. A throw inside the unit undoes it alone.
   * @throws SwitchyardError `store_unavailable` when the database cannot be written within 5 s.
   */
  write<T>(unit: () => Unit<T>, options?: WriteOptions<T>): Promise<T>;
  /** Runs a unit that only reads. */
  read<T>(unit: () => Unit<T>): Promise<T>;
  /** How many units wait for their commit: a readiness figure. */
  readonly pending: number;
  close(): Promise<void>;
}
