/** Network addresses: which of them no instance may reach, however they are spelled. */
import { BlockList, isIP, isIPv4 } from "node:net";

/** Where one of our own servers listens. */
export interface Listener {
  /** An address, or a name: whoever compares puts the name's addresses in its place. */
  readonly host: string;
  readonly port: number;
  /** Somebody else started it: on this machine it may listen on more addresses than the one we were told. */
  readonly isForeign?: boolean;
}

const refusedV4: readonly (readonly [string, number, string])[] = [
  ["0.0.0.0", 8, "unspecified"],
  ["169.254.0.0", 16, "link-local"],
  ["100.100.100.200", 32, "a metadata service"],
  ["168.63.129.16", 32, "a metadata service"],
  ["192.0.0.192", 32, "a metadata service"],
  ["224.0.0.0", 4, "multicast"],
  ["255.255.255.255", 32, "broadcast"],
];
const refusedV6: readonly (readonly [string, number, string])[] = [
  ["::", 128, "unspecified"],
  ["fe80::", 10, "link-local"],
  ["fec0::", 10, "site-local"],
  ["fd00:ec2::254", 128, "a metadata service"],
  ["fd20:ce::254", 128, "a metadata service"],
  ["ff00::", 8, "multicast"],
];

const listOf = (address: string, prefix: number, family: "ipv4" | "ipv6"): BlockList => {
  const list = new BlockList();
  list.addSubnet(address, prefix, family);
  return list;
};

/** The eight groups of an IPv6 address. */
const groupsOf = (address: string): readonly number[] => {
  const plain = address.split("%", 1)[0] ?? address;
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain);
  const text =
    dotted === null ? plain : `${dotted[1]}${hexPair(dotted[2], dotted[3])}:${hexPair(dotted[4], dotted[5])}`;
  const [head = "", tail] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = new Array<string>(tail === undefined ? 0 : 8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
};
const hexPair = (high = "0", low = "0"): string => (Number(high) * 256 + Number(low)).toString(16);

const v4Of = (high = 0, low = 0): string => [high >> 8, high & 255, low >> 8, low & 255].join(".");

/** IPv4 addresses that stand inside IPv6: mapped, compatible, translated, NAT64, 6to4. */
const embeddedV4 = (groups: readonly number[]): string | undefined => {
  const [first = 0, second = 0] = groups;
  const zerosUpTo = (end: number): boolean => groups.slice(0, end).every((group) => group === 0);
  const isMapped = zerosUpTo(5) && groups[5] === 0xffff;
  const isTranslated = zerosUpTo(4) && groups[4] === 0xffff && groups[5] === 0;
  const isCompatible = zerosUpTo(6) && (groups[6] !== 0 || (groups[7] ?? 0) > 1);
  const isNat64 = first === 0x64 && second === 0xff9b;
  if (isMapped || isTranslated || isCompatible || isNat64) return v4Of(groups[6], groups[7]);
  return first === 0x2002 ? v4Of(second, groups[2]) : undefined;
};

/** The address in one spelling: IPv6 forms of an IPv4 address become that address, zones are cut. */
export const unwrapAddress = (address: string): string => {
  if (isIPv4(address)) return address;
  const groups = groupsOf(address);
  return embeddedV4(groups) ?? groups.map((group) => group.toString(16)).join(":");
};

const v4Lists = refusedV4.map(([address, prefix, what]) => ({ list: listOf(address, prefix, "ipv4"), what }));
const v6Lists = refusedV6.map(([address, prefix, what]) => ({ list: listOf(address, prefix, "ipv6"), what }));

/** Why no instance may reach this address (`link-local`, `multicast` ...), or `undefined` when it may. */
export const refusedAddress = (address: string): string | undefined => {
  if (isIP(address) === 0) return "no address";
  const plain = unwrapAddress(address);
  const family = isIPv4(plain) ? "ipv4" : "ipv6";
  return (family === "ipv4" ? v4Lists : v6Lists).find(({ list }) => list.check(plain, family))?.what;
};

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "0:0:0:0:0:0:0:1";

const wildcards: ReadonlySet<string> = new Set(["", "0.0.0.0", "::"]);

/** Whether a listener's host has to be looked up before addresses can be compared with it. */
export const isListenerName = ({ host }: Listener): boolean =>
  !wildcards.has(host) && host !== "localhost" && isIP(host) === 0;

const listenerAddresses = ({ host }: Listener): readonly string[] => {
  if (host === "localhost") return ["127.0.0.1", "0:0:0:0:0:0:0:1"];
  return isIP(host) === 0 ? [] : [unwrapAddress(host)];
};

/**
 * Whether a server of ours listens at the address. A listener on all interfaces, or a foreign one on this machine, is met
 * on every local address (`localAddresses`, and the whole loopback net); another on its single address only, so that
 * labs beside us work. Names are met nowhere (`isListenerName`).
 */
export const isOwnListener = (
  address: string,
  port: number,
  listeners: readonly Listener[],
  localAddresses: readonly string[],
): boolean => {
  const plain = unwrapAddress(address);
  const local = new Set(localAddresses.map(unwrapAddress));
  const isLocal = (one: string): boolean => isLoopback(one) || local.has(one);
  const meets = (listener: Listener): boolean => {
    const own = listenerAddresses(listener);
    const isEverywhere = wildcards.has(listener.host) || (listener.isForeign === true && own.some(isLocal));
    return own.includes(plain) || (isEverywhere && isLocal(plain));
  };
  return listeners.some((listener) => listener.port === port && meets(listener));
};
