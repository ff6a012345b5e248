// Package trail keeps what the log says of messages in files of its own, so
// that it can be asked later why one was treated as it was: lines of JSON, in
// files of bounded size and age. They are a help, not an account: what was
// written last may be missing after a crash.
package trail

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Detail is the key of attributes that only the trail keeps: the log's own
// lines stay short.
const Detail = "why"

// newFileEvery is how long a file is written to, so that what little a quiet
// server notes does not outlive MaxAge.
const newFileEvery = 24 * time.Hour

// Options say what is kept.
type Options struct {
	Dir      string        // made when it is not there
	Messages []string      // log messages that are kept: "received"
	MaxFile  int64         // octets of one file before it is compressed, 0: 2 MiB
	MaxFiles int           // 0: 256
	MaxBytes int64         // octets of all, as they are stored, 0: 128 MiB
	MaxAge   time.Duration // of a file that is no longer written to, which each is after a day; 0: 14 days
}

// Trail writes records. It is safe for use by several goroutines.
type Trail struct {
	options Options

	mu     sync.Mutex
	file   *os.File
	buffer *bufio.Writer
	size   int64
	begun  time.Time // the file
	err    error     // why it writes no more
}

// New returns a trail that keeps nothing before it is opened.
func New(o Options) *Trail {
	if o.MaxFile <= 0 {
		o.MaxFile = 2 << 20
	}
	if o.MaxFiles <= 0 {
		o.MaxFiles = 256
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 128 << 20
	}
	if o.MaxAge <= 0 {
		o.MaxAge = 14 * 24 * time.Hour
	}
	return &Trail{options: o}
}

// Open goes on in the newest file of the directory, so that a server that is
// restarted often does not push its own history out; where that is full, a day
// old or missing it begins a new one. Old files are removed.
func (t *Trail) Open() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := os.MkdirAll(t.options.Dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of the trail: %w", err)
	}
	t.removeUnfinished()
	if files, err := t.files(); err == nil && len(files) > 0 && t.resume(files[0]) {
		return t.prune()
	}
	return t.next()
}

// removeUnfinished removes what a crash left of a compression: what that was of
// may be gone by now.
func (t *Trail) removeUnfinished() {
	left, _ := filepath.Glob(filepath.Join(t.options.Dir, "*.jsonl.tmp"))
	for _, name := range left {
		os.Remove(name) // it is tried again at the next start
	}
}

// nameForm is how files are named: by when they were begun, in UTC.
const nameForm = "20060102T150405.000000000"

// resume goes on in a file unless it is as long or as old as one may be.
func (t *Trail) resume(name string) bool {
	begun, err := time.Parse(nameForm, strings.TrimSuffix(filepath.Base(name), ".jsonl"))
	age := time.Since(begun)
	if err != nil || age < 0 || age >= newFileEvery {
		return false
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return false
	}
	size, err := endOfLines(f)
	if err != nil || size >= t.options.MaxFile {
		f.Close()
		return false
	}
	t.use(f, size, begun)
	return true
}

// endOfLines returns a file's size, having ended a line that a crash cut.
func endOfLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return 0, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil || last[0] == '\n' {
		return info.Size(), err
	}
	_, err = f.WriteString("\n")
	return info.Size() + 1, err
}

func (t *Trail) use(f *os.File, size int64, begun time.Time) {
	t.file, t.buffer, t.size, t.begun = f, bufio.NewWriterSize(f, 64<<10), size, begun
}

// next goes on in a new file.
func (t *Trail) next() error {
	if err := t.finish(); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(t.options.Dir, time.Now().UTC().Format(nameForm)+".jsonl"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("begin a file of the trail: %w", err)
	}
	t.use(f, 0, time.Now())
	return t.prune()
}

func (t *Trail) finish() error {
	if t.file == nil {
		return nil
	}
	err := errors.Join(t.buffer.Flush(), t.file.Close())
	t.file = nil
	return err
}

// prune removes files beyond the bounds, and empty ones, but for the newest.
func (t *Trail) prune() error {
	files, err := t.files()
	if err != nil {
		return err
	}
	total := t.options.MaxFile // the newest, when it is full
	for i, name := range files[min(1, len(files)):] {
		info, err := os.Stat(name)
		if err != nil || name == t.currentName() {
			continue
		}
		total += info.Size()
		if i+1 >= t.options.MaxFiles || total > t.options.MaxBytes || info.Size() == 0 || time.Since(info.ModTime()) > t.options.MaxAge {
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("remove an old file of the trail: %w", err)
			}
		}
	}
	return nil
}

