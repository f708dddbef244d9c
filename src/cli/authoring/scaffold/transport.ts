/** What differs between a driver over http, ssh, SNMP and tcp: texts of one file each. */

import type { TransportName } from "./choices.ts";
import { http } from "./http.ts";
import { snmp } from "./snmp.ts";
import { ssh } from "./ssh.ts";
import { tcp } from "./tcp.ts";
import type { TransportTexts } from "./texts.ts";

export const textsOf: Readonly<Record<TransportName, TransportTexts>> = { http, ssh, snmp, tcp };
