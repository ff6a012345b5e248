// The app's pages by their paths.

export const tabs = ["overview", "records", "keys", "policies", "reports", "accounts", "settings"] as const;
export type Tab = (typeof tabs)[number];

export type Route =
  | { page: "domains" }
  | { page: "add" }
  | { page: "domain"; name: string; tab: Tab }
  | { page: "server" }
  | { page: "explain" }
  | { page: "security" }
  | { page: "missing" };

export function parse(path: string): Route {
  const parts = path
    .replace(/^\/admin\/?/, "")
    .replace(/\/$/, "")
    .split("/");
  const [first, name, tab, ...rest] = parts;
  if (first === "" && parts.length === 1) return { page: "domains" };
  if (first === "server" && parts.length === 1) return { page: "server" };
  if (first === "explain" && parts.length === 1) return { page: "explain" };
  if (first === "security" && parts.length === 1) return { page: "security" };
  if (first === "add-domain" && parts.length === 1) return { page: "add" };
  if (first !== "domains" || !name || rest.length > 0) return { page: "missing" };
  const known = tabs.find((known) => known === (tab ?? "overview"));
  const decoded = decode(name);
  return known && decoded ? { page: "domain", name: decoded, tab: known } : { page: "missing" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

export function domainPath(name: string, tab: Tab = "overview"): string {
  return `/admin/domains/${encodeURIComponent(name)}${tab === "overview" ? "" : "/" + tab}`;
}
