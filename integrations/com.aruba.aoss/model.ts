/** Which switches these are: AOS-S is told from its family's look-alikes by what they say of themselves. */
import { DriverError } from "switchyard/sdk";

/** A switch that speaks the commands of AOS-S. */
export interface AossModel {
  /** The product number, such as JL255A. */
  readonly product: string;
  /** What follows it, such as `2930F-24G-PoE+-4SFP+ Switch`. */
  readonly name: string;
  /** The firmware, such as WC.16.10.0014. */
  readonly firmware: string;
}

/** A description by LLDP is cut short: what is there of the firmware must do. */
const aoss = /\b(J[A-Z\d]\d{3}[A-Z])\b\s+(.*?),\s*revision\s+([A-Z]{1,2}\.\d{2}\.(?:\d[\w.]*)?)/;
const oldest = 11;
/** Real descriptions are far shorter. */
const longest = 1_000;

interface Stranger {
  readonly test: RegExp;
  readonly what: string;
}
/** In this order: the first that fits. */
const strangers: readonly Stranger[] = [
  { test: /Instant ?On/i, what: "an Instant On switch, which is managed through its cloud or its web pages" },
  {
    test: /\b(?:18|19)\d0S?\b.*\b(?:P[A-Z]|LC)\.\d|\bPT\.\d|\bPD\.\d/,
    what: "a switch of the smart-managed series (1800 to 1950), which has web pages and no AOS-S command line",
  },
  {
    test: /\bPA\.\d|\bPB\.\d|ProCurve (?:Switch )?18\d0/i,
    what: "a switch of the ProCurve 1800 series, which has web pages and no AOS-S command line",
  },
  {
    test: /\b(?:FL|GL|TL|XL|ML|LL|PL|DL|CL|RL)\.\d{2}\.\d{2}|ArubaOS-CX|AOS-CX/,
    what: "a switch with AOS-CX, whose commands and interfaces are others",
  },
  { test: /Comware/i, what: "a switch with Comware, whose commands are others" },
  {
    test: /ArubaOS \(MODEL|Instant AP|\bAP-?\d{3}\b/i,
    what: "an access point or controller with wireless ArubaOS, and no switch",
  },
];

const shown = (text: string): string =>
  JSON.stringify(text.slice(0, longest).trim().replaceAll(/\s+/g, " ").slice(0, 120));

/** The model that a description names; null when it is none with AOS-S. */
export const modelIn = (description: string): AossModel | null => {
  const match = aoss.exec(description.slice(0, longest).replaceAll(/\s+/g, " "));
  if (match === null) return null;
  const [, product = "", name = "", firmware = ""] = match;
  return Number(firmware.split(".")[1]) >= oldest ? { product, name, firmware: firmware.replace(/\.+$/, "") } : null;
};

/**
 * The model that a description (`sysDescr`, or LLDP's description of the switch itself) names.
 * @throws DriverError `protocol_mismatch` that says what the device is instead.
 */
export const requireAoss = (description: string): AossModel => {
  const model = modelIn(description);
  if (model !== null) return model;
  const stranger = strangers.find(({ test }) => test.test(description.slice(0, longest)));
  const what = stranger?.what ?? "no switch with AOS-S (15.x or 16.x)";
  throw new DriverError(
    "protocol_mismatch",
    `This device is ${what}. It says of itself: ${shown(description)}. This integration is for ArubaOS-Switch; nothing was changed.`,
    { description: description.slice(0, 300) },
  );
};
