package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The small internet of the DNS tests. Name servers are asked on port 53, so
// each has a loopback address of its own.
const (
	registryAddress = "127.0.71.1"
	resolverAddress = "127.0.71.53"
	provider1       = "127.0.71.11"
	provider2       = "127.0.71.12"
	provider3       = "127.0.71.13"
	provider4       = "127.0.71.14"
	provider5       = "127.0.71.15"
)

// updateKey is the TSIG key that may update every zone of the tests, unless
// the zone says otherwise.
const updateKey = "hmac-sha256:gomail-test:c2VjcmV0LW9mLXRoZS10ZXN0LTMyLW9jdGV0cy1sb25n"

// nameServer is a BIND of a test's own.
type nameServer struct {
	*process
	t       testing.TB
	address string // where the world finds it, on port 53
	port    string // where it listens itself, at 127.0.0.1
	dir     string
}

// hosted is a zone at a name server.
type hosted struct {
	name    string   // with its dot
	servers []string // their names; none: ns1 in the zone itself
	lines   string   // the zone file behind SOA and NS
	serial  int      // 0: 1
	signed  bool     // by the server, with DNSSEC
	static  bool     // it takes no updates, and is read again on SIGHUP
	updates string   // what update-policy grants; empty: everything
}

// startNamed runs a BIND for zones.
func startNamed(t testing.TB, address string, zones ...hosted) *nameServer {
	t.Helper()
	needRoot(t, "name servers listen on port 53")
	need(t, "/usr/sbin/named", "dig", "nsupdate", "dnssec-dsfromkey")
	n := &nameServer{t: t, address: address, port: relay53(t, address), dir: t.TempDir()}
	part := strings.Split(updateKey, ":")
	conf := fmt.Sprintf("options { directory %q; pid-file \"pid\"; session-keyfile none; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; notify no; allow-transfer { none; }; };\ncontrols { };\n", n.dir, n.port) +
		fmt.Sprintf("key %q { algorithm %s; secret %q; };\n", part[1], part[0], part[2])
	for _, z := range zones {
		conf += n.zone(z)
	}
	write(t, filepath.Join(n.dir, "conf"), conf)
	n.start()
	for _, z := range zones {
		if z.signed {
			eventually(t, z.name+" to be signed", func() bool { return len(n.ask(z.name, dns.TypeDNSKEY).Answer) > 1 })
		}
	}
	return n
}

// zone writes a zone's file and returns its part of the configuration.
func (n *nameServer) zone(z hosted) string {
	n.write(z)
	conf := fmt.Sprintf("zone %q { type primary; file %q; ", z.name, zoneFile(z.name))
	if !z.static {
		policy := z.updates
		if policy == "" {
			policy = "grant gomail-test zonesub ANY;"
		}
		conf += "allow-transfer { key gomail-test; }; update-policy { " + policy + " }; "
	}
	if z.signed {
		conf += "dnssec-policy default; inline-signing no; "
	}
	return conf + "};\n"
}

func zoneFile(name string) string { return "zone-" + strings.TrimSuffix(name, ".") }

func (n *nameServer) write(z hosted) {
	servers := z.servers
	if len(servers) == 0 {
		servers = []string{"ns1"}
		z.lines += "\nns1 A " + n.address
	}
	text := fmt.Sprintf("$TTL 60\n$ORIGIN %s\n@ SOA %s hostmaster %d 3600 600 86400 60\n", z.name, servers[0], max(z.serial, 1))
	for _, s := range servers {
		text += "@ NS " + s + "\n"
	}
	write(n.t, filepath.Join(n.dir, zoneFile(z.name)), text+z.lines+"\n")
}

// start runs the server and waits until it answers.
func (n *nameServer) start() {
	n.t.Helper()
	n.process = start(n.t, nil, "/usr/sbin/named", "-g", "-c", filepath.Join(n.dir, "conf"), "-n", "1", "-U", "1")
	eventually(n.t, "BIND to run", func() bool {
		if !n.running() {
			n.t.Fatalf("BIND ended with %d:\n%s", n.code, n.stderr.String())
		}
		return strings.Contains(n.stderr.String(), " running\n")
	})
}

// reload writes a static zone anew and has the server read it.
func (n *nameServer) reload(z hosted) {
	n.t.Helper()
	n.write(z)
	n.signal(syscall.SIGHUP)
	eventually(n.t, "the zone to be read again", func() bool {
		answer := n.ask(z.name, dns.TypeSOA).Answer
		return len(answer) == 1 && int(answer[0].(*dns.SOA).Serial) == z.serial
	})
}

// ask puts a question to the server.
func (n *nameServer) ask(name string, qtype uint16) *dns.Msg {
	return askDNS(n.t, n.address, name, qtype)
}

// askDNS puts a question to a server over TCP; nothing where it does not
// answer.
func askDNS(t testing.TB, address, name string, qtype uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	q.SetEdns0(4096, true)
	m, _, err := (&dns.Client{Net: "tcp", Timeout: 5 * time.Second}).Exchange(q, address+":53")
	if err != nil {
		return new(dns.Msg)
	}
	return m
}

// update changes a zone as its owner does by hand: lines of nsupdate.
func (n *nameServer) update(zone string, lines ...string) {
	n.t.Helper()
	script := "server " + n.address + "\nzone " + zone + "\n"
	for _, line := range lines {
		script += "update " + line + "\n"
	}
	mustRun(n.t, script+"send\n", "nsupdate", "-y", updateKey)
}

