import { describe, expect, test } from "vitest";
import type { Change, Connection, Domain, Finding, Key, Publication } from "../api/types";
import { atDomain, complete, quotaBytes, quotaGigabytes } from "./accounts";
import { difference, nearest } from "./differences";
import { byAttention, search } from "./domains";
import { fileName } from "./exports";
import { life, madeSince, mayRetire } from "./keys";
import { fromRows, nextPriority, toRows } from "./mx";
import { formatName, presetFor } from "./names";
import { agreed, inOrder, preferred, tally, toMake, undoable, valueLines } from "./publishing";
import { count, countLook, groupRecords, recordsToMend, toPublish } from "./records";
import { domainPath, parse } from "./routes";
import { domainLook, stateLook } from "./states";
import { bytes, lines, sentence } from "./text";
import { duration, isZero, relative, upcoming } from "./time";
import { open, worstState } from "./troubles";
import { t, tn } from "./t";

const finding = (f: Partial<Finding>): Finding =>
  ({ requirement: "required", state: "ok", purpose: "spf", ...f }) as Finding;
const change = (c: Partial<Change>): Change =>
  ({ name: "example.com", type: "TXT", ttl: 3600, before: null, after: null, action: "keep", ...c }) as Change;

describe("pages by their paths", () => {
  test("every path has one", () => {
    expect(parse("/admin/")).toEqual({ page: "domains" });
    expect(parse("/admin")).toEqual({ page: "domains" });
    expect(parse("/admin/server")).toEqual({ page: "server" });
    expect(parse("/admin/add-domain")).toEqual({ page: "add" });
    expect(parse("/admin/domains/example.com")).toEqual({ page: "domain", name: "example.com", tab: "overview" });
    expect(parse("/admin/domains/example.com/keys/")).toEqual({ page: "domain", name: "example.com", tab: "keys" });
  });
  test("others are missing", () => {
    for (const path of [
      "/admin/nothing",
      "/admin/domains/",
      "/admin/domains/x/y",
      "/admin/domains/x/keys/z",
      "/admin/domains/%ff",
    ]) {
      expect(parse(path)).toEqual({ page: "missing" });
    }
  });
  test("and back", () => {
    for (const name of ["example.com", "xn--bcher-kva.example"]) {
      expect(parse(domainPath(name, "records"))).toEqual({ page: "domain", name, tab: "records" });
    }
  });
});

describe("names as a provider's form wants them", () => {
  test.each([
    ["_dmarc.example.com", "_dmarc", "_dmarc.example.com", "_dmarc.example.com."],
    ["example.com", "@", "example.com", "example.com."],
    ["1.2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa."],
    ["notexample.com", "notexample.com", "notexample.com", "notexample.com."],
  ])("%s", (name, rel, full, dot) => {
    expect(formatName(name, "example.com", "relative")).toBe(rel);
    expect(formatName(name, "example.com", "full")).toBe(full);
    expect(formatName(name, "example.com", "dot")).toBe(dot);
  });
  test("the provider sets the format", () => {
    expect(["", "cloudflare", "rfc2136"].map(presetFor)).toEqual(["full", "relative", "dot"]);
  });
});

describe("states", () => {
  test("unknown is never good and never bad", () => {
    for (const state of ["unknown", "something new"]) expect(stateLook(state).tone).toBe("quiet");
    expect(domainLook("unknown").tone).toBe("quiet");
  });
  test("what is missing matters as much as it is needed", () => {
    expect(stateLook("missing", "required").tone).toBe("bad");
    expect(stateLook("missing", "optional").tone).toBe("warn");
  });
  test("the worst answer speaks for a complaint", () => {
    expect(worstState([{ state: "ok" }, { state: "unknown" }, { state: "missing" }])).toBe("missing");
    expect(worstState([{ state: "ok" }, { state: "ok_differs" }])).toBe("ok");
    expect(worstState([])).toBe("unknown");
  });
  test("what is right or of no concern is no finding", () => {
    expect(open(["ok", "ok_differs", "not_applicable", "missing", "unknown"].map((state) => ({ state })))).toBe(2);
  });
});

