package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// limit is what the disk itself allows, measured beside the loads.
type limit struct {
	Deliveries float64 `json:"deliveries"` // a second, by one writer: a body and its rows appended, a sync after each
	Megabytes  float64 `json:"megabytes"`  // a second: 1 MiB appended and synced, again and again
}

// measureLimit writes as a mail store would that did nothing else.
func measureLimit(dir string) (l limit, err error) {
	const spell = time.Second
	bodies, err := os.Create(filepath.Join(dir, "limit-bodies"))
	if err != nil {
		return l, err
	}
	rows, err := os.Create(filepath.Join(dir, "limit-rows"))
	if err != nil {
		return l, errors.Join(err, bodies.Close())
	}
	defer func() {
		err = errors.Join(err, bodies.Close(), rows.Close(), os.Remove(bodies.Name()), os.Remove(rows.Name()))
	}()
	n := 0
	for start := time.Now(); time.Since(start) < spell; n++ {
		if err := errors.Join(appendSynced(bodies, 4<<10), appendSynced(rows, 4<<10)); err != nil {
			return l, err
		}
	}
	l.Deliveries = float64(n) / spell.Seconds()
	n = 0
	for start := time.Now(); time.Since(start) < spell; n++ {
		if err := appendSynced(bodies, 1<<20); err != nil {
			return l, err
		}
	}
	l.Megabytes = float64(n) * (1 << 20) / 1e6 / spell.Seconds()
	return l, nil
}

func appendSynced(f *os.File, n int) error {
	if _, err := f.Write(make([]byte, n)); err != nil {
		return err
	}
	return unix.Fdatasync(int(f.Fd()))
}
