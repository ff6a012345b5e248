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

	"gomail"
	"gomail/internal/disk"
)

// MaxPack is the size past which a new pack is begun.
const MaxPack = 128 << 20

// Dir is a data directory's packs/ and objects/. One process owns it; Append
// is called by one goroutine at a time, everything else by any.
type Dir struct {
	path    string
	encoder *zstd.Encoder
	decoder *zstd.Decoder
	lastID  atomic.Int64
	staged  atomic.Int64 // octets of bodies in memory

	days sync.Mutex
	day  string // the directory of objects whose name is known to be durable; guarded by days

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
	if d.pack == nil {
		return nil
	}
	err := d.pack.Close()
	d.pack = nil
	return err
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
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != nil {
		return d.failed
	}
	if err := d.rotate(); err != nil {
		return err
	}
	buf := d.layOut(frames)
	if _, err := d.pack.WriteAt(buf, d.end); err != nil {
		return d.writeFailed(err)
	}
	if err := disk.Sync(disk.PackData, d.pack); err != nil {
		d.failed = gomail.Errorf(gomail.Closed, "the pack could not be synced to disk: %w", err)
		return d.failed
	}
	d.end += int64(len(buf))
	return nil
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
	d.pack.Truncate(d.end)
	d.pack.Close()
	d.pack = nil
	return diskError("write to the pack", err)
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
		d.failed = gomail.Errorf(gomail.Closed, "a new pack could not be synced to disk: %w", err)
		return d.failed
	}
	if d.pack != nil {
		d.pack.Close()
	}
	d.pack, d.number, d.end = f, number, 0
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
	return info.Size(), os.Remove(path)
}

// Reload reads a frame of a pack, as it is stored, so that Append can write it
// elsewhere.
func (d *Dir) Reload(f *Frame) error {
	file, err := os.Open(d.packPath(f.Location.Pack))
	if err != nil {
		return diskError("open a pack", err)
	}
	defer file.Close()
	h, err := readHeader(file, f.ID, f.Location)
	if err != nil {
		return err
	}
	f.payload, err = readPayload(file, h, f.Location.Offset)
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
	if errors.Is(err, fs.ErrNotExist) {
		return gomail.Errorf(gomail.Corrupt, "%s: %w", doing, err)
	}
	return gomail.Errorf(gomail.Closed, "%s: %w", doing, err)
}