describe("records", () => {
  const records = [
    finding({ purpose: "mx", state: "missing", set_at: "dns provider" }),
    finding({ purpose: "dmarc", requirement: "recommended", state: "wrong", set_at: "dns provider" }),
    finding({ purpose: "client", requirement: "optional", state: "missing", set_at: "dns provider" }),
    finding({ purpose: "tlsa", requirement: "not_applicable", state: "not_applicable" }),
    finding({ purpose: "ptr", state: "missing", set_at: "hosting provider" }),
    finding({ purpose: "mta_sts", requirement: "recommended", state: "propagating" }),
  ];
  test("each is in one group", () => {
    expect(groupRecords(records, false).map((g) => [g.id, g.records.length])).toEqual([
      ["receive", 1],
      ["send", 2],
      ["transport", 1],
      ["clients", 1],
      ["optional", 1],
    ]);
    expect(groupRecords(records, true)).toEqual([{ id: "parked", records }]);
    expect(groupRecords([], true)).toEqual([]);
  });
  test("what is to be mended: required first, optional not at all", () => {
    expect(recordsToMend(records).map((f) => f.purpose)).toEqual(["mx", "ptr", "dmarc"]);
  });
  test("what can be published is at the DNS provider", () => {
    expect(toPublish({ records } as never)).toBe(3);
    expect(toPublish(undefined)).toBe(0);
  });
  test("counts leave out what does not apply", () => {
    const c = count(records);
    expect(c).toEqual({ good: 0, work: 3, wait: 1, unknown: 0, optional: 1, all: 5 });
    expect(countLook(c).tone).toBe("warn");
    expect(countLook({ ...c, work: 0, wait: 0 })).toEqual({ icon: "minus", tone: "quiet" });
    expect(countLook({ ...c, work: 0, wait: 0, optional: 0, good: 5 }).tone).toBe("good");
  });
});

describe("differences", () => {
  test("SPF, term by term", () => {
    expect(difference("v=spf1 mx ~all", "v=spf1 include:x.example -all")).toEqual([
      { text: "v=spf1", kind: "same" },
      { text: "include:x.example", kind: "extra" },
      { text: "-all", kind: "extra" },
      { text: "mx", kind: "lacking" },
      { text: "~all", kind: "lacking" },
    ]);
  });
  test("DMARC, tag by tag", () => {
    expect(difference("v=DMARC1; p=none", "v=DMARC1;p=reject").map((p) => p.kind)).toEqual([
      "same",
      "extra",
      "lacking",
    ]);
  });
  test("among several the nearest is compared", () => {
    expect(nearest("v=spf1 mx ~all", ["google-site-verification=x", "v=spf1 -all"])).toBe("v=spf1 -all");
    expect(nearest("x", [])).toBeUndefined();
  });
});

describe("the list of domains", () => {
  const domain = (name: string, state: string, fix = 0, provider = "") =>
    ({ name, provider, badge: { state, fix, text: "" } }) as Domain;
  const all = [
    domain("ready.example", "ready"),
    domain("off.example", "disabled"),
    domain("two.example", "fix", 2),
    domain("nine.example", "fix", 9, "cloudflare"),
    domain("dark.example", "unknown"),
  ];
  test("what needs attention stands first", () => {
    expect(byAttention(all).map((d) => d.name)).toEqual([
      "nine.example",
      "two.example",
      "dark.example",
      "ready.example",
      "off.example",
    ]);
  });
  test("name and provider are searched", () => {
    expect(search(all, " CLOUD", "all").map((d) => d.name)).toEqual(["nine.example"]);
    expect(search(all, "", "attention")).toHaveLength(3);
    expect(search(all, "two", "ready")).toHaveLength(0);
  });
});

describe("publishing", () => {
  const changes = [
    change({}),
    change({ name: "a", action: "create", blocked: "an alias is in the way" }),
    change({ name: "b", action: "create", after: [{ text: "x", priority: 0 }] }),
    change({ name: "c", action: "change" }),
  ];
  test("what is blocked is not made", () => {
    expect(tally(changes)).toEqual({ create: 1, change: 1, delete: 0, keep: 1, blocked: 1 });
    expect(toMake(changes)).toBe(2);
    expect(inOrder(changes).map((c) => c.name)).toEqual(["b", "c", "a", "example.com"]);
  });
  test("values: what stays, goes and comes", () => {
    const mx = change({
      type: "MX",
      before: [
        { text: "old.example.", priority: 5 },
        { text: "mail.example.", priority: 10 },
      ],
      after: [
        { text: "mail.example.", priority: 10 },
        { text: "new.example.", priority: 20 },
      ],
    });
    expect(valueLines(mx)).toEqual([
      { text: "10 mail.example.", kind: "same" },
      { text: "5 old.example.", kind: "extra" },
      { text: "20 new.example.", kind: "lacking" },
    ]);
  });
  test("consent is the domain's name, typed", () => {
    expect(agreed("", "", "example.com")).toBe(true);
    expect(agreed("mail moves", " Example.COM ", "example.com")).toBe(true);
    expect(agreed("mail moves", "example.co", "example.com")).toBe(false);
  });
  test("what can be undone", () => {
    const zero = "0001-01-01T00:00:00Z";
    const made = (id: number, kind: string, undone: string, outcome: string) =>
      ({ id, kind, undone, results: [{ outcome }] }) as Publication;
    const all = [
      made(4, "undo", zero, "done"),
      made(3, "publish", "2026-01-01T00:00:00Z", "done"),
      made(2, "publish", zero, "failed"),
      made(1, "sync", zero, "done"),
    ];
    expect(undoable(all)?.id).toBe(1);
    expect(undoable([])).toBeUndefined();
  });
  test("the connection to begin with", () => {
    const all = [
      { name: "a", provider: "ovh" },
      { name: "b", provider: "gandi" },
    ] as Connection[];
    expect(preferred(all, "b", "ovh")).toBe("b");
    expect(preferred(all, "gone", "ovh")).toBe("a");
    expect(preferred(all, "", "")).toBe("");
    expect(preferred(all.slice(0, 1), "", "")).toBe("a");
  });
});

