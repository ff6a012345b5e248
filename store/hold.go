package store

import "sync"

// unlinks is the removal of files that no row names any more. While a backup
// copies what its snapshot names, they wait: the snapshot may still need them.
// Those that wait when the process dies are orphans, which the sweep removes.
type unlinks struct {
	mu      sync.Mutex
	holds   int      // backups under way
	waiting []func() // removals put off until the last has ended
}

// hold puts removals off until the function that it returns is called.
func (u *unlinks) hold() (release func()) {
	u.mu.Lock()
	u.holds++
	u.mu.Unlock()
	return sync.OnceFunc(u.release)
}

func (u *unlinks) release() {
	u.mu.Lock()
	u.holds--
	var due []func()
	if u.holds == 0 {
		due, u.waiting = u.waiting, nil
	}
	u.mu.Unlock()
	for _, remove := range due {
		remove()
	}
}

// do removes now, or once nobody holds. It reports whether it was now.
func (u *unlinks) do(remove func()) bool {
	u.mu.Lock()
	if u.holds > 0 {
		u.waiting = append(u.waiting, remove)
		u.mu.Unlock()
		return false
	}
	defer u.mu.Unlock() // held meanwhile, so that a backup that begins sees the file or does not need it
	remove()
	return true
}
