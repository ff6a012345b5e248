package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"
)

// run is what one run of this program did. A file holds one a line.
type run struct {
	Date         string `json:"date"`
	Commit       string `json:"commit"`
	Seed         uint64 `json:"seed"`
	Cuts         int    `json:"cuts"`
	Acknowledged int64  `json:"acknowledged"`
	Packs        int64  `json:"packs"`      // rewritten
	Backups      int64  `json:"backups"`    // made under load
	SentTwice    int    `json:"sent_twice"` // to other servers, because a cut took our note of their reply
	Problems     int    `json:"problems"`
}

func (r run) String() string {
	return fmt.Sprintf("%d cuts, %d acknowledgements, %d packs rewritten, %d backups, %d sent twice, %d problems",
		r.Cuts, r.Acknowledged, r.Packs, r.Backups, r.SentTwice, r.Problems)
}

// record appends a run to the file and returns the sum of all runs in it.
func record(path string, r run) (total run, runs int, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return total, 0, err
	}
	err = json.NewEncoder(f).Encode(r)
	if err = errors.Join(err, f.Close()); err != nil {
		return total, 0, err
	}
	return sum(path)
}

// sum adds up the runs in a file.
func sum(path string) (total run, runs int, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return total, 0, nil
	}
	if err != nil {
		return total, 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r run
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return total, runs, fmt.Errorf("%s, line %d: %w", path, runs+1, err)
		}
		total.Cuts += r.Cuts
		total.Acknowledged += r.Acknowledged
		total.Packs += r.Packs
		total.Backups += r.Backups
		total.SentTwice += r.SentTwice
		total.Problems += r.Problems
		runs++
	}
	return total, runs, lines.Err()
}

// newRun begins a run's record.
func newRun(seed uint64) run {
	commit := "unknown"
	if out, err := exec.Command("git", "describe", "--always", "--dirty").Output(); err == nil {
		commit = strings.TrimSpace(string(out))
	}
	return run{Date: time.Now().UTC().Format(time.RFC3339), Commit: commit, Seed: seed}
}
