package dnsplan

// form is how a provider's form is filled in.
type form struct {
	title    string             // "Cloudflare"
	apex     string             // what stands for the zone itself
	dot      bool               // host names keep their trailing dot
	quoted   bool               // TXT is entered in quoted strings of at most 255 octets
	leastTTL int                // seconds
	choices  []ttlChoice        // of TTLs, shortest first; none: seconds are entered
	custom   string             // how other TTLs than the choices are entered; empty: they are not
	tags     map[string]string  // how the tags of CAA are called, where they are not as in the record
	layouts  map[string][]Field // by type, "" for those without one of their own; values hold placeholders
	peculiar map[string]string  // by type: a sentence
	lacks    []string           // types that cannot be entered
	notes    []string
}

// ttlChoice is an entry of a menu.
type ttlChoice struct {
	seconds int
	label   string
}

// formOf returns a provider's form, or the one that most have.
func formOf(provider string) form {
	switch provider {
	case "route53":
		return route53Form()
	case "cloudflare":
		return cloudflareForm()
	case "godaddy":
		return godaddyForm()
	case "namecheap":
		return namecheapForm()
	case "hetzner":
		return hetznerForm()
	case "desec":
		return desecForm()
	case "digitalocean":
		return digitaloceanForm()
	case "ovh":
		return ovhForm()
	case "gandi":
		return gandiForm()
	case "porkbun":
		return porkbunForm()
	case "powerdns":
		return powerdnsForm()
	}
	return genericForm()
}

// Placeholders that stand in every layout.
var (
	typeField  = Field{"Type", "{type}"}
	nameField  = Field{"Name", "{name}"}
	ttlField   = Field{"TTL", "{ttl}"}
	usageField = Field{"Usage", "{usage}"}
)

// serverParts are the fields of SRV where they are separate.
func serverParts(target string) []Field {
	return []Field{{"Priority", "{priority}"}, {"Weight", "{weight}"}, {"Port", "{port}"}, {target, "{value}"}}
}

// with puts fields between those that begin and end every layout.
func with(begin []Field, between []Field, end ...Field) []Field {
	all := append([]Field{}, begin...)
	return append(append(all, between...), end...)
}

func genericForm() form {
	begin := []Field{typeField, nameField}
	return form{
		title: "The form", apex: "@", dot: true,
		layouts: map[string][]Field{
			"":    with(begin, []Field{{"Value", "{data}"}}, ttlField),
			"MX":  with(begin, []Field{{"Value", "{value}"}, {"Priority", "{priority}"}}, ttlField),
			"SRV": with(begin, serverParts("Target"), ttlField),
			"CAA": with(begin, []Field{{"Flags", "{flags}"}, {"Tag", "{tag}"}, {"Value", "{value}"}}, ttlField),
		},
		notes: []string{
			"Open the page where the records of your domain are edited.",
			"Enter names as they stand here: the provider adds the zone's name; where it wants the whole name, add it yourself.",
			"Where the form refuses the dot at the end of a host's name, leave it out.",
		},
	}
}

func route53Form() form {
	return form{
		title: "Amazon Route 53", apex: "", dot: true, quoted: true,
		layouts: map[string][]Field{"": {{"Record name", "{name}"}, {"Record type", "{type}"}, {"Value", "{data}"}, {"TTL (seconds)", "{ttl}"}}},
		notes: []string{
			"Open Route 53, Hosted zones, your zone, Create record.",
			"Several values of one name and type go into one record, a line each: where there is such a record already, edit it and add the line.",
			"The routing policy is Simple routing.",
		},
	}
}

func cloudflareForm() form {
	begin := []Field{typeField, nameField}
	proxy := Field{"Proxy status", "DNS only"}
	return form{
		title: "Cloudflare", apex: "@",
		choices: []ttlChoice{{60, "1 min"}, {120, "2 min"}, {300, "5 min"}, {600, "10 min"}, {900, "15 min"}, {1800, "30 min"}, {3600, "1 hr"}, {7200, "2 hr"}, {18000, "5 hr"}, {43200, "12 hr"}, {86400, "1 day"}},
		tags:    map[string]string{"issue": "Only allow specific hostnames", "issuewild": "Only allow wildcards"},
		layouts: map[string][]Field{
			"":      with(begin, []Field{{"Content", "{value}"}}, ttlField),
			"A":     with(begin, []Field{{"IPv4 address", "{value}"}, proxy}, ttlField),
			"AAAA":  with(begin, []Field{{"IPv6 address", "{value}"}, proxy}, ttlField),
			"CNAME": with(begin, []Field{{"Target", "{value}"}, proxy}, ttlField),
			"MX":    with(begin, []Field{{"Mail server", "{value}"}, {"Priority", "{priority}"}}, ttlField),
			"SRV":   with(begin, serverParts("Target"), ttlField),
			"CAA":   with(begin, []Field{{"Flags", "{flags}"}, {"Tag", "{tag}"}, {"CA domain name", "{value}"}}, ttlField),
			"TLSA":  with(begin, []Field{usageField, {"Selector", "{selector}"}, {"Matching type", "{matching}"}, {"Certificate (hexadecimal)", "{value}"}}, ttlField),
		},
		notes: []string{
			"Open your domain in the Cloudflare dashboard, then DNS, Records, Add record.",
			"Leave the proxy off (grey cloud, “DNS only”) for every name here: the proxy carries no mail.",
		},
	}
}

