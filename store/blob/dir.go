package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"gomail"
	"gomail/internal/disk"
)

// MaxPack is the size past which a new pack is begun.
const MaxPack = 128 << 20

// Dir is a data directory's packs/ and objects/. One process owns it.
type Dir struct {
	path    string
	encoder *zstd.Encoder
	decoder *zstd.Decoder
	lastID  atomic.Int64
	staged  atomic.Int64 // octets of bodies in memory
	reading files

	underWay sync.Map // identities of objects whose stage is open, of which no row may be expected yet

	days sync.Mutex
	day  string // the directory of objects whose name is known to be durable; guarded by days

	appending sync.Mutex // held from Begin to Finish
	reserved  int64      // of pack, filled with zeros up to here; guarded by appending

	mu     sync.Mutex // guards what follows
	pack   *os.File   // the one being written, nil until first use
	number int64      // of pack
	end    int64      // of pack, where the next frame goes
	failed error      // a failed sync; nothing is written after it
}

// Open prepares a data directory. Frame identities continue after lastID, the
// highest known to the caller.
func Open(path string, lastID int64) (*Dir, error) {
	d := &Dir{path: path}
	for _, sub := range []string{"packs", "objects"} {
		if err := disk.MkdirAll(disk.DataName, filepath.Join(path, sub)); err != nil {
			return nil, fmt.Errorf("make the directory for bodies: %w", err)
		}
	}
	var err error
	if d.encoder, d.decoder, err = newCoders(); err != nil {
		return nil, err
	}
	d.lastID.Store(lastID)
	d.number, err = d.lastPack()
	return d, err
}

// Close ends writing. Frames appended are durable already.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.encoder.Close()
	d.decoder.Close()
	return errors.Join(d.reading.dropAll(), d.leavePack())
}

// NextID returns an identity higher than any before: microseconds since 1970,
// or the last one plus one when the clock has not moved on.
func (d *Dir) NextID() int64 {
	for {
		last := d.lastID.Load()
		id := max(last+1, time.Now().UnixMicro())
		if d.lastID.CompareAndSwap(last, id) {
			return id
		}
	}
}

// Append writes frames to the current pack: one write, one fdatasync. When it
// returns without error they are durable and their Location is complete. A
// full disk is NoSpace and leaves the pack as it was. A failed sync is Closed
// and final: what the kernel still holds is unknown, so the only safe way on
// is a restart that reads what is there.
func (d *Dir) Append(frames []*Frame) error {
	a, err := d.Begin(frames)
	if err != nil {
		return err
	}
	return a.Finish()
}

// Appending is frames whose Location is known and whose octets are not yet on
// disk.
type Appending struct {
	dir     *Dir
	buf     []byte
	pack    *os.File
	at      int64
	started bool
	err     error // of writing
}

// Begin is the first half of Append: it settles where the frames go, so that
// their rows can be written while Finish has them synced. Nobody else appends
// until Finish.
func (d *Dir) Begin(frames []*Frame) (*Appending, error) {
	d.appending.Lock()
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.failed
	if err == nil {
		err = d.rotate()
	}
	if err != nil {
		d.appending.Unlock()
		return nil, err
	}
	return &Appending{dir: d, buf: d.layOut(frames), pack: d.pack, at: d.end}, nil
}

// Start has the frames written without waiting for the disk, which is at it
// while the caller does something else before Finish.
func (a *Appending) Start() {
	a.write()
	if a.err == nil {
		// Where that cannot be asked for, Finish waits the longer.
		unix.SyncFileRange(int(a.pack.Fd()), a.at, int64(len(a.buf)), unix.SYNC_FILE_RANGE_WRITE)
	}
}

func (a *Appending) write() {
	if a.started {
		return
	}
	a.started = true
	a.dir.reserve(a.pack, a.at+int64(len(a.buf)))
	_, a.err = a.pack.WriteAt(a.buf, a.at)
}

// Finish is the second half: the frames are written and synced.
func (a *Appending) Finish() error {
	d := a.dir
	defer d.appending.Unlock()
	if a.write(); a.err != nil {
		return d.writeFailed(a.err)
	}
	err := disk.Sync(disk.PackData, a.pack)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.failed = gomail.Errorf(gomail.Closed, "the pack could not be synced to disk: %w", err)
		return d.failed
	}
	d.end += int64(len(a.buf))
	return nil
}

// reserveStep is how far a pack is filled with zeros ahead of its end. A sync
// of octets that are there already takes half the time of one that also has to
// make the file longer.
const reserveStep = 1 << 20