// contents is a zone as dig transfers it: a line per record, sorted, without
// what DNSSEC and the serial change by themselves.
func (n *nameServer) contents(zone string) []string {
	n.t.Helper()
	text := mustRun(n.t, "", "dig", "@"+n.address, "-y", updateKey, "+noall", "+answer", "+onesoa", zone, "AXFR")
	var lines []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 5 || strings.HasPrefix(line, ";") || slices.Contains([]string{"SOA", "RRSIG", "NSEC", "DNSKEY", "CDS", "CDNSKEY", "TYPE65534", "TSIG"}, f[3]) {
			continue
		}
		lines = append(lines, strings.Join(f, " "))
	}
	slices.Sort(lines)
	if len(lines) == 0 {
		n.t.Fatalf("the transfer of %s holds nothing:\n%s", zone, text)
	}
	return lines
}

// keyFile returns the file of a signed zone's public key.
func (n *nameServer) keyFile(zone string) string {
	n.t.Helper()
	files, _ := filepath.Glob(filepath.Join(n.dir, "K"+strings.ToLower(zone)+"+*.key"))
	if len(files) != 1 {
		n.t.Fatalf("%s has the keys %v", zone, files)
	}
	return files[0]
}

// internet is a registry that delegates domains below test, and a resolver
// that validates.
type internet struct {
	t        testing.TB
	registry *nameServer
	unbound  *process
	resolver string
}

const unboundConf = `server:
  interface: %[1]s
  port: 53
  username: ""
  chroot: ""
  directory: %[2]q
  pidfile: "pid"
  use-syslog: no
  logfile: ""
  num-threads: 1
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  do-ip6: no
  local-zone: "test." nodefault
  local-zone: "127.in-addr.arpa." nodefault
  trust-anchor-file: %[3]q
  cache-max-ttl: %[4]d
  cache-max-negative-ttl: %[4]d
  aggressive-nsec: no
  trust-anchor-signaling: no
  infra-host-ttl: 1
  outbound-msg-retry: 8
stub-zone:
  name: "."
  stub-addr: %[5]s
remote-control:
  control-enable: no
`

// startInternet runs the registry and the resolver. cache is for how many
// seconds the resolver remembers at most.
func startInternet(t testing.TB, cache int) *internet {
	t.Helper()
	need(t, "/usr/sbin/unbound")
	ns := []string{"ns.test."}
	n := &internet{t: t, resolver: resolverAddress + ":53"}
	n.registry = startNamed(t, registryAddress,
		hosted{name: ".", servers: ns, lines: "test. NS ns.test.\nns.test. A " + registryAddress + "\n127.in-addr.arpa. NS ns.test.\n"},
		hosted{name: "test.", servers: ns, lines: "ns A " + registryAddress, signed: true},
		hosted{name: "127.in-addr.arpa.", servers: ns})
	dir := t.TempDir()
	conf := write(t, filepath.Join(dir, "conf"), fmt.Sprintf(unboundConf, resolverAddress, dir, n.registry.keyFile("test."), cache, registryAddress))
	n.unbound = start(t, nil, "/usr/sbin/unbound", "-d", "-c", conf)
	eventually(t, "Unbound to answer", func() bool {
		if !n.unbound.running() {
			t.Fatalf("Unbound ended with %d:\n%s", n.unbound.code, n.unbound.stderr.String())
		}
		return len(n.ask("test.", dns.TypeSOA).Answer) > 0
	})
	return n
}

// unboundBegins is what Unbound says when it has read its configuration.
const unboundBegins = "start of service"

// ask puts a question to the resolver.
func (n *internet) ask(name string, qtype uint16) *dns.Msg {
	return askDNS(n.t, resolverAddress, name, qtype)
}

// forget empties the resolver's cache.
func (n *internet) forget() {
	n.t.Helper()
	begun := strings.Count(n.unbound.stderr.String(), unboundBegins)
	n.unbound.signal(syscall.SIGHUP)
	eventually(n.t, "Unbound to answer again", func() bool {
		return strings.Count(n.unbound.stderr.String(), unboundBegins) > begun && len(n.ask("test.", dns.TypeSOA).Answer) > 0
	})
}

// delegate has the registry lead to a zone's servers, of which addresses are
// named ns1, ns2, ... in the zone. signer is the one whose key the registry
// vouches for; nil: the zone is not signed.
func (n *internet) delegate(zone string, signer *nameServer, addresses ...string) {
	n.t.Helper()
	lines := []string{"delete " + zone + " NS", "delete " + zone + " DS"}
	for i, address := range addresses {
		name := fmt.Sprintf("ns%d.%s", i+1, zone)
		lines = append(lines, "delete "+name+" A", "add "+zone+" 60 NS "+name, "add "+name+" 60 A "+address)
	}
	if signer != nil {
		for line := range strings.Lines(mustRun(n.t, "", "dnssec-dsfromkey", "-2", signer.keyFile(zone))) {
			f := strings.Fields(line)
			lines = append(lines, "add "+zone+" 60 DS "+strings.Join(f[3:], " "))
		}
	}
	n.registry.update("test.", lines...)
}

// provider runs a name server that hosts zones with their own names below
// test, and has the registry lead to them.
func (n *internet) provider(address string, zones ...hosted) *nameServer {
	n.t.Helper()
	server := startNamed(n.t, address, zones...)
	for _, z := range zones {
		signer := server
		if !z.signed {
			signer = nil
		}
		n.delegate(z.name, signer, address)
	}
	return server
}
