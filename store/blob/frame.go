package blob

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"

	"gomail"
)

// Codec is how a frame's payload is kept.
type Codec byte

// The codecs.
const (
	Plain   Codec = 0 // as it is
	Zstd    Codec = 1 // one zstd frame
	Chunked Codec = 2 // chunks that can be read at random, see chunk.go
)

// Kind is where a frame is.
type Kind int

// The kinds of location.
const (
	InPack   Kind = 1
	InObject Kind = 2
)

// Location says where a durable frame is and what it holds.
type Location struct {
	Kind   Kind
	Pack   int64 // the pack's number; 0 for objects
	Offset int64 // of the frame in its file
	Stored int64 // octets in the file, header included
	Size   int64 // octets of the content
	Codec  Codec
	SHA256 [sha256.Size]byte // of the content
}

// Frame is content on its way to a file.
type Frame struct {
	ID       int64
	Location Location
	payload  []byte // what a pack has still to write; nil for objects
}

// Weight returns the octets that the frame will take in a pack.
func (f *Frame) Weight() int { return headerSize + len(f.payload) }

// InPack reports whether the frame waits to be appended to a pack; objects
// are durable already.
func (f *Frame) InPack() bool { return f.Location.Kind == InPack }

// The header of a frame, big endian:
//
//	magic(4) id(8) size(8) stored(8) codec(1) sha256(32) crc of payload(4) crc of the header so far(4)
const headerSize = 4 + 8 + 8 + 8 + 1 + sha256.Size + 4 + 4

var magic = []byte("GMf1")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is a frame's header as it stands in the file.
type header struct {
	id      int64
	size    int64 // of the content
	payload int64 // octets that follow
	codec   Codec
	sha256  [sha256.Size]byte
	crc     uint32 // of the payload; of the chunk table alone when chunked
}

func (h header) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.id))
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.size))
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.payload))
	dst = append(dst, byte(h.codec))
	dst = append(dst, h.sha256[:]...)
	dst = binary.BigEndian.AppendUint32(dst, h.crc)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// parseHeader reads a header and verifies its own checksum.
func parseHeader(b []byte) (header, error) {
	if len(b) < headerSize || !bytes.Equal(b[:4], magic) {
		return header{}, gomail.Errorf(gomail.Corrupt, "a stored message does not begin as one")
	}
	b = b[:headerSize]
	if crc32.Checksum(b[:headerSize-4], castagnoli) != binary.BigEndian.Uint32(b[headerSize-4:]) {
		return header{}, gomail.Errorf(gomail.Corrupt, "the header of a stored message does not match its checksum")
	}
	h := header{
		id:      int64(binary.BigEndian.Uint64(b[4:])),
		size:    int64(binary.BigEndian.Uint64(b[12:])),
		payload: int64(binary.BigEndian.Uint64(b[20:])),
		codec:   Codec(b[28]),
		crc:     binary.BigEndian.Uint32(b[headerSize-8:]),
	}
	copy(h.sha256[:], b[29:])
	if h.size < 0 || h.payload < 0 {
		return header{}, gomail.Errorf(gomail.Corrupt, "the header of a stored message holds a negative length")
	}
	return h, nil
}
