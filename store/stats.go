package store

import "sync/atomic"

// Stats counts what the store has done since it was opened.
type Stats struct {
	commits atomic.Int64 // transactions
	writes  atomic.Int64 // callers served by them
}

// Commits returns how many transactions were committed, and how many writes
// they carried. Their ratio says how well grouping works.
func (s *Store) Commits() (commits, writes int64) {
	return s.stats.commits.Load(), s.stats.writes.Load()
}
