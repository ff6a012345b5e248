package dnsplan

// WebHosts returns the names of a domain that programs come to over HTTPS, and
// for which this server needs certificates.
func WebHosts(s Server, d Domain) []string {
	if d.Settings.Parked {
		return nil
	}
	var hosts []string
	add := func(on bool, label string) {
		if host := label + "." + d.Name; on && host != s.Hostname {
			hosts = append(hosts, host)
		}
	}
	add(!d.Settings.MTASTS.Off, "mta-sts")
	add(s.Services.Autoconfig, "autoconfig")
	add(s.Services.Autodiscover, "autodiscover")
	return hosts
}