// files returns the paths, the newest first. Of a file that is there in both
// forms it is the plain one. They are listed by name, which is by age.
func (t *Trail) files() ([]string, error) {
	entries, err := os.ReadDir(t.options.Dir)
	if err != nil {
		return nil, fmt.Errorf("list the trail: %w", err)
	}
	var all []string
	for _, e := range entries {
		name := filepath.Join(t.options.Dir, e.Name())
		plain, isPacked := strings.CutSuffix(name, packed)
		if !strings.HasSuffix(plain, ".jsonl") || isPacked && len(all) > 0 && all[len(all)-1] == plain {
			continue
		}
		all = append(all, name)
	}
	slices.Reverse(all)
	return all, nil
}

// Write appends one line. It never fails: a full disk is no reason to refuse
// mail.
func (t *Trail) Write(line []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil && t.size >= t.options.MaxFile {
		t.err = t.next()
	}
	if t.err != nil || t.file == nil {
		return len(line), nil
	}
	n, err := t.buffer.Write(line)
	t.size += int64(n)
	t.err = err
	return len(line), nil
}

// Flush writes what is in memory to the file. After a failure, and after a day,
// it goes on with a new one, and old ones are removed.
func (t *Trail) Flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		if t.file != nil {
			t.file.Close() // what failed before says more
			t.file = nil
		}
		t.err = t.next()
		return t.err
	}
	if t.file == nil {
		return nil
	}
	if time.Since(t.begun) >= newFileEvery {
		t.err = t.next()
		return t.err
	}
	return t.buffer.Flush()
}

// Close flushes and ends the trail.
func (t *Trail) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.finish()
}

// Run flushes every second until ctx ends, and compresses what is no longer
// written to.
func (t *Trail) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			// The log has the disk's troubles already.
			_ = t.Flush()
			_ = t.compressOld(ctx)
		}
	}
}

// Find calls visit with the lines that hold any of the texts, in whatever case,
// the oldest first, as long as it returns true. A line belongs to visit only
// while it runs.
func (t *Trail) Find(ctx context.Context, texts []string, visit func(line []byte) bool) error {
	_ = t.Flush()
	lower := make([]string, len(texts))
	for i, text := range texts {
		lower[i] = strings.ToLower(text)
	}
	files, err := t.files()
	if err != nil {
		return err
	}
	slices.Reverse(files)
	for _, name := range files {
		if more, err := find(ctx, name, lower, visit); err != nil || !more {
			return err
		}
	}
	return nil
}

func find(ctx context.Context, name string, texts []string, visit func([]byte) bool) (more bool, err error) {
	f, err := openFile(name)
	if errors.Is(err, os.ErrNotExist) { // it has been compressed since
		f, err = openFile(name + packed)
	}
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the trail: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 256<<10)
	for ctx.Err() == nil {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) || isDamage(err) {
			return true, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return false, fmt.Errorf("read the trail: %w", err)
		}
		if containsAny(line, texts) && !visit(line) {
			return false, nil
		}
	}
	return false, ctx.Err()
}

// containsAny does not mind the case: texts are in lower case.
func containsAny(line []byte, texts []string) bool {
	lower := string(bytes.ToLower(line))
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(lower, text) })
}

// Handler returns a handler of log records that passes them on to another,
// without details, and keeps those that the trail is for.
func (t *Trail) Handler(next slog.Handler) slog.Handler {
	return handler{next: next, own: slog.NewJSONHandler(t, nil), keep: t.options.Messages}
}

type handler struct {
	next, own slog.Handler
	keep      []string
}

// Enabled implements slog.Handler.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo && slices.Contains(h.keep, r.Message) {
		_ = h.own.Handle(ctx, r) // never fails, see Write
	}
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, withoutDetail(r))
}

func withoutDetail(r slog.Record) slog.Record {
	short := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != Detail {
			short.AddAttrs(a)
		}
		return true
	})
	return short
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.next.WithAttrs(attrs), h.own.WithAttrs(attrs), h.keep}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.next.WithGroup(name), h.own.WithGroup(name), h.keep}
}
