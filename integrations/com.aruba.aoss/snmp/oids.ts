/** Names of the objects that are read, and what their numbers mean. */
export const oids = {
  description: "1.3.6.1.2.1.1.1.0",
  upTime: "1.3.6.1.2.1.1.3.0",
  name: "1.3.6.1.2.1.1.5.0",
  location: "1.3.6.1.2.1.1.6.0",
  interfaces: "1.3.6.1.2.1.2.2.1",
  interfacesMore: "1.3.6.1.2.1.31.1.1.1",
  poePorts: "1.3.6.1.2.1.105.1.1.1",
  poeMain: "1.3.6.1.2.1.105.1.3.1.1",
  lldpLocal: "1.0.8802.1.1.2.1.3.7.1",
  lldpRemote: "1.0.8802.1.1.2.1.4.1.1",
  entities: "1.3.6.1.2.1.47.1.1.1.1",
} as const;

/** Columns of the tables above. */
export const columns = {
  interfaces: { description: 2, type: 3, admin: 7, oper: 8 },
  interfacesMore: { name: 1, speedMbps: 15, alias: 18 },
  poePorts: { admin: 3, detection: 6, priority: 7, powerClass: 10 },
  poeMain: { powerW: 2, status: 3, usedW: 4 },
  lldpLocal: { id: 3, description: 4 },
  lldpRemote: { chassisId: 5, systemName: 9, systemDescription: 10, capabilities: 12 },
  entities: { description: 2, class: 5, name: 7, serial: 11, model: 13 },
} as const;

export const detections: Readonly<Record<number, string>> = {
  1: "disabled",
  2: "searching",
  3: "delivering",
  4: "fault",
  5: "test",
  6: "fault",
};
export const priorities: Readonly<Record<number, string>> = { 1: "critical", 2: "high", 3: "low" };
export const supplies: Readonly<Record<number, string>> = { 1: "on", 2: "off", 3: "faulty" };
export const ethernetTypes: readonly number[] = [6, 62, 69, 117];
