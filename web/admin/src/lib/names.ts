// How a provider's form wants a record's name.

export const formats = ["relative", "full", "dot"] as const;
export type NameFormat = (typeof formats)[number];

/** Writes a name in a format. Names outside the zone stay whole. */
export function formatName(name: string, zone: string, format: NameFormat): string {
  if (format === "dot") return name + ".";
  if (format === "full" || !zone) return name;
  if (name === zone) return "@";
  return name.endsWith("." + zone) ? name.slice(0, -zone.length - 1) : name;
}

/** The format that a provider's form expects; most want names without the zone. */
export function presetFor(provider: string): NameFormat {
  switch (provider) {
    case "":
      return "full";
    case "rfc2136":
    case "powerdns":
      return "dot";
  }
  return "relative";
}

const titles: Record<string, string> = {
  cloudflare: "Cloudflare",
  route53: "Amazon Route 53",
  godaddy: "GoDaddy",
  namecheap: "Namecheap",
  hetzner: "Hetzner",
  desec: "deSEC",
  digitalocean: "DigitalOcean",
  ovh: "OVHcloud",
  gandi: "Gandi",
  porkbun: "Porkbun",
  powerdns: "PowerDNS",
  rfc2136: "DNS update (RFC 2136)",
};

export function providerTitle(provider: string): string {
  return titles[provider] ?? provider;
}

/** The providers whose forms have words of their own; "" is what most others have. */
export const manualProviders = [
  "cloudflare",
  "route53",
  "godaddy",
  "namecheap",
  "hetzner",
  "desec",
  "digitalocean",
  "ovh",
  "gandi",
  "porkbun",
  "powerdns",
  "",
];
