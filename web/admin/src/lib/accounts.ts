/** The addresses at one domain, in order. */
export function atDomain<T extends { address: string }>(all: T[], domain: string): T[] {
  return all
    .filter((a) => a.address.toLowerCase().endsWith("@" + domain))
    .sort((a, b) => a.address.localeCompare(b.address, "en"));
}

/** An address from what was typed: the domain may be left out. */
export function complete(typed: string, domain: string): string {
  const address = typed.trim();
  return address.includes("@") ? address : `${address}@${domain}`;
}

const gigabyte = 1_000_000_000;

/** A quota in gigabytes, as it is typed, in bytes; nothing typed means no limit. */
export function quotaBytes(gigabytes: number | null): number {
  return Math.round((gigabytes ?? 0) * gigabyte);
}

export function quotaGigabytes(bytes: number): number | null {
  return bytes > 0 ? bytes / gigabyte : null;
}
