/** Named places between two things that a worker does for a job: a test may stop a process there, and kill it. */

/** In the order in which a job comes by; each says what has just been done. */
export const waypoints = [
  // The queue handed the job over; its row was read; its locks are held; its attempt is counted; earlier ones are shut out.
  ...["claim.taken", "claim.read", "claim.locked", "claim.counted", "claim.fenced"],
  // pack.install: the archive is here, it was unpacked, it is laid out on disk, its type says that it is looked at,
  // its driver was loaded, the swap is durable, an upgrade's instances are being tested.
  ...["install.received", "install.unpacked", "install.staged", "install.checking"],
  ...["install.examined", "install.recorded", "install.tested"],
  // A write to a device is in the journal, and not sent; it was answered, and the answer is not in the journal.
  ...["write.recorded", "write.answered"],
  // The handler has returned; its events are kept; the outcome is durable; what follows the outcome is done.
  ...["settle.ended", "settle.flushed", "settle.written", "settle.followed"],
  // The queue is still to be told; watchers were told; locks are free; only the row's mark is missing.
  ...["tail.held", "tail.told", "tail.freed", "tail.unmarked"],
] as const;

export type Waypoint = (typeof waypoints)[number];

/** Called at each waypoint. Nothing comes of it, unless this process was told to stop there: then it waits. */
export type PassWaypoint = (waypoint: Waypoint, jobId: string) => Promise<void> | undefined;
