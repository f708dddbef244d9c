/** Schedules: what the runner does to an instance by itself, and how often. */

export type ScheduleKind = "instance.test_connection" | "instance.refresh_inventory";

export interface Schedule {
  readonly id: string;
  readonly instanceId: string;
  readonly kind: ScheduleKind;
  readonly everySeconds: number;
  /** Fixed offset of the instance within the interval, so that a thousand schedules do not tick at once. */
  readonly offsetMs: number;
  readonly paused: boolean;
  readonly lastJobId: string | null;
  readonly lastDueAt: number | null;
}
