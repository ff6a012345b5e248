// A domain's settings as a form holds them, and back. What is empty is left
// out, so that defaults stay the server's; what the form does not show stays.
import type { DomainSettings } from "../api/types";
import { lines } from "./text";

export interface SettingsForm {
  p: string;
  sp: string;
  np: string;
  rua: string;
  ruf: string;
  adkim: string;
  aspf: string;
  fo: string[];
  t: string;
  mechanisms: string;
  all: string;
  stsMode: string; // "off", or a mode
  stsMaxAge: number | null;
  stsId: string;
  tlsRua: string;
  tlsOff: boolean;
  tlsaOff: boolean;
  issuers: string;
  noWildcard: boolean;
  catchAll: string;
  greylist: string;
  apex: boolean;
  parked: boolean;
  ttl: number | null;
  algorithm: string;
  selector: string;
  renewal: string; // "default", "never" or "days"
  renewDays: number | null;
  connection: string;
  keepInSync: boolean;
}

export function emptySettings(): DomainSettings {
  return {
    spf: {},
    dmarc: {},
    mta_sts: {},
    tls_rpt: {},
    caa: {},
    dkim: {},
    tlsa: {},
    publishing: { keep_in_sync: false },
  };
}

export function toForm(s: DomainSettings): SettingsForm {
  const text = (list: string[] | null | undefined) => (list ?? []).join("\n");
  const renew = s.dkim.renew_days ?? 0;
  return {
    p: s.dmarc.p || "none",
    sp: s.dmarc.sp ?? "",
    np: s.dmarc.np ?? "",
    rua: text(s.dmarc.rua),
    ruf: text(s.dmarc.ruf),
    adkim: s.dmarc.adkim ?? "",
    aspf: s.dmarc.aspf ?? "",
    fo: (s.dmarc.fo ?? "").split(":").filter(Boolean),
    t: s.dmarc.t ?? "",
    mechanisms: text(s.spf.mechanisms),
    all: s.spf.all || "~all",
    stsMode: s.mta_sts.off ? "off" : s.mta_sts.mode || "testing",
    stsMaxAge: s.mta_sts.max_age || null,
    stsId: s.mta_sts.policy_id ?? "",
    tlsRua: text(s.tls_rpt.rua),
    tlsOff: s.tls_rpt.off ?? false,
    tlsaOff: s.tlsa.off ?? false,
    issuers: text(s.caa.issuers),
    noWildcard: s.caa.no_wildcard ?? false,
    catchAll: s.catch_all ?? "",
    greylist: s.greylist ?? "",
    apex: s.apex_address ?? false,
    parked: s.parked ?? false,
    ttl: s.ttl || null,
    algorithm: s.dkim.algorithm ?? "",
    selector: s.dkim.selector ?? "",
    renewal: renew === 0 ? "default" : renew < 0 ? "never" : "days",
    renewDays: renew > 0 ? renew : 365,
    connection: s.publishing.connection ?? "",
    keepInSync: s.publishing.keep_in_sync ?? false,
  };
}

export function fromForm(f: SettingsForm, base: DomainSettings): DomainSettings {
  const renewDays = { default: 0, never: -1, days: f.renewDays ?? 0 }[f.renewal] ?? 0;
  return tidy({
    ...base,
    spf: { mechanisms: terms(f.mechanisms), all: other(f.all, "~all") },
    dmarc: {
      p: other(f.p, "none"),
      sp: f.sp,
      np: f.np,
      rua: lines(f.rua),
      ruf: lines(f.ruf),
      adkim: f.adkim,
      aspf: f.aspf,
      fo: [...f.fo].sort().join(":"),
      t: f.t,
    },
    mta_sts: {
      off: f.stsMode === "off",
      mode: f.stsMode === "off" ? "" : other(f.stsMode, "testing"),
      max_age: f.stsMaxAge ?? 0,
      policy_id: f.stsId.trim(),
    },
    tls_rpt: { rua: lines(f.tlsRua), off: f.tlsOff },
    tlsa: { off: f.tlsaOff },
    caa: { issuers: lines(f.issuers), no_wildcard: f.noWildcard },
    dkim: { algorithm: f.algorithm, selector: f.selector.trim(), renew_days: renewDays },
    catch_all: f.catchAll.trim(),
    greylist: f.greylist,
    apex_address: f.apex,
    parked: f.parked,
    ttl: f.ttl ?? 0,
    publishing: f.connection ? { connection: f.connection, keep_in_sync: f.keepInSync } : { keep_in_sync: false },
  });
}

/** Whether the form says something else than the settings. */
export function changed(f: SettingsForm, s: DomainSettings): boolean {
  return JSON.stringify(fromForm(f, s)) !== JSON.stringify(fromForm(toForm(s), s));
}

/** SPF mechanisms may stand on lines or in a row. */
function terms(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

/** Adds an SPF mechanism to those typed, unless it is there. */
export function addTerm(text: string, term: string): string {
  const all = terms(text);
  return all.includes(term) ? text : [...all, term].join("\n");
}

function other(value: string, usual: string): string {
  return value === usual ? "" : value;
}

/** Leaves out what is empty, in the parts of the settings and in themselves. */
function tidy(s: DomainSettings): DomainSettings {
  const kept = (value: unknown) =>
    !(value === "" || value === 0 || value === false || (Array.isArray(value) && value.length === 0));
  const part = (values: object) => Object.fromEntries(Object.entries(values).filter(([, v]) => kept(v)));
  const whole = Object.fromEntries(
    Object.entries(s)
      .map(([name, value]) => [name, isPart(value) && name !== "publishing" ? part(value) : value])
      .filter(([, value]) => kept(value)),
  );
  return whole as unknown as DomainSettings;
}

function isPart(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