// reserve fills the pack ahead when what is about to be written needs it. On a
// full disk nothing is reserved.
func (d *Dir) reserve(pack *os.File, end int64) {
	if end <= d.reserved {
		return
	}
	if _, err := pack.WriteAt(make([]byte, reserveStep), end); err == nil {
		d.reserved = end + reserveStep
	}
}

// layOut encodes the frames one after another and notes their locations.
func (d *Dir) layOut(frames []*Frame) []byte {
	total := 0
	for _, f := range frames {
		total += f.Weight()
	}
	buf := make([]byte, 0, total)
	for _, f := range frames {
		l := &f.Location
		l.Pack, l.Offset, l.Stored = d.number, d.end+int64(len(buf)), int64(f.Weight())
		buf = header{
			id: f.ID, size: l.Size, payload: int64(len(f.payload)), codec: l.Codec,
			sha256: l.SHA256, crc: checksum(f.payload),
		}.append(buf)
		buf = append(buf, f.payload...)
	}
	return buf
}

// writeFailed gives up the pack after a failed write: what stands behind its
// last good frame is unknown, so the next batch begins a new one.
func (d *Dir) writeFailed(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leavePack()
	return diskError("write to the pack", err)
}

// leavePack closes the pack and gives back what was reserved behind its end.
func (d *Dir) leavePack() error {
	if d.pack == nil {
		return nil
	}
	d.pack.Truncate(d.end) // what fails here is space, not mail
	err := d.pack.Close()
	d.pack = nil
	return err
}

// rotate makes sure that there is a pack with room. A new pack's name is
// durable before it is first used.
func (d *Dir) rotate() error {
	if d.pack != nil && d.end < MaxPack {
		return nil
	}
	number := d.number + 1
	f, err := os.OpenFile(d.packPath(number), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return diskError("make a pack", err)
	}
	if err := disk.SyncDir(disk.PackName, filepath.Join(d.path, "packs")); err != nil {
		f.Close()
		if exhausted(err) {
			os.Remove(f.Name())
			return diskError("make a pack", err)
		}
		d.failed = gomail.Errorf(gomail.Closed, "a new pack could not be synced to disk: %w", err)
		return d.failed
	}
	d.leavePack()
	d.pack, d.number, d.end, d.reserved = f, number, 0, 0
	return nil
}

func (d *Dir) packPath(number int64) string {
	return filepath.Join(d.path, PackFile(number))
}

// CurrentPack returns the number of the pack that is being written, 0 when
// none has been begun.
func (d *Dir) CurrentPack() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pack == nil {
		return 0
	}
	return d.number
}

// RemovePack removes a pack's file and returns its size. It must not be the
// one being written.
func (d *Dir) RemovePack(number int64) (int64, error) {
	path := d.packPath(number)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("remove a pack: %w", err)
	}
	return info.Size(), errors.Join(os.Remove(path), d.reading.drop(number))
}

// Reload reads a frame of a pack, as it is stored, so that Append can write it
// elsewhere.
func (d *Dir) Reload(f *Frame) (err error) {
	_, f.payload, err = d.readPacked(f.ID, f.Location)
	return err
}

// lastPack returns the highest number in use, so that no process appends to a
// pack of another: its tail may hold what was never acknowledged.
func (d *Dir) lastPack() (int64, error) {
	entries, err := os.ReadDir(filepath.Join(d.path, "packs"))
	if err != nil {
		return 0, err
	}
	last := int64(0)
	for _, e := range entries {
		if n, err := strconv.ParseInt(strings.TrimSuffix(e.Name(), ".pack"), 10, 64); err == nil {
			last = max(last, n)
		}
	}
	return last, nil
}

// diskError gives a kind to a file system's error: a full disk may recover.
func diskError(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return gomail.Errorf(gomail.NoSpace, "%s: the disk is full: free some space", doing)
	}
	if exhausted(err) {
		return gomail.Errorf(gomail.Unavailable, "%s: %w", doing, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return gomail.Errorf(gomail.Corrupt, "%s: %w", doing, err)
	}
	return gomail.Errorf(gomail.Closed, "%s: %w", doing, err)
}

// exhausted says whether what failed lacked open files or memory. The disk had
// no part in it, so that it may work the next time.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// syncError gives a kind to the error of a sync, after which what the disk
// holds is unknown, unless it was not even begun.
func syncError(what string, err error) error {
	if exhausted(err) {
		return diskError("sync "+what, err)
	}
	return gomail.Errorf(gomail.Closed, "%s could not be synced to disk: %w", what, err)
}