describe("keys", () => {
  const key = (selector: string, state: string, stages: string[] = []) =>
    ({ selector, state, stages: stages.map((s) => ({ text: "", at: "", state: s })) }) as Key;
  test("the last key that signs is not retired", () => {
    const [a, b, c] = [key("a", "active"), key("b", "active"), key("c", "pending")];
    expect(mayRetire(a, [a, b])).toBe(true);
    expect(mayRetire(a, [a, c])).toBe(false);
    expect(mayRetire(c, [a, b, c])).toBe(false);
  });
  test("a key that signs awaits nothing", () => {
    expect(life(key("a", "active", ["done", "current", "waiting"])).map((s) => s.state)).toEqual([
      "done",
      "waiting",
      "waiting",
    ]);
    expect(life(key("a", "pending", ["done", "current"])).map((s) => s.state)).toEqual(["done", "current"]);
  });
  test("what a rotation made", () => {
    expect(madeSince(["a"], [key("a", "active"), key("b", "pending")]).map((k) => k.selector)).toEqual(["b"]);
  });
});

describe("small things", () => {
  test("hosts that take mail", () => {
    const rows = toRows([{ host: "mail.example.com.", priority: 10 }]);
    expect(rows).toEqual([{ host: "mail.example.com", priority: 10 }]);
    expect(fromRows([...rows, { host: "  ", priority: 20 }, { host: "MX2.example.com", priority: null }])).toEqual([
      { host: "mail.example.com", priority: 10 },
      { host: "mx2.example.com", priority: 10 },
    ]);
    expect(nextPriority(rows)).toBe(20);
    expect(nextPriority([])).toBe(10);
  });
  test("addresses", () => {
    expect(
      atDomain(
        [{ address: "b@x.example" }, { address: "a@X.example" }, { address: "c@sub.x.example" }],
        "x.example",
      ).map((a) => a.address),
    ).toEqual(["a@X.example", "b@x.example"]);
    expect(complete(" anna ", "x.example")).toBe("anna@x.example");
    expect(quotaBytes(quotaGigabytes(1_500_000_000))).toBe(1_500_000_000);
    expect(quotaBytes(null)).toBe(0);
  });
  test("times", () => {
    const now = Date.parse("2026-11-25T12:00:00Z");
    expect(isZero("0001-01-01T00:00:00Z")).toBe(true);
    expect(relative("2026-11-25T11:57:00Z", now)).toBe("3 minutes ago");
    expect(relative("2026-11-24T12:00:00Z", now)).toBe("yesterday");
    expect(relative("2026-11-25T11:59:50Z", now)).toBe("just now");
    expect(upcoming("2026-11-25T11:00:00Z", now)).toBe("within a minute");
    expect(upcoming("2026-11-25T14:00:00Z", now)).toBe("in 2 hours");
    expect([30, 90, 3600, 604800].map(duration)).toEqual(["30 seconds", "2 minutes", "1 hour", "7 days"]);
  });
  test("texts", () => {
    expect(sentence("it is hosted already")).toBe("It is hosted already.");
    expect(sentence("Why? ")).toBe("Why?");
    expect(lines("a, b\n\n c ")).toEqual(["a", "b", "c"]);
    expect([0, 999, 1500, 25_000_000].map(bytes)).toEqual(["0 B", "999 B", "1.5 kB", "25 MB"]);
    expect(fileName("x.example", "route53")).toBe("x.example.route53.json");
  });
  test("strings", () => {
    expect(t("copy.name", { record: "TXT x" })).toBe("name of TXT x");
    expect(tn("domain.publish", 1)).toBe("Publish 1 record…");
    expect(tn("domain.publish", 3)).toBe("Publish 3 records…");
  });
});
