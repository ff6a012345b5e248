package blob

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"os"
	"sync"

	"gomail"
)

// Open opens a durable frame's content. A frame that is not as it was written
// is Corrupt, now or when the damaged part is read.
func (d *Dir) Open(id int64, l Location) (gomail.Content, error) {
	if l.Kind != InObject {
		return d.openPacked(id, l)
	}
	f, err := os.Open(d.objectPath(id))
	if err != nil {
		return nil, diskError("open a stored message", err)
	}
	h, err := readHeader(f, id, l)
	if err != nil {
		f.Close()
		return nil, err
	}
	return d.openObject(f, h)
}

// openPacked reads a frame of a pack whole.
func (d *Dir) openPacked(id int64, l Location) (gomail.Content, error) {
	h, payload, err := d.readPacked(id, l)
	if err != nil {
		return nil, err
	}
	return d.contentOf(h, payload)
}

// openFrame opens a frame of a pack that was read whole.
func (d *Dir) openFrame(id int64, l Location, frame []byte) (gomail.Content, error) {
	h, payload, err := splitFrame(frame, id, l)
	if err != nil {
		return nil, err
	}
	return d.contentOf(h, payload)
}

func (d *Dir) contentOf(h header, payload []byte) (gomail.Content, error) {
	content, err := d.decode(h.codec, payload, int(h.size))
	if err != nil {
		return nil, err
	}
	return memory{bytes.NewReader(content)}, nil
}

// readPacked reads a frame of a pack as it is stored.
func (d *Dir) readPacked(id int64, l Location) (h header, payload []byte, err error) {
	f, err := d.reading.acquire(l.Pack, d.packPath(l.Pack))
	if err != nil {
		return h, nil, diskError("open a stored message", err)
	}
	defer d.reading.release(f)
	return readFrame(f, id, l)
}

// readFrame reads a packed frame at once: header and payload in one system
// call.
func readFrame(f io.ReaderAt, id int64, l Location) (h header, payload []byte, err error) {
	if err := checkPacked(l); err != nil {
		return h, nil, err
	}
	frame := make([]byte, l.Stored)
	if _, err := f.ReadAt(frame, l.Offset); err != nil {
		return h, nil, gomail.Errorf(gomail.Corrupt, "a stored message is cut short: %w", err)
	}
	return splitFrame(frame, id, l)
}

// checkPacked refuses a location that no frame of a pack can have.
func checkPacked(l Location) error {
	if l.Size > MaxInMemory || l.Stored < headerSize || l.Stored > headerSize+MaxInMemory+1024 {
		return gomail.Errorf(gomail.Corrupt, "a packed message claims %d octets", l.Size)
	}
	return nil
}

// splitFrame takes a frame apart and holds it against its checksums.
func splitFrame(frame []byte, id int64, l Location) (h header, payload []byte, err error) {
	if err := checkPacked(l); err != nil {
		return h, nil, err
	}
	if h, err = expectHeader(frame[:headerSize], id, l); err != nil {
		return h, nil, err
	}
	if payload = frame[headerSize:]; checksum(payload) != h.crc {
		return h, nil, gomail.Errorf(gomail.Corrupt, "message body %d does not match its checksum", id)
	}
	return h, payload, nil
}

// readHeader reads the header at the location.
func readHeader(f io.ReaderAt, id int64, l Location) (header, error) {
	var b [headerSize]byte
	if _, err := f.ReadAt(b[:], l.Offset); err != nil {
		return header{}, gomail.Errorf(gomail.Corrupt, "a stored message is cut short: %w", err)
	}
	return expectHeader(b[:], id, l)
}

// expectHeader reads a header and holds it against what the caller knows.
func expectHeader(b []byte, id int64, l Location) (header, error) {
	h, err := parseHeader(b)
	if err != nil {
		return h, err
	}
	if h.id != id || h.size != l.Size || h.payload != l.Stored-headerSize || h.codec != l.Codec || h.sha256 != l.SHA256 {
		return h, gomail.Errorf(gomail.Corrupt, "another message stands where message body %d should be", id)
	}
	return h, nil
}

// readPayload reads what follows a header in a pack.
func readPayload(f io.ReaderAt, h header, offset int64) ([]byte, error) {
	if h.size > MaxInMemory || h.payload > MaxInMemory+1024 {
		return nil, gomail.Errorf(gomail.Corrupt, "a packed message claims %d octets", h.size)
	}
	payload := make([]byte, h.payload)
	if _, err := f.ReadAt(payload, offset+headerSize); err != nil {
		return nil, gomail.Errorf(gomail.Corrupt, "a stored message is cut short: %w", err)
	}
	if checksum(payload) != h.crc {
		return nil, gomail.Errorf(gomail.Corrupt, "message body %d does not match its checksum", h.id)
	}
	return payload, nil
}