func godaddyForm() form {
	begin := []Field{typeField, nameField}
	return form{
		title: "GoDaddy", apex: "@", leastTTL: 600,
		choices: []ttlChoice{{1800, "1/2 Hour"}, {3600, "1 Hour"}}, custom: "Custom: %d seconds",
		layouts: map[string][]Field{
			"":    with(begin, []Field{{"Value", "{data}"}}, ttlField),
			"MX":  with(begin, []Field{{"Priority", "{priority}"}, {"Value", "{value}"}}, ttlField),
			"SRV": {typeField, {"Service", "{service}"}, {"Protocol", "{protocol}"}, {"Name", "{label}"}, {"Value", "{value}"}, {"Priority", "{priority}"}, {"Weight", "{weight}"}, {"Port", "{port}"}, ttlField},
			"CAA": with(begin, []Field{{"Flags", "{flags}"}, {"Tag", "{tag}"}, {"Value", "{value}"}}, ttlField),
		},
		peculiar: map[string]string{"TLSA": "If GoDaddy's form does not offer the type TLSA, leave this record out: mail works without it."},
		notes:    []string{"Open your domain at GoDaddy, then DNS, Add New Record."},
	}
}

func namecheapForm() form {
	begin := []Field{typeField, {"Host", "{name}"}}
	return form{
		title: "Namecheap", apex: "@",
		choices: []ttlChoice{{60, "1 min"}, {300, "5 min"}, {1200, "20 min"}, {1800, "30 min"}, {3600, "60 min"}},
		layouts: map[string][]Field{
			"":    with(begin, []Field{{"Value", "{data}"}}, ttlField),
			"MX":  with(begin, []Field{{"Value", "{value}"}, {"Priority", "{priority}"}}, ttlField),
			"SRV": {typeField, {"Service", "{service}"}, {"Protocol", "{protocol}{below}"}, {"Priority", "{priority}"}, {"Weight", "{weight}"}, {"Port", "{port}"}, {"Target", "{value}"}, ttlField},
			"CAA": with(begin, []Field{{"Flag", "{flags}"}, {"Tag", "{tag}"}, {"Value", "{value}"}}, ttlField),
		},
		peculiar: map[string]string{
			"MX":   "It stands apart, under Mail Settings: choose Custom MX there.",
			"TLSA": "If Namecheap's form does not offer the type TLSA, leave this record out: mail works without it.",
		},
		notes: []string{
			"Open Domain List, Manage, Advanced DNS, Add new record.",
			"Choose Custom MX under Mail Settings: what is chosen there else brings records of its own, SPF among them.",
		},
	}
}

func hetznerForm() form {
	begin := []Field{typeField, nameField}
	return form{
		title: "Hetzner", apex: "@", dot: true,
		layouts: map[string][]Field{
			"":    with(begin, []Field{{"Value", "{data}"}}, ttlField),
			"MX":  with(begin, []Field{{"Mail server", "{value}"}, {"Priority", "{priority}"}}, ttlField),
			"SRV": with(begin, serverParts("Target"), ttlField),
			"CAA": with(begin, []Field{{"Flag", "{flags}"}, {"Tag", "{tag}"}, {"Value", "{value}"}}, ttlField),
		},
		notes: []string{
			"Open your zone in Hetzner's DNS console and add a record.",
			"Keep the dot at the end of host names: without it the zone's name is added.",
		},
	}
}

func desecForm() form {
	begin := []Field{typeField, {"Subname", "{name}"}}
	ttl := Field{"TTL (seconds)", "{ttl}"}
	return form{
		title: "deSEC", apex: "", dot: true, quoted: true, leastTTL: 3600,
		layouts: map[string][]Field{
			"":      with(begin, []Field{{"Content", "{data}"}}, ttl),
			"A":     with(begin, []Field{{"IPv4 address", "{value}"}}, ttl),
			"AAAA":  with(begin, []Field{{"IPv6 address", "{value}"}}, ttl),
			"CNAME": with(begin, []Field{{"Target hostname", "{value}"}}, ttl),
			"MX":    with(begin, []Field{{"Preference", "{priority}"}, {"Hostname", "{value}"}}, ttl),
			"SRV":   with(begin, serverParts("Target"), ttl),
			"CAA":   with(begin, []Field{{"Flags", "{flags}"}, {"Tag", "{tag}"}, {"Value", `"{value}"`}}, ttl),
			"TLSA":  with(begin, []Field{usageField, {"Selector", "{selector}"}, {"Matching Type", "{matching}"}, {"Certificate Data", "{value}"}}, ttl),
		},
		notes: []string{
			"Open your domain at deSEC and add a record set.",
			"Several values of one name and type go into one record set: where there is one already, add the value to it.",
			"deSEC takes TTLs from an hour on.",
		},
	}
}

