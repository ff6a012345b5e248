package dnsplan

import "strings"

// providers are the DNS providers whose name servers are known by their names.
var providers = []struct{ suffix, name string }{
	{".ns.cloudflare.com", "cloudflare"}, {".domaincontrol.com", "godaddy"}, {".registrar-servers.com", "namecheap"},
	{".ns.hetzner.com", "hetzner"}, {".ns.hetzner.de", "hetzner"}, {"ns1.desec.io", "desec"}, {"ns2.desec.org", "desec"},
	{".digitalocean.com", "digitalocean"}, {".ovh.net", "ovh"}, {".gandi.net", "gandi"}, {".porkbun.com", "porkbun"},
}

// Provider returns who serves a zone, as its name servers tell; empty when
// they do not.
func Provider(nameServers []string) string {
	for _, ns := range nameServers {
		ns = canonicalName(ns)
		if strings.Contains(ns, ".awsdns-") {
			return "route53"
		}
		for _, p := range providers {
			if strings.HasSuffix(ns, p.suffix) {
				return p.name
			}
		}
	}
	return ""
}