// decode returns the content of a payload and holds its length against size.
func (d *Dir) decode(codec Codec, payload []byte, size int) ([]byte, error) {
	content := payload
	if codec == Zstd {
		var err error
		if content, err = d.decoder.DecodeAll(payload, make([]byte, 0, size)); err != nil {
			return nil, gomail.Errorf(gomail.Corrupt, "a stored message cannot be decompressed: %w", err)
		}
	}
	if len(content) != size {
		return nil, gomail.Errorf(gomail.Corrupt, "a stored message has %d octets instead of %d", len(content), size)
	}
	return content, nil
}

// memory is content that was read whole.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// object is an open chunked frame. The chunk read last is kept, so that
// reading in small pieces decompresses each chunk once.
type object struct {
	dir   *Dir
	file  *os.File
	h     header
	start []int64 // of each chunk in the file; one more marks the end of the last
	table []byte

	mu    sync.Mutex
	index int // of chunk, -1: none
	chunk []byte
}

func (d *Dir) openObject(f *os.File, h header) (gomail.Content, error) {
	o := &object{dir: d, file: f, h: h, index: -1}
	if err := o.readTable(); err != nil {
		f.Close()
		return nil, err
	}
	return o, nil
}

func (o *object) readTable() error {
	chunks := (o.h.size + chunkSize - 1) / chunkSize
	size := chunks * tableEntry
	if o.h.codec != Chunked || size > o.h.payload {
		return gomail.Errorf(gomail.Corrupt, "the file of message body %d has no table", o.h.id)
	}
	o.table = make([]byte, size)
	if _, err := o.file.ReadAt(o.table, headerSize+o.h.payload-size); err != nil {
		return gomail.Errorf(gomail.Corrupt, "the file of message body %d is cut short: %w", o.h.id, err)
	}
	if checksum(o.table) != o.h.crc {
		return gomail.Errorf(gomail.Corrupt, "the table of message body %d does not match its checksum", o.h.id)
	}
	at := int64(headerSize)
	o.start = make([]int64, 0, chunks+1)
	for i := range chunks {
		o.start = append(o.start, at)
		at += int64(binary.BigEndian.Uint32(o.table[i*tableEntry:]) &^ chunkPlain)
	}
	o.start = append(o.start, at)
	return nil
}

// Size returns the octets of the content.
func (o *object) Size() int64 { return o.h.size }

// Close closes the file.
func (o *object) Close() error { return o.file.Close() }

// ReadAt reads content at an offset.
func (o *object) ReadAt(p []byte, offset int64) (int, error) {
	n := 0
	for n < len(p) && offset+int64(n) < o.h.size {
		at := offset + int64(n)
		m, err := o.copyChunk(p[n:], int(at/chunkSize), int(at%chunkSize))
		n += m
		if err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// copyChunk copies from a chunk's content, beginning at from.
func (o *object) copyChunk(p []byte, index, from int) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.index != index {
		chunk, err := o.readChunk(index)
		if err != nil {
			return 0, err
		}
		o.index, o.chunk = index, chunk
	}
	return copy(p, o.chunk[from:]), nil
}

func (o *object) readChunk(index int) ([]byte, error) {
	entry := o.table[index*tableEntry:]
	stored := make([]byte, o.start[index+1]-o.start[index])
	if _, err := o.file.ReadAt(stored, o.start[index]); err != nil {
		return nil, gomail.Errorf(gomail.Corrupt, "the file of message body %d is cut short: %w", o.h.id, err)
	}
	if checksum(stored) != binary.BigEndian.Uint32(entry[4:]) {
		return nil, gomail.Errorf(gomail.Corrupt, "a part of message body %d does not match its checksum", o.h.id)
	}
	codec := Zstd
	if binary.BigEndian.Uint32(entry)&chunkPlain != 0 {
		codec = Plain
	}
	return o.dir.decode(codec, stored, int(min(chunkSize, o.h.size-int64(index)*chunkSize)))
}

// Verify reads a frame whole and holds its content against its SHA-256.
func (d *Dir) Verify(id int64, l Location) error {
	content, err := d.Open(id, l)
	if err != nil {
		return err
	}
	defer content.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(content, 0, content.Size())); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), l.SHA256[:]) {
		return mismatch(id)
	}
	return nil
}

func mismatch(id int64) error {
	return gomail.Errorf(gomail.Corrupt, "message body %d does not match its SHA-256", id)
}
