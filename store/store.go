package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gomail"
	"gomail/internal/disk"
	"gomail/store/blob"
)

// Options are what a store needs to be opened.
type Options struct {
	Dir     string // the data directory; made when missing
	URL     string // "sqlite:" (also when empty)
	Blobs   string // "packs:" (also when empty)
	Readers int    // connections for reading; 0: 8
	Logger  *slog.Logger

	// Publish is told of every committed change of an account, after the
	// commit. It must not block.
	Publish func(gomail.Event)

	// Clock gives the time; nil: time.Now.
	Clock func() time.Time
}

// Store is an open data directory. One process at a time has it.
type Store struct {
	options Options
	lock    *os.File
	bodies  *blob.Dir
	readers chan *conn

	directory *directory
	kept      keptRows // of the writer's last transactions
	text      *textIndexes
	items     itemCache
	snapshots snapshots

	mu        sync.RWMutex  // held for reading while a write is handed over, so that Close can end that
	closed    bool          // guarded by mu
	underWay  atomic.Int64  // writes that were handed over and not answered
	packer    sync.Mutex    // held by who packs; taken before writing
	packing   chan *write   // writes whose body goes to a pack first
	writing   sync.Mutex    // held by who uses writer
	writer    *conn         // the one connection that writes
	log       *log          // what it writes; used by who holds writing
	committer chan *batch   // writes that need a commit
	closing   chan struct{} // closed when Close begins
	wg        sync.WaitGroup

	unfinished *unfinished // messages that are to be removed
	collecting sync.Mutex  // one collection at a time
	unlinks    unlinks     // files that collection removes

	failOnce sync.Once
	failed   chan struct{} // closed when the store can no longer promise anything
	failure  error         // why; read after failed is closed

	stats Stats
}

// Open opens or makes a store. A directory that another process has open, an
// engine that is not built in and a database of a newer GoMail are refused
// with a sentence.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if err := disk.MkdirAll(disk.DataName, o.Dir); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	if err := refuseHalfRestored(o.Dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{
		options: o, lock: lock, failed: make(chan struct{}), closing: make(chan struct{}), directory: newDirectory(), kept: keptRows{}, snapshots: snapshots{least: leastRemembered}, unfinished: newUnfinished(), text: newTextIndexes(o.Dir),
		packing: make(chan *write, maxBatch), committer: make(chan *batch, maxBatch),
	}
	if err := s.start(ctx); err != nil {
		lock.Close()
		return nil, err
	}
	return s, nil
}

// Check refuses engines that are not built.
func (o Options) Check() error {
	if scheme, _, _ := strings.Cut(o.URL, ":"); scheme != "sqlite" && scheme != "" {
		return gomail.Errorf(gomail.Invalid, "store.url %q: this version keeps its data in SQLite only; leave the setting out or write \"sqlite:\"", scheme+":")
	}
	if scheme, _, _ := strings.Cut(o.Blobs, ":"); scheme != "packs" && scheme != "" {
		return gomail.Errorf(gomail.Invalid, "store.blobs %q: this version keeps bodies in pack files only; leave the setting out or write \"packs:\"", scheme+":")
	}
	return nil
}

// complete fills in defaults and refuses what cannot work.
func (o *Options) complete() error {
	if err := o.Check(); err != nil {
		return err
	}
	if o.Dir == "" {
		return gomail.Errorf(gomail.Invalid, "no data directory is given")
	}
	if o.Readers == 0 {
		o.Readers = 8
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Publish == nil {
		o.Publish = func(gomail.Event) {}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return nil
}

// start opens the connections and begins the writers.
func (s *Store) start(ctx context.Context) error {
	path := filepath.Join(s.options.Dir, "gomail.db")
	writer, from, to, err := openWriter(ctx, path)
	if err != nil {
		return err
	}
	lastFrame, err := writer.int64("SELECT COALESCE(MAX(id), 0) FROM frame")
	if err == nil {
		s.bodies, err = blob.Open(s.options.Dir, lastFrame)
	}
	if err == nil {
		s.readers, err = openReaders(ctx, path, s.options.Readers)
	}
	if err == nil {
		err = s.findUnfinished()
	}
	if err == nil {
		err = s.dropStaleText(ctx)
	}
	if err == nil && from > 0 && from < to {
		err = s.checkUpgrade(ctx, from, to)
	}
	if err != nil {
		writer.close()
		return err
	}
	s.writer, s.log = writer, newLog(path)
	s.wg.Add(5)
	go s.pack()
	go s.commitAll()
	go s.checkpoint(path)
	go s.collectNowAndThen()
	go s.finishRemovals()
	return nil
}

// Close finishes the writes that were handed over and closes the store.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	close(s.packing)
	s.mu.Unlock()
	s.wg.Wait()
	s.writer.close()
	s.log.close()
	for range cap(s.readers) {
		(<-s.readers).close()
	}
	s.text.close()
	return errors.Join(s.bodies.Close(), s.lock.Close())
}

// Failed is closed when a sync or a commit failed: what is on disk is then
// unknown, every further write is refused, and the process has to end and
// start anew. Failure says why.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Failure returns why the store failed, nil when it has not.
func (s *Store) Failure() error {
	select {
	case <-s.failed:
		return s.failure
	default:
		return nil
	}
}

// fail marks the store as failed for good.
func (s *Store) fail(err error) {
	s.failOnce.Do(func() {
		s.failure = gomail.Errorf(gomail.Closed, "the store has stopped: %w", err)
		s.options.Logger.Error("store failed", slog.Any("error", err))
		close(s.failed)
	})
}

// now returns the time as the store keeps it.
func (s *Store) now() int64 { return s.options.Clock().UnixMicro() }

// Dir returns the data directory.
func (s *Store) Dir() string { return s.options.Dir }

func fromMicro(us int64) time.Time { return time.UnixMicro(us).UTC() }

// maybeMicro is fromMicro where 0 is no time at all.
func maybeMicro(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return fromMicro(us)
}

func toMicro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
