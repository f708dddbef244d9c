/** Addresses, paths and base URLs: what may be reached and how it may be spelled. */
import { describe, expect, test } from "vitest";
import { isOwnListener, refusedAddress, unwrapAddress } from "../../src/model/address.ts";
import { belowBase, canonicalHost, type HttpEndpoint, originOf, parseBaseUrl } from "../../src/model/endpoint.ts";
import { pathProblem, segmentOf } from "../../src/model/path.ts";

describe("addresses", () => {
  test.each([
    ["10.0.0.1", undefined],
    ["127.0.0.1", undefined],
    ["192.168.1.1", undefined],
    ["100.64.0.1", undefined],
    ["::1", undefined],
    ["fd00::1", undefined],
    ["2001:db8::1", undefined],
    ["169.254.0.1", "link-local"],
    ["::ffff:169.254.169.254", "link-local"],
    ["::ffff:a9fe:a9fe", "link-local"],
    ["0:0:0:0:0:ffff:a9fe:a9fe", "link-local"],
    ["::ffff:0:169.254.1.1", "link-local"],
    ["::169.254.1.1", "link-local"],
    ["64:ff9b::169.254.169.254", "link-local"],
    ["2002:a9fe:a9fe::1", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["febf::1", "link-local"],
    ["fd00:ec2::254", "a metadata service"],
    ["100.100.100.200", "a metadata service"],
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "unspecified"],
    ["::", "unspecified"],
    ["::ffff:0.0.0.0", "unspecified"],
    ["224.0.0.251", "multicast"],
    ["239.1.1.1", "multicast"],
    ["ff02::1", "multicast"],
    ["255.255.255.255", "broadcast"],
    ["nonsense", "no address"],
  ])("%s is refused as %s", (address, reason) => {
    expect(refusedAddress(address)).toBe(reason);
  });

  test("have one spelling after unwrapping", () => {
    expect(unwrapAddress("::ffff:127.0.0.1")).toBe("127.0.0.1");
    expect(unwrapAddress("0:0::1")).toBe(unwrapAddress("::1"));
    expect(unwrapAddress("2001:DB8::0001")).toBe("2001:db8:0:0:0:0:0:1");
  });

  test.each([
    ["127.0.0.1", "127.0.0.1", true],
    ["::ffff:127.0.0.1", "127.0.0.1", true],
    ["127.0.0.2", "127.0.0.1", false],
    ["127.0.0.2", "0.0.0.0", true],
    ["::1", "::", true],
    ["10.1.1.1", "0.0.0.0", true],
    ["10.1.1.2", "0.0.0.0", false],
    ["127.0.0.1", "localhost", true],
    ["::1", "localhost", true],
  ])("%s meets a listener of ours on %s: %s", (address, host, meets) => {
    expect(isOwnListener(address, 8080, [{ host, port: 8080 }], ["10.1.1.1"])).toBe(meets);
    expect(isOwnListener(address, 8081, [{ host, port: 8080 }], ["10.1.1.1"])).toBe(false);
  });

  test.each([
    ["127.0.0.1", "127.0.0.1", true],
    ["127.0.0.2", "127.0.0.1", true],
    ["::1", "127.0.0.1", true],
    ["10.1.1.1", "127.0.0.1", true],
    ["::ffff:10.1.1.1", "::1", true],
    ["127.0.0.1", "10.1.1.1", true],
    ["fd00::2", "localhost", true],
    ["10.1.1.2", "127.0.0.1", false],
    ["10.1.1.2", "10.1.1.2", true],
    ["::ffff:10.1.1.2", "10.1.1.2", true],
    ["127.0.0.1", "10.1.1.2", false],
  ])("%s meets a server of somebody else's, known to us as %s: %s", (address, host, meets) => {
    const listeners = [{ host, port: 6379, isForeign: true }];
    expect(isOwnListener(address, 6379, listeners, ["10.1.1.1", "fd00::2"])).toBe(meets);
    expect(isOwnListener(address, 6380, listeners, ["10.1.1.1", "fd00::2"])).toBe(false);
  });
});

