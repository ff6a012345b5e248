package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gomail/web/api"
)

// The measurements of dns.md's speed. They are benchmarks, so that no test
// passes or fails by time:
//
//	go test ./e2e -run '^$' -bench DNS -benchtime 1x

var fourServers = []string{provider1, provider2, provider3, provider4}

// onFour is a zone that four servers have.
func onFour(name, text string) hosted {
	z := hosted{name: name, static: true, lines: text}
	for i, address := range fourServers {
		z.servers = append(z.servers, fmt.Sprintf("ns%d", i+1))
		z.lines += fmt.Sprintf("\nns%d A %s", i+1, address)
	}
	return z
}

// BenchmarkDNSCheck is `gomail dns check` of one domain with four name
// servers: from the command's start to its end.
func BenchmarkDNSCheck(b *testing.B) {
	world := startInternet(b, 3600)
	m := world.join(b)
	z := onFour("example.test.", lines(m.plan("example.test"), "example.test.", nil))
	for _, address := range fourServers {
		startNamed(b, address, z)
	}
	world.delegate("example.test.", nil, fourServers...)
	world.forget()
	m.check("example.test")
	for b.Loop() {
		var took []time.Duration
		for range 4 { // more would be refused for their haste
			begun := time.Now()
			if r := m.gomail("dns", "check", "example.test", "--json"); r.code != 0 {
				b.Fatalf("exit %d: %s%s", r.code, r.stdout, r.stderr)
			}
			took = append(took, time.Since(begun))
		}
		b.ReportMetric(slices.Max(took).Seconds(), "s/slowest")
		b.ReportMetric(float64(len(m.check("example.test").Records)), "records")
	}
}

// BenchmarkDNSManyDomains is a server with 500 published domains that nobody
// has looked at yet: how long until it has looked at all of them, and what
// that takes.
func BenchmarkDNSManyDomains(b *testing.B) {
	const many = 500
	world := startInternet(b, 3600)
	m := world.join(b)
	m.stop()
	var names []string
	zones := []hosted{onFour("example.test.", lines(m.plan("example.test"), "example.test.", nil))}
	for i := range many - 1 {
		name := fmt.Sprintf("d%03d.test", i)
		names = append(names, name+".")
		m.must("domain", "add", name, "--dkim-algorithm", "ed25519")
		zones = append(zones, onFour(name+".", lines(m.plan(name), name+".", nil)))
	}
	for _, address := range fourServers {
		startNamed(b, address, zones...)
	}
	world.delegate("example.test.", nil, fourServers...)
	for some := range slices.Chunk(names, 50) {
		var updates []string
		for _, zone := range some {
			for i, address := range fourServers {
				updates = append(updates, fmt.Sprintf("add %s 60 NS ns%d.%[1]s", zone, i+1), fmt.Sprintf("add ns%d.%s 60 A %s", i+1, zone, address))
			}
		}
		world.registry.update("test.", updates...)
	}
	world.forget()
	for b.Loop() {
		m.start(b)
		begun, before := time.Now(), m.memory("VmRSS")
		looked, ready := 0, 0
		for looked < many && time.Since(begun) < 10*time.Minute {
			time.Sleep(time.Second)
			looked, ready = 0, 0
			for _, d := range decode[[]api.Domain](b, m.gomail("domain", "list", "--json")) {
				if !d.CheckedAt.IsZero() {
					looked++
				}
				if d.Badge.State == "ready" {
					ready++
				}
			}
		}
		if looked < many || ready < many {
			b.Errorf("of %d domains %d were looked at and %d are ready", many, looked, ready)
		}
		b.ReportMetric(time.Since(begun).Seconds(), "s/all")
		b.ReportMetric(float64(m.memory("VmHWM")-before)/(1<<20), "MB/more")
		b.ReportMetric(float64(before)/(1<<20), "MB/before")
		b.ReportMetric(m.cpu().Seconds(), "s/CPU")
		m.stop()
	}
}

// memory returns a line of the server's status in octets.
func (m *mailServer) memory(line string) int64 {
	m.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.cmd.Process.Pid))
	if err != nil {
		m.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), line+":")
	kib, err := strconv.ParseInt(strings.Fields(rest + " -")[0], 10, 64)
	if err != nil {
		m.t.Fatalf("%s: %v", line, err)
	}
	return kib << 10
}

// cpu returns the processor time that the server has used.
func (m *mailServer) cpu() time.Duration {
	m.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.cmd.Process.Pid))
	if err != nil {
		m.t.Fatal(err)
	}
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int64
	for _, field := range f[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			m.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // as on every Linux that Go runs on
}
