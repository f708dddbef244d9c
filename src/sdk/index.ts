/** All that a driver may import. */

export type { Json, JsonObject } from "../model/json.ts";
export type {
  DryRunResult,
  Effects,
  HttpStep,
  Precondition,
  SnmpSet,
  SnmpStep,
  SshAnswer,
  SshStep,
  Step,
  StepRef,
  TargetEffect,
  TcpLine,
  TcpStep,
} from "../model/plan.ts";
export type { Target, TargetRef } from "../model/target.ts";
export type { ActionCall, ConnectionTestResult, InventoryCall } from "./calls.ts";
export { Driver, type DriverContext, type DriverEvent, type DriverLog } from "./driver.ts";
export { DriverError } from "./driver-error.ts";
export type { HttpClient, HttpRequest, HttpResponse } from "./http-client.ts";
export type {
  SnmpClient,
  SnmpReadOptions,
  SnmpRow,
  SnmpSetResult,
  SnmpType,
  SnmpVarbind,
} from "./snmp-client.ts";
export type {
  SshClient,
  SshLineOptions,
  SshLineResult,
  SshPutResult,
  SshResult,
  SshRunOptions,
  SshSession,
  SshSessionOptions,
  SshStepAnswer,
} from "./ssh-client.ts";
export type { TcpClient, TcpConnection, TcpReadOptions } from "./tcp-client.ts";
export type { TransportClients } from "./transport-clients.ts";