func digitaloceanForm() form {
	host, ttl := Field{"Hostname", "{name}"}, Field{"TTL (seconds)", "{ttl}"}
	begin := []Field{typeField, host}
	return form{
		title: "DigitalOcean", apex: "@", dot: true, lacks: []string{"TLSA"},
		layouts: map[string][]Field{
			"":      with(begin, []Field{{"Value", "{data}"}}, ttl),
			"A":     with(begin, []Field{{"Will direct to", "{value}"}}, ttl),
			"AAAA":  with(begin, []Field{{"Will direct to", "{value}"}}, ttl),
			"CNAME": with(begin, []Field{{"Is an alias of", "{value}"}}, ttl),
			"MX":    with(begin, []Field{{"Mail providers mail server", "{value}"}, {"Priority", "{priority}"}}, ttl),
			"SRV":   with(begin, []Field{{"Will direct to", "{value}"}, {"Port", "{port}"}, {"Priority", "{priority}"}, {"Weight", "{weight}"}}, ttl),
			"CAA":   with(begin, []Field{{"Authority granted for", "{value}"}, {"Tag", "{tag}"}, {"Flags", "{flags}"}}, ttl),
		},
		notes: []string{"Open Networking, Domains, your domain, and choose the type of record above the form."},
	}
}

func ovhForm() form {
	begin := []Field{typeField, {"Sub-domain", "{name}"}, ttlField}
	return form{
		title: "OVHcloud", apex: "", dot: true, leastTTL: 60,
		layouts: map[string][]Field{
			"":     with(begin, []Field{{"Target", "{value}"}}),
			"TXT":  with(begin, []Field{{"Value", "{value}"}}),
			"MX":   with(begin, []Field{{"Priority", "{priority}"}, {"Target", "{value}"}}),
			"SRV":  with(begin, serverParts("Target")),
			"CAA":  with(begin, []Field{{"Flag", "{flags}"}, {"Tag", "{tag}"}, {"Target", "{value}"}}),
			"TLSA": with(begin, []Field{usageField, {"Selector", "{selector}"}, {"Matching type", "{matching}"}, {"Certificate data", "{value}"}}),
		},
		notes: []string{
			"Open Web Cloud, Domain names, your domain, DNS zone, Add an entry.",
			"Use the type TXT where it is offered beside SPF, DKIM and DMARC: those build the values themselves.",
		},
	}
}

func gandiForm() form {
	begin := []Field{typeField, ttlField, nameField}
	return form{
		title: "Gandi", apex: "@", dot: true, leastTTL: 300,
		layouts: map[string][]Field{
			"":      with(begin, []Field{{"Value", "{data}"}}),
			"A":     with(begin, []Field{{"IPv4 address", "{value}"}}),
			"AAAA":  with(begin, []Field{{"IPv6 address", "{value}"}}),
			"CNAME": with(begin, []Field{{"Hostname", "{value}"}}),
			"TXT":   with(begin, []Field{{"Text value", "{value}"}}),
			"MX":    with(begin, []Field{{"Priority", "{priority}"}, {"Hostname", "{value}"}}),
			"SRV":   with(begin, serverParts("Hostname")),
			"CAA":   with(begin, []Field{{"Flag", "{flags}"}, {"Tag", "{tag}"}, {"Value", "{value}"}}),
		},
		notes: []string{
			"Open Domain, your domain, DNS Records, Add record.",
			"Gandi's own MX and SPF records stand there to begin with: replace them.",
		},
	}
}

func porkbunForm() form {
	begin := []Field{typeField, {"Host", "{name}"}}
	return form{
		title: "Porkbun", apex: "", leastTTL: 600,
		layouts: map[string][]Field{
			"":    with(begin, []Field{{"Answer", "{data}"}}, ttlField),
			"MX":  with(begin, []Field{{"Answer", "{value}"}}, ttlField, Field{"Priority", "{priority}"}),
			"SRV": with(begin, []Field{{"Answer", "{weight} {port} {value}"}}, ttlField, Field{"Priority", "{priority}"}),
		},
		notes: []string{"Open Domain Management, your domain, DNS, and leave the host empty for the domain itself."},
	}
}

func powerdnsForm() form {
	return form{
		title: "PowerDNS", apex: "@", dot: true, quoted: true,
		layouts: map[string][]Field{"": {nameField, typeField, ttlField, {"Content", "{data}"}}},
		notes: []string{
			"Use pdnsutil or an interface to PowerDNS; in the API the name is the whole name with its dot.",
			"Several values of one name and type are one record set: setting it replaces all of them.",
		},
	}
}
