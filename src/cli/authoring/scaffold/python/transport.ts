/** What differs between drivers in Python over http, ssh, SNMP and tcp. */
import type { TransportName } from "../choices.ts";
import { http } from "./http.ts";
import { snmp } from "./snmp.ts";
import { ssh } from "./ssh.ts";
import { tcp } from "./tcp.ts";
import type { PythonTexts } from "./texts.ts";

export const pythonTextsOf: Readonly<Record<TransportName, PythonTexts>> = { http, ssh, snmp, tcp };
