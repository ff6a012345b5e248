package store

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"gomail/internal/disk"
)

// Bounds of the write-ahead log. SQLite writes it from its beginning again once
// all of it is in the database and nobody reads from it; the file keeps its
// size, because a sync of octets that have their place on the disk already
// takes half the time of one that also has to make the file longer.
const (
	logStep   = 1 << 20  // how far it is filled with zeros ahead of its end
	logKept   = 24 << 20 // what it may have when nobody writes, and shrinks to when it was longer
	logBegin  = 2048     // pages that are not in the database yet, from which they are copied
	logFinish = 3072     // pages in all, from which the writer waits for the rest to be copied
	logNudge  = 256      // writes after which the log is looked at
)

// log is the database's write-ahead log.
type log struct {
	path     string
	file     *os.File // for reserving; nil: not opened yet
	reserved int64    // of file; what is used of it is not known
	zeros    []byte
	writes   int           // since the last nudge
	nudge    chan struct{} // the log may be long
}

func newLog(database string) *log {
	return &log{path: database + "-wal", zeros: make([]byte, 64<<10), nudge: make(chan struct{}, 1)}
}

// grown tells of a commit. The writer alone calls it, and nobody else changes
// what is behind the log's end.
func (l *log) grown(writes int) {
	if l.writes += writes; l.writes >= logNudge {
		l.writes = 0
		select {
		case l.nudge <- struct{}{}:
		default:
		}
	}
	l.reserve()
}

// reserve fills the file with zeros ahead of its end when the log has reached
// it. They are no part of the log: the next pages are written over them. On a
// full disk nothing is reserved.
func (l *log) reserve() {
	if l.file == nil {
		var err error
		if l.file, err = os.OpenFile(l.path, os.O_WRONLY, 0); err != nil {
			l.file = nil
			return
		}
	}
	info, err := l.file.Stat()
	if err != nil || info.Size() == l.reserved {
		return
	}
	end := info.Size()
	if end < l.reserved { // it was cut, and goes on from its beginning
		l.reserved = end
		return
	}
	for l.reserved = end; l.reserved < end+logStep; {
		n, err := l.file.WriteAt(l.zeros, l.reserved)
		l.reserved += int64(n)
		if err != nil {
			return
		}
	}
}

func (l *log) close() {
	if l.file != nil {
		l.file.Close()
	}
}

// checkpoint copies the write-ahead log into the database, while others write
// and when nobody does. It has a connection of its own, so that commits wait
// only for the last of a long log.
func (s *Store) checkpoint(path string) {
	defer s.wg.Done()
	c, err := openConn(context.Background(), path, "busy_timeout(0)", disk.Synchronous(disk.Checkpoint))
	if err != nil {
		s.options.Logger.Warn("checkpoints are left to the writer", "error", err)
		return
	}
	defer c.close()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := int64(0)
	for {
		select {
		case <-s.closing:
			return
		case <-s.log.nudge:
			err = s.shorten(c)
		case <-tick.C:
			commits := s.stats.commits.Load()
			if commits == last {
				err = s.tidy(c)
			}
			last = commits
		}
		s.failIfFinal(err) // the log would grow for ever; it still holds everything
	}
}

// shorten copies what a log that is being written holds. What comes meanwhile
// would keep it from ever beginning anew, so the writer waits for that.
func (s *Store) shorten(c *conn) error {
	pages, copied, err := c.checkpoint("NOOP")
	if err == nil && pages-copied >= logBegin {
		pages, _, err = c.checkpoint("PASSIVE")
	}
	if err != nil || pages < logFinish {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, _, err = c.checkpoint("PASSIVE")
	return err
}

// tidy is for when nobody writes.
func (s *Store) tidy(c *conn) error {
	pages, copied, err := c.checkpoint("NOOP")
	switch {
	case err != nil:
	case fileSize(s.log.path) > logKept:
		_, _, err = c.checkpoint("TRUNCATE")
	case pages > copied:
		_, _, err = c.checkpoint("PASSIVE")
	default:
		return nil
	}
	debug.FreeOSMemory() // a burst is over: what it took goes back now, not in minutes
	return err
}

// checkpoint runs a checkpoint and returns how many pages the log has and how
// many of them are in the database.
func (c *conn) checkpoint(mode string) (pages, copied int64, err error) {
	var busy int64
	_, err = c.row([]any{&busy, &pages, &copied}, "PRAGMA wal_checkpoint("+mode+")")
	return pages, copied, err
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
