import { describe, expect, test } from "vitest";
import type { DomainSettings } from "../api/types";
import { addTerm, changed, emptySettings, fromForm, toForm } from "./settingsform";

const full: DomainSettings = {
  catch_all: "postmaster@example.com",
  greylist: "suspicious",
  parked: true,
  apex_address: true,
  ttl: 300,
  spf: { mechanisms: ["include:_spf.example.net", "ip4:192.0.2.0/24"], all: "-all" },
  dmarc: {
    p: "reject",
    sp: "quarantine",
    np: "reject",
    rua: ["a@example.com", "b@example.net"],
    ruf: ["c@example.com"],
    adkim: "s",
    aspf: "r",
    fo: "1:d",
    t: "y",
  },
  mta_sts: { mode: "enforce", max_age: 86400, policy_id: "20250101" },
  tls_rpt: { rua: ["tls@example.com"], off: true },
  caa: { issuers: ["letsencrypt.org"], no_wildcard: true },
  tlsa: { off: true },
  dkim: { algorithm: "both", selector: "mail", renew_days: 180 },
  publishing: { connection: "cloudflare", keep_in_sync: true },
};

describe("settings", () => {
  test("survive the form", () => {
    expect(fromForm(toForm(full), full)).toEqual(full);
    expect(fromForm(toForm(emptySettings()), emptySettings())).toEqual(emptySettings());
  });
  test("what the form does not show stays", () => {
    const later = { ...full, later: { x: 1 } } as DomainSettings;
    expect(fromForm(toForm(later), later)).toEqual(later);
  });
  test("each setting that is changed is noticed", () => {
    const form = toForm(emptySettings());
    expect(changed(form, emptySettings())).toBe(false);
    for (const [name, value] of Object.entries(toForm(full))) {
      if (["keepInSync", "renewDays"].includes(name)) continue; // they count with another one only
      const other = { ...form, [name]: name === "stsMode" ? "enforce" : value };
      expect(changed(other, emptySettings()), name).toBe(true);
    }
  });
  test("the usual is left out", () => {
    const form = { ...toForm(full), p: "none", all: "~all", stsMode: "testing", renewal: "default" };
    const s = fromForm(form, full);
    expect([s.dmarc.p, s.spf.all, s.mta_sts.mode, s.dkim.renew_days]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
  test("switching MTA-STS off keeps no mode", () => {
    expect(fromForm({ ...toForm(full), stsMode: "off" }, full).mta_sts).toEqual({
      off: true,
      max_age: 86400,
      policy_id: "20250101",
    });
  });
  test("nothing is kept in sync without a connection", () => {
    expect(fromForm({ ...toForm(full), connection: "" }, full).publishing).toEqual({ keep_in_sync: false });
  });
  test("keys that are never renewed", () => {
    expect(toForm({ ...full, dkim: { renew_days: -1 } }).renewal).toBe("never");
    expect(fromForm({ ...toForm(full), renewal: "never" }, full).dkim.renew_days).toBe(-1);
  });
  test("a known sender is added once", () => {
    expect(addTerm("", "include:a.example")).toBe("include:a.example");
    expect(addTerm("ip4:192.0.2.1 include:a.example", "include:b.example")).toBe(
      "ip4:192.0.2.1\ninclude:a.example\ninclude:b.example",
    );
    expect(addTerm("include:a.example", "include:a.example")).toBe("include:a.example");
  });
});
