/** The table of faults: one row each. */
import { type Fault, onSqlite } from "../kit/fault.ts";
import { clockFaults } from "./clock-faults.ts";
import { deviceFaults } from "./device-faults.ts";
import { processFaults } from "./process-faults.ts";
import { redisFaults } from "./redis-faults.ts";
import { storeFaults } from "./store-faults.ts";
import { waypointFaults } from "./waypoint-faults.ts";

/** What the other rows are to be held against. */
const nothing: Fault = { name: "nothing", shape: onSqlite, strike: () => Promise.resolve() };

export const faults: readonly Fault[] = [
  nothing,
  ...processFaults,
  ...redisFaults,
  ...storeFaults,
  ...deviceFaults,
  ...clockFaults,
];

export const allFaults: readonly Fault[] = [...faults, ...waypointFaults];
