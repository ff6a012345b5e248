package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// writeMachine says on what was measured.
func writeMachine(w io.Writer, dir string) {
	fmt.Fprintf(w, "%s, %d CPUs (%s), %s, Go %s, %s\n\n", time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(),
		field("/proc/cpuinfo", "model name"), strings.TrimSpace(read("/proc/sys/kernel/ostype")+" "+read("/proc/sys/kernel/osrelease")),
		strings.TrimPrefix(runtime.Version(), "go"), fileSystem(dir))
}

func read(path string) string {
	text, _ := os.ReadFile(path)
	return strings.TrimSpace(string(text))
}

// field returns the first value of a name in a file of "name : value" lines.
func field(path, name string) string {
	for line := range strings.Lines(read(path)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func fileSystem(dir string) string {
	out, err := exec.Command("findmnt", "-no", "FSTYPE", "-T", dir).Output()
	if err != nil {
		return "unknown file system"
	}
	return strings.TrimSpace(string(out))
}

// writeLoads prints a row for each load and system: medians over the rounds
// with the least and the most, and the ratios of each round.
func writeLoads(w io.Writer, table []measured) {
	fmt.Fprintln(w, "| messages | connections | system | in mailboxes/s (least-most) | 250s/s | p50 ms | p99 ms | server CPU ms/message | memory at most | disk per message |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|")
	for _, m := range table {
		writeRow(w, m.load, "GoMail", m.gomail)
		if len(m.postfix) > 0 {
			writeRow(w, m.load, "Postfix + Dovecot", m.postfix)
		}
	}
	fmt.Fprintln(w)
	for _, m := range table {
		writeRatios(w, m)
	}
	fmt.Fprintln(w)
}

func writeRow(w io.Writer, l load, name string, rounds []result) {
	all := sorted(rounds, result.inMailbox)
	fmt.Fprintf(w, "| %s | %d | %s | %.0f (%.0f-%.0f) | %.0f | %s | %s | %s | %s | %d |\n", l.Name, l.Connections, name,
		median(rounds, result.inMailbox), all[0], all[len(all)-1], median(rounds, result.replies),
		milliseconds(median(rounds, func(r result) time.Duration { return r.percentile(50) })),
		milliseconds(median(rounds, func(r result) time.Duration { return r.percentile(99) })),
		milliseconds(median(rounds, result.cpuPerMessage)),
		megabytes(median(rounds, func(r result) int64 { return r.Memory })), median(rounds, result.diskPerMessage))
}

// writeLimits prints what part of the disk's own limits GoMail reaches, round
// by round.
func writeLimits(w io.Writer, table []measured, limits []limit) {
	for _, m := range table {
		var parts []string
		of := ""
		for i, r := range m.gomail {
			switch {
			case m.Connections == 1:
				of = "two synced appends, one after the other"
				parts = append(parts, fmt.Sprintf("%.2f of %.0f/s", r.inMailbox()/limits[i].Deliveries, limits[i].Deliveries))
			case m.Size >= 1<<20:
				of = "appending and syncing 1 MiB, one after the other"
				parts = append(parts, fmt.Sprintf("%.2f of %.0f MB/s", r.inMailbox()*float64(m.Size)/1e6/limits[i].Megabytes, limits[i].Megabytes))
			}
		}
		if of != "" {
			fmt.Fprintf(w, "- %s, %s: GoMail reaches %s that the disk does of %s (round by round)\n", m.Name, connections(m.Connections), strings.Join(parts, ", "), of)
		}
	}
	fmt.Fprintln(w)
}

// writeRatios prints how many times as fast GoMail was, round by round.
func writeRatios(w io.Writer, m measured) {
	if len(m.postfix) == 0 {
		return
	}
	var ratios []string
	for i := range m.gomail {
		ratios = append(ratios, fmt.Sprintf("%.1f", m.gomail[i].inMailbox()/m.postfix[i].inMailbox()))
	}
	fmt.Fprintf(w, "- %s, %s: GoMail puts %s times as many messages into mailboxes (round by round)\n", m.Name, connections(m.Connections), strings.Join(ratios, ", "))
}

func connections(n int) string {
	if n == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", n)
}

// median returns the middle value over the rounds.
func median[T cmp.Ordered](rounds []result, of func(result) T) T {
	values := sorted(rounds, of)
	return values[len(values)/2]
}

func sorted[T cmp.Ordered](rounds []result, of func(result) T) []T {
	values := make([]T, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values
}

func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms < 1:
		return fmt.Sprintf("%.2f", ms)
	case ms < 10:
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

// writeMemory prints what a server takes that does nothing, and how it starts.
func writeMemory(w io.Writer, m memory) {
	fmt.Fprintln(w, "| GoMail | measured |\n|---|---|")
	for _, row := range [][2]string{
		{"store", fmt.Sprintf("%s in %d messages", megabytes(m.Store), m.Messages)},
		{"`gomail serve`: exec to /readyz, after an orderly stop", milliseconds(m.Clean) + " ms"},
		{"`gomail serve`: exec to /readyz, after SIGKILL under load", milliseconds(m.Killed) + " ms"},
		{"`gomail demo`: exec to its JSON line (DNS and a second mail server included)", milliseconds(m.Demo) + " ms"},
		{"resident, idle after the start", megabytes(m.Fresh)},
		{"resident, idle after all of the traffic above (demo)", megabytes(m.Idle)},
		{fmt.Sprintf("%d IMAP connections (TLS, signed in, in IDLE) more", idleConnections), megabytes(m.Connected - m.Idle)},
	} {
		fmt.Fprintf(w, "| %s | %s |\n", row[0], row[1])
	}
}

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }
