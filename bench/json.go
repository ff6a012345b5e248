package main

import (
	"encoding/json"
	"os"
	"time"
)

// figures are what one run of one load on one system gave, for programs.
type figures struct {
	System         string  `json:"system"`
	Load           string  `json:"load"`
	Connections    int     `json:"connections"`
	Round          int     `json:"round"`
	Messages       int     `json:"messages"`
	InMailbox      float64 `json:"in_mailbox_per_second"`
	Replies        float64 `json:"replies_per_second"`
	P50            float64 `json:"p50_ms"`
	P99            float64 `json:"p99_ms"`
	CPUPerMessage  float64 `json:"cpu_ms_per_message"`
	Memory         int64   `json:"memory_octets"`
	DiskPerMessage int64   `json:"disk_octets_per_message"`
}

// writeJSON writes all figures to a file, if one is named.
func writeJSON(path string, table []measured, limits []limit, reading readings, m memory) error {
	if path == "" {
		return nil
	}
	var runs []figures
	for _, row := range table {
		for round, r := range row.gomail {
			runs = append(runs, row.figures("GoMail", round, r))
		}
		for round, r := range row.postfix {
			runs = append(runs, row.figures("Postfix + Dovecot", round, r))
		}
	}
	text, err := json.MarshalIndent(struct {
		Runs    []figures `json:"runs"`
		Limits  []limit   `json:"disk_limits"`
		Reading readings  `json:"reading"`
		Memory  memory    `json:"memory"`
	}{runs, limits, reading, m}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func (l load) figures(system string, round int, r result) figures {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return figures{
		System: system, Load: l.Name, Connections: l.Connections, Round: round + 1, Messages: r.Messages,
		InMailbox: r.inMailbox(), Replies: r.replies(), P50: ms(r.percentile(50)), P99: ms(r.percentile(99)),
		CPUPerMessage: ms(r.cpuPerMessage()), Memory: r.Memory, DiskPerMessage: r.diskPerMessage(),
	}
}
