/** Jobs in the store: admission, claim, settlement, lists and what is left to do. */
export { cancelledAmong, requestCancel } from "./job/cancel.ts";
export { type Claim, type ClaimRequest, claimJob } from "./job/claim.ts";
export { findJob, findJobs, findOutcomes, findStates, type JobOutcome } from "./job/find.ts";
export { type Admission, insertJob } from "./job/insert.ts";
export { listJobs } from "./job/list.ts";
export type { NewJob } from "./job/new.ts";
export {
  closeTail,
  countOpenJobs,
  markEnqueued,
  notEnqueued,
  type OpenJob,
  openJobsOf,
  openTails,
  orphanedJobs,
  overdueJobs,
  runningJobs,
  unsettledJobs,
} from "./job/open.ts";
export { pruneJobs } from "./job/prune.ts";
export {
  addLastEvents,
  requeueJob,
  retryJob,
  type Settlement,
  setPlan,
  setProgress,
  setSandboxLevel,
  settleJob,
  settleUnstarted,
  spillEvents,
} from "./job/settle.ts";
export { findUndo } from "./job/undo.ts";
export type { Asker, JobFilter } from "./job/walk.ts";
