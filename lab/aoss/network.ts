/** Who speaks to the simulated switch, and by which of its ports they come. */

/** Where an address is: by its MAC address, behind a port or a trunk. */
export interface LabPlace {
  readonly ip: string;
  readonly mac: string;
  /** Null: the switch has forgotten it. */
  readonly port: string | null;
}

/** Who speaks to the switch, and from where. */
export interface LabNetwork {
  /** Addresses from which ssh sessions come. */
  sessions: readonly string[];
  places: readonly LabPlace[];
}

/** Where the switch itself and its gateway are. */
export const addresses = { own: "10.20.0.10", gateway: "10.20.0.1" } as const;
const operator = "10.20.0.5";

/** Everybody is behind the same port. */
export const networkOf = (port: string | null): LabNetwork => ({
  sessions: [operator],
  places: [
    { ip: addresses.gateway, mac: "3863bb-0a0b00", port },
    { ip: operator, mac: "b05cda-112233", port },
  ],
});
