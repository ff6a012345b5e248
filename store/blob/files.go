package blob

import (
	"errors"
	"os"
	"sync"
)

// maxOpen is how many packs are kept open for reading.
const maxOpen = 64

// files are the packs that are open for reading. Opening and closing one for
// every message took a fifth of what reading it did.
type files struct {
	mu   sync.Mutex
	open map[int64]*reading // by number
}

// reading is an open pack.
type reading struct {
	*os.File
	users int
	gone  bool // no longer among the open ones; the last user closes it
}

// acquire opens a pack, or finds it open. release ends the use.
func (f *files) acquire(number int64, path string) (*reading, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.open[number]
	if r == nil {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		f.evict()
		if r = (&reading{File: file}); f.open == nil {
			f.open = map[int64]*reading{}
		}
		f.open[number] = r
	}
	r.users++
	return r, nil
}

func (f *files) release(r *reading) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.users--
	return r.closeUnused()
}

// closeUnused closes a file that is gone and has no user.
func (r *reading) closeUnused() error {
	if r.gone && r.users == 0 {
		return r.Close()
	}
	return nil
}

// evict makes room for one more, any one that nobody uses.
func (f *files) evict() {
	if len(f.open) < maxOpen {
		return
	}
	for number, r := range f.open {
		if r.users == 0 {
			f.dropLocked(number)
			return
		}
	}
}

// drop closes a pack once nobody reads it any more, so that its space is free
// when its name is gone.
func (f *files) drop(number int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dropLocked(number)
}

func (f *files) dropLocked(number int64) error {
	r := f.open[number]
	if r == nil {
		return nil
	}
	delete(f.open, number)
	r.gone = true
	return r.closeUnused()
}

// dropAll closes all.
func (f *files) dropAll() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for number := range f.open {
		errs = append(errs, f.dropLocked(number))
	}
	return errors.Join(errs...)
}