describe("hosts", () => {
  test.each([
    ["pve.local", "pve.local"],
    ["PVE.Local", "pve.local"],
    ["127.1", "127.0.0.1"],
    ["0x7f000001", "127.0.0.1"],
    ["2130706433", "127.0.0.1"],
    ["[::1]", "::1"],
    ["::FFFF:127.0.0.1", "::ffff:7f00:1"],
    ["b\u00fccher.example", "xn--bcher-kva.example"],
    ["a/b", undefined],
    ["a:80", undefined],
    ["user@host", undefined],
    ["https://host", undefined],
    ["a b", undefined],
    ["a%2eb", undefined],
    ["", undefined],
    ["1.2.3.4.5", undefined],
    ["256.1.1.1", undefined],
  ])("%j is %j", (text, host) => {
    expect(canonicalHost(text)).toBe(host);
  });
});

describe("base URLs", () => {
  test.each([
    ["https://h", { scheme: "https", host: "h", port: 443, prefix: "" }],
    ["HTTP://H:8080/a/b/", { scheme: "http", host: "h", port: 8080, prefix: "/a/b" }],
    ["http://[::1]:90/x", { scheme: "http", host: "::1", port: 90, prefix: "/x" }],
  ])("%s is read", (text, base) => {
    expect(parseBaseUrl(text)).toEqual(base);
  });

  test.each([
    "ftp://h",
    "h",
    "https://",
    "https://u@h",
    "https://u:p@h",
    "https://h?x",
    "https://h/#f",
    "https://h:0",
    "https://h:99999",
    "https://h:x",
    "https://h/../x",
    "https://h//x",
    "https://h/a b",
    "https://h\\x",
  ])("%j is refused", (text) => {
    expect(parseBaseUrl(text)).toEqual(expect.any(String));
  });

  const endpoint = { scheme: "https", host: "h", port: 443, prefix: "/api" } as HttpEndpoint;
  test.each([
    ["https://h/api", { path: "", query: null }],
    ["https://H:443/api/x?a=1?b", { path: "/x", query: "a=1?b" }],
    ["https://h/api/", { path: "/", query: null }],
    ["https://h/apix", undefined],
    ["http://h/api", undefined],
    ["https://h:444/api", undefined],
    ["https://h/api/../x", undefined],
    ["https://h/api#x", undefined],
  ])("%s lies below the base as %j", (url, below) => {
    expect(belowBase(url, endpoint)).toEqual(below);
  });

  test("write their port only where it is not the scheme's own", () => {
    expect(originOf({ scheme: "https", host: "::1", port: 443 })).toBe("https://[::1]");
    expect(originOf({ scheme: "http", host: "h", port: 443 })).toBe("http://h:443");
  });
});

describe("paths", () => {
  test.each(["", "/", "/a/b.c/..d", "/a/...", "/a/%2E%2Ex", "/a%20b", "/~x;v=1", "/a:b@c", "/%C3%A9", "/a//b"])(
    "%j may be sent",
    (path) => {
      expect(pathProblem(path)).toBeUndefined();
    },
  );

  test.each([
    "/a/..%20",
    "/a/%20./b",
    "/..%3Fx",
    "/%252e%2523",
    "/a%3F/%2e%2e",
    "/x%3fy%2f..%23c",
    "/x%23y%2f..%3fc",
    "/..%3Bx",
    "/a%5C..",
    "/%C3%A9/%252e.",
  ])("%j may not: some servers would climb", (path) => {
    expect(pathProblem(path)).toMatch(/means "\." or "\.\."/);
  });

  test.each([
    ["a b", "a%20b"],
    ["a? ..b", "a%3F%20..b"],
    ["a/b", "a%2Fb"],
    ["..", undefined],
    [".", undefined],
    ["%2e%2e", undefined],
    ["../x", undefined],
    ["a\nb", undefined],
    ["", undefined],
    ["\ud800", undefined],
  ])("the value %j stands in a path as %j", (value, segment) => {
    expect(segmentOf(value)).toBe(segment);
  });
});
