package blob

import (
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
)

// PackFile returns the path of a pack below the data directory.
func PackFile(number int64) string { return filepath.Join("packs", fmt.Sprintf("%08d.pack", number)) }

// ObjectFile returns the path of an object below the data directory.
func ObjectFile(id int64) string {
	return filepath.Join("objects", fmt.Sprintf("%08x", id>>36), fmt.Sprintf("%016x", id))
}

// FirstFrame returns the identity of the frame with which a file begins. No
// two files that were ever written share it. Corrupt when none stands there.
func FirstFrame(r io.ReaderAt) (int64, error) {
	var b [headerSize]byte
	if _, err := r.ReadAt(b[:], 0); err != nil && err != io.EOF {
		return 0, err
	}
	h, err := parseHeader(b[:])
	return h.id, err
}

// Walker is written a pack from its beginning and holds every frame against
// its checksums. Frames follow one another without a gap.
type Walker struct {
	head    []byte // of the header, as far as it was seen
	left    int64  // octets of the payload still to come
	crc     uint32 // of the payload so far
	want    uint32
	id      int64 // of the frame
	at      int64 // octets seen
	damaged string
}

// Write takes the next octets. It never fails.
func (w *Walker) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && w.damaged == "" {
		p = p[w.take(p):]
	}
	return n, nil
}

// take uses octets for the header or the payload that is being read.
func (w *Walker) take(p []byte) int {
	if w.left > 0 {
		n := int(min(w.left, int64(len(p))))
		w.crc = crc32.Update(w.crc, castagnoli, p[:n])
		w.left -= int64(n)
		w.at += int64(n)
		w.end()
		return n
	}
	n := min(headerSize-len(w.head), len(p))
	w.head = append(w.head, p[:n]...)
	w.at += int64(n)
	if len(w.head) == headerSize {
		w.begin()
	}
	return n
}

// begin reads the header that is now whole.
func (w *Walker) begin() {
	h, err := parseHeader(w.head)
	if err != nil || h.codec == Chunked {
		w.damaged = fmt.Sprintf("no message body begins at octet %d", w.at-headerSize)
		return
	}
	w.id, w.left, w.want, w.crc = h.id, h.payload, h.crc, 0
	w.head = w.head[:0]
	w.end()
}

// end holds a payload that is now whole against its checksum.
func (w *Walker) end() {
	if w.left == 0 && w.crc != w.want {
		w.damaged = fmt.Sprintf("message body %d does not match its checksum", w.id)
	}
}

// Damage says what is wrong with what was written, empty when nothing is.
func (w *Walker) Damage() string {
	if w.damaged == "" && (w.left > 0 || len(w.head) > 0) {
		return fmt.Sprintf("it ends in the middle of message body %d", w.id)
	}
	return w.damaged
}
