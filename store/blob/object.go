package blob

import (
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gomail/internal/disk"
)

// An object is a file with one chunked frame: the header, the chunks, each
// compressed apart so that it can be read apart, and at the end the table
//
//	(length(4) crc(4))* of the chunks as stored, the top bit of length set when a chunk is plain
//
// All chunks but the last hold chunkSize octets of content.
const (
	chunkSize  = 256 << 10
	chunkPlain = 1 << 31
	tableEntry = 8
)

// objectWriter writes one object while its content streams in.
type objectWriter struct {
	dir    *Dir
	id     int64
	file   *os.File
	chunk  []byte // content not yet written
	packed []byte // a chunk as it is stored, for the next one to be made in
	table  []byte
	end    int64 // of what is written
	sealed bool
}

func (d *Dir) newObject() (*objectWriter, error) {
	id := d.NextID()
	if err := d.makeObjectDir(id); err != nil {
		return nil, err
	}
	d.underWay.Store(id, true)
	f, err := os.OpenFile(d.objectPath(id), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		d.underWay.Delete(id)
		return nil, diskError("make a file for a large message", err)
	}
	return &objectWriter{dir: d, id: id, file: f, chunk: make([]byte, 0, chunkSize), end: headerSize}, nil
}

// objectPath spreads objects over directories by about a day (2^36 µs), so
// that none grows too large.
func (d *Dir) objectPath(id int64) string {
	return filepath.Join(d.path, ObjectFile(id))
}

// makeObjectDir makes the directory for an object and its name durable, once
// in each process: one that is there already may have been made by somebody
// who has not synced it yet, or by a process that was killed before it did.
func (d *Dir) makeObjectDir(id int64) error {
	d.days.Lock()
	defer d.days.Unlock()
	dir := filepath.Dir(d.objectPath(id))
	if d.day == dir {
		return nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return diskError("make a directory for large messages", err)
	}
	if err := disk.SyncDir(disk.ObjectDir, filepath.Dir(dir)); err != nil {
		return syncError("the directory for large messages", err)
	}
	d.day = dir
	return nil
}

func (w *objectWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		take := min(len(p), chunkSize-len(w.chunk))
		w.chunk = append(w.chunk, p[:take]...)
		p = p[take:]
		if len(w.chunk) == chunkSize {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (w *objectWriter) flush() error {
	codec, stored := w.dir.compress(w.packed, w.chunk)
	w.packed = stored
	length := uint32(len(stored))
	if codec == Plain {
		length |= chunkPlain
	}
	w.table = binary.BigEndian.AppendUint32(w.table, length)
	w.table = binary.BigEndian.AppendUint32(w.table, checksum(stored))
	w.chunk = w.chunk[:0]
	return w.write(stored)
}

func (w *objectWriter) write(p []byte) error {
	if _, err := w.file.WriteAt(p, w.end); err != nil {
		return diskError("write a large message", err)
	}
	w.end += int64(len(p))
	return nil
}

// finish writes the last chunk, the table and the header and makes the file
// and its name durable.
func (w *objectWriter) finish(size int64, sum [sha256.Size]byte) (Location, error) {
	if len(w.chunk) > 0 {
		if err := w.flush(); err != nil {
			return Location{}, err
		}
	}
	if err := w.write(w.table); err != nil {
		return Location{}, err
	}
	h := header{id: w.id, size: size, payload: w.end - headerSize, codec: Chunked, sha256: sum, crc: checksum(w.table)}
	if _, err := w.file.WriteAt(h.append(nil), 0); err != nil {
		return Location{}, diskError("write a large message", err)
	}
	if err := disk.Sync(disk.ObjectData, w.file); err != nil {
		return Location{}, syncError("a large message", err)
	}
	if err := disk.SyncDir(disk.ObjectName, filepath.Dir(w.dir.objectPath(w.id))); err != nil {
		return Location{}, syncError("the directory of a large message", err)
	}
	w.sealed = true
	return Location{Kind: InObject, Stored: w.end, Size: size, Codec: Chunked, SHA256: sum}, nil
}

// close closes the file and removes it unless it was finished.
func (w *objectWriter) close() error {
	err := w.file.Close()
	if !w.sealed {
		os.Remove(w.dir.objectPath(w.id))
	}
	w.dir.underWay.Delete(w.id)
	return err
}

// Remove removes the file of a frame that no row holds. What is in a pack
// stays there as dead weight.
func (d *Dir) Remove(f *Frame) {
	if f.Location.Kind == InObject {
		os.Remove(d.objectPath(f.ID))
	}
}

// Objects returns the objects whose files have not changed since before,
// without those of open stages: their age means nothing when the clock jumps.
func (d *Dir) Objects(before time.Time) ([]*Frame, error) {
	var found []*Frame
	err := filepath.WalkDir(filepath.Join(d.path, "objects"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		id, err := strconv.ParseInt(entry.Name(), 16, 64)
		info, infoErr := entry.Info()
		if _, busy := d.underWay.Load(id); busy {
			return nil
		}
		if err == nil && infoErr == nil && info.ModTime().Before(before) {
			found = append(found, &Frame{ID: id, Location: Location{Kind: InObject, Stored: info.Size()}})
		}
		return nil
	})
	return found, err
}

// Packs returns the numbers of the packs whose files have not changed since
// before, without the one being written.
func (d *Dir) Packs(before time.Time) ([]int64, error) {
	entries, err := os.ReadDir(filepath.Join(d.path, "packs"))
	if err != nil {
		return nil, err
	}
	current := d.CurrentPack()
	var found []int64
	for _, entry := range entries {
		number, err := strconv.ParseInt(strings.TrimSuffix(entry.Name(), ".pack"), 10, 64)
		info, infoErr := entry.Info()
		if err == nil && infoErr == nil && number != current && info.ModTime().Before(before) {
			found = append(found, number)
		}
	}
	return found, nil
}
