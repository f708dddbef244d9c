/** The parsers of ArubaOS-Switch give the rows that are known of real switches' outputs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { requireAoss } from "../../integrations/com.aruba.aoss/model.ts";
import { parseArp, parseIp, parseMacAddresses } from "../../integrations/com.aruba.aoss/parse/addresses.ts";
import {
  parseInterfaceCounters,
  parseInterfacesBrief,
  parseInterfacesStatus,
} from "../../integrations/com.aruba.aoss/parse/interfaces.ts";
import { parseLldpSelf, parseNeighbours } from "../../integrations/com.aruba.aoss/parse/lldp.ts";
import { parseVsf } from "../../integrations/com.aruba.aoss/parse/stack.ts";
import { parseCrashRecord, parseSystem } from "../../integrations/com.aruba.aoss/parse/system.ts";
import { parsePortSecurity, parseVlans } from "../../integrations/com.aruba.aoss/parse/vlans.ts";

type Row = Readonly<Record<string, string | number>>;

const folder = join(import.meta.dirname, "../../../shared/data/aruba-cli");
const hasOutputs = existsSync(folder);
const yes = (is: boolean): string => (is ? "Yes" : "No");
const named = ({ port, trunk }: { port: string; trunk: string | null }): string =>
  trunk === null ? port : `${port}-${trunk}`;
const commas = (count: number | null): string => (count === null ? "" : count.toLocaleString("en-US"));
const plain = (text: string): string => text.replaceAll(",", "");

/** For each command: what the parser makes of it, in the words of the rows that are known. */
const rowsOf: Readonly<Record<string, (text: string) => readonly Row[]>> = {
  show_arp: (text) =>
    parseArp(text).map((row) => ({ ip_address: row.ip, mac_address: row.mac, port: row.port, type: row.type })),
  show_interfaces: (text) =>
    parseInterfaceCounters(text).map((row) => ({
      port: named(row),
      total_bytes: row.totalBytes,
      total_frames: row.totalFrames,
      errors_rx: row.errorsRx,
      drops_tx: row.dropsTx,
      flow_ctrl: row.flowControl,
      bcast_limit: row.broadcastLimit,
    })),
  show_interfaces_brief: (text) =>
    parseInterfacesBrief(text).map((row) => ({
      port: named(row),
      type: row.type,
      intrusion_alert: yes(row.intrusionAlert),
      enabled: yes(row.isEnabled),
      status: row.isUp ? "Up" : "Down",
      mode: row.mode,
      mdi_mode: row.mdiMode,
      flow_ctrl: row.flowControl,
      bcast_limit: row.broadcastLimit,
    })),
  show_interfaces_status: (text) =>
    parseInterfacesStatus(text).map((row) => ({
      port: named(row),
      name: row.name,
      status: row.isUp ? "Up" : "Down",
      config_mode: row.configMode,
      speed: row.speed,
      type: row.type,
      vlan_tagged: row.tagged,
      vlan_untagged: row.untagged,
    })),
  show_ip: (text) =>
    parseIp(text).rows.map((row) => ({
      vlan_name: row.vlan,
      config: row.config,
      ip_address: row.ip,
      subnet_mask: row.mask,
    })),
  "show_lldp_info_local-device": (text) => {
    const { ports, ...self } = parseLldpSelf(text);
    return ports.map((port) => ({
      chassis_type: self.chassisType,
      chassis_id: self.chassisId,
      system_name: self.systemName,
      description: self.description,
      capabilities_supported: self.capabilitiesSupported.join(", "),
      capabilities: self.capabilities.join(", "),
      mgmt_type: self.managementType,
      mgmt_address: self.managementAddress,
      pid: requireAoss(self.description).product,
      local_interface: port.port,
      port_type: port.type,
      port_id: port.id,
      port_description: port.description,
    }));
  },
  "show_lldp_info_remote-device_detail": (text) =>
    parseNeighbours(text).map((row) => ({
      local_interface: row.localPort,
      neighbor_chassis_type: row.chassisType,
      chassis_id: row.chassisId,
      port_type: row.portType,
      neighbor_interface: row.portId,
      neighbor_interface_description: row.portDescription,
      neighbor_name: row.systemName,
      neighbor_description: row.description,
      vlan_id: row.pvid,
      capabilities_supported: row.capabilitiesSupported.join(", "),
      capabilities: row.capabilities.join(", "),
      mgmt_address: row.managementAddress,
    })),
  "show_mac-address": (text) =>
    parseMacAddresses(text).map((row) => ({ mac_address: row.mac, port: row.port, vlan_id: row.vlan })),
  "show_port-security": (text) =>
    parsePortSecurity(text).map((row) => ({
      port: row.port,
      learn_mode: row.learnMode,
      action: row.action,
      eavesdrop_prevention: row.eavesdropPrevention ? "Enabled" : "Disabled",
    })),
  show_system: (text) => {
    const { members, ...system } = parseSystem(text);
    return members.map((member) => ({
      name: system.name,
      contact: system.contact,
      location: system.location,
      mac_age: system.macAge,
      timezone: system.timezone,
      daylight_rule: system.daylightRule,
      software_version: system.softwareVersion,
      member_id: member.id,
      rom_version: member.romVersion,
      uptime: member.upTime,
      cpu_util: String(member.cpuPercent ?? ""),
      mac_address: member.mac,
      serial: member.serial,
      mem_tot: commas(member.memoryTotal),
      mem_free: commas(member.memoryFree),
    }));
  },
  show_tech_buffers: (text) => [{ ...parseCrashRecord(text) }],
  show_vlans: (text) =>
    parseVlans(text).map((row) => ({
      vlan_id: String(row.id),
      vlan_name: row.name,
      status: row.status,
      voice: yes(row.isVoice),
      jumbo: row.isJumbo === null ? "" : yes(row.isJumbo),
    })),
  show_vsf_detail: (text) => {
    const vsf = parseVsf(text);
    if (vsf === null) throw new Error("Expected a stack.");
    const head = {
      domain_id: vsf.domain,
      mac_address: vsf.mac,
      topology: vsf.topology,
      status: vsf.status,
      uptime: vsf.upTime,
      vsf_mad: vsf.mad,
      port_speed: vsf.portSpeed,
      software_version: vsf.softwareVersion,
      name: vsf.name,
      contact: vsf.contact,
      location: vsf.location,
    };
    const members = vsf.members.map((member) => ({
      member_id: member.id,
      mac_address: member.mac,
      type: member.product,
      model: member.model,
      priority: String(member.priority),
      status: member.role.replace(/^./, (letter) => letter.toUpperCase()),
      rom_version: member.romVersion,
      serial_number: member.serial,
      uptime: member.upTime,
      cpu: `${member.cpuPercent}%`,
      memory_total: `${commas(member.memoryTotal)} bytes`,
      memory_free: `${commas(member.memoryFree)} bytes`,
      vsf_link_1: member.links[0] ?? "",
      vsf_link_2: member.links[1] ?? "",
    }));
    return [head, ...members];
  },
};
const counters = new Set(["total_bytes", "total_frames", "errors_rx", "drops_tx"]);

const cases = (hasOutputs ? readdirSync(folder) : []).flatMap((command) =>
  readdirSync(join(folder, command))
    .filter((file) => file.endsWith(".raw"))
    .map((file) => ({ command, file })),
);

describe.skipIf(!hasOutputs)("outputs of real switches", () => {
  it.each(cases.filter(({ command }) => command !== "show_version"))(
    "$command, $file, parses to its rows",
    ({ command, file }) => {
      const raw = readFileSync(join(folder, command, file), "utf8");
      const known = parse(readFileSync(join(folder, command, file.replace(/raw$/, "yml")), "utf8")) as {
        parsed_sample: Record<string, string>[];
      };
      const rows = rowsOf[command]?.(raw) ?? [];
      expect(rows).toHaveLength(known.parsed_sample.length);
      for (const [index, row] of rows.entries()) {
        const expected = known.parsed_sample[index] ?? {};
        const ours = Object.keys(row).map((field) => {
          const value = expected[field] ?? "absent";
          return [field, counters.has(field) ? Number(plain(value)) : value];
        });
        expect(row).toEqual(Object.fromEntries(ours));
      }
    },
  );

  it("has a parser for every command", () => {
    expect(cases).toHaveLength(21);
    expect(
      [...new Set(cases.map(({ command }) => command))].filter((command) => rowsOf[command] === undefined),
    ).toEqual(["show_version"]);
  });

  it("tells an access point, whose version this is, from a switch", () => {
    const raw = readFileSync(join(folder, "show_version/hp_procurve_show_version.raw"), "utf8");
    expect(() => requireAoss(raw)).toThrow(/access point or controller with wireless ArubaOS/);
  });
});
