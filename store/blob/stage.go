package blob

import (
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// MaxInMemory is the size up to which a body is kept in memory and goes to a
// pack; a larger one becomes an object.
const MaxInMemory = 1 << 20

// maxStaged is how much all bodies together may take in memory. Past it they
// become objects while they are still small, so that a flood of senders costs
// disk, not the process.
const maxStaged = 128 << 20

// Stage takes in one body. It implements gomail.Body.
type Stage struct {
	dir    *Dir
	sha    hash.Hash
	size   int64
	memory *[]byte       // the content so far, until it is too large
	object *objectWriter // takes over then
	err    error         // the first failure; the stage is unusable after it

	inMemory int64 // what this stage has counted into dir.staged
}

var memoryPool = sync.Pool{New: func() any { b := make([]byte, 0, 16<<10); return &b }}

// Stage returns an empty stage.
func (d *Dir) Stage() *Stage {
	return &Stage{dir: d, sha: sha256.New(), memory: memoryPool.Get().(*[]byte)}
}

// Write adds octets. NoSpace when the disk is full.
func (s *Stage) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	s.sha.Write(p)
	s.size += int64(len(p))
	if s.object == nil {
		s.inMemory += int64(len(p))
		if s.dir.staged.Add(int64(len(p))) > maxStaged || s.size > MaxInMemory {
			s.err = s.spill()
		}
	}
	if s.err == nil && s.object != nil {
		_, s.err = s.object.Write(p)
	}
	if s.err != nil {
		return 0, s.err
	}
	if s.object == nil {
		*s.memory = append(*s.memory, p...)
	}
	return len(p), nil
}

// spill moves what is in memory to an object file.
func (s *Stage) spill() error {
	w, err := s.dir.newObject()
	if err != nil {
		return err
	}
	s.object = w
	_, err = w.Write(*s.memory)
	s.releaseMemory()
	return err
}

// Size returns the octets written so far.
func (s *Stage) Size() int64 { return s.size }

// Seal ends writing and returns the frame. A large body is durable as an
// object when Seal returns; a small one becomes so with Dir.Append.
func (s *Stage) Seal() (*Frame, error) {
	if s.err != nil {
		return nil, s.err
	}
	var sum [sha256.Size]byte
	s.sha.Sum(sum[:0])
	if s.object != nil {
		location, err := s.object.finish(s.size, sum)
		if err != nil {
			s.err = err
			return nil, err
		}
		return &Frame{ID: s.object.id, Location: location}, nil
	}
	codec, payload := s.dir.compress(make([]byte, 0, len(*s.memory)*3/4+64), *s.memory)
	return &Frame{
		ID:       s.dir.NextID(),
		Location: Location{Kind: InPack, Size: s.size, Codec: codec, SHA256: sum},
		payload:  payload,
	}, nil
}

// Close gives memory back and removes an object that was not sealed.
func (s *Stage) Close() error {
	s.releaseMemory()
	if s.object != nil {
		return s.object.close()
	}
	return nil
}

func (s *Stage) releaseMemory() {
	if s.memory == nil {
		return
	}
	s.dir.staged.Add(-s.inMemory)
	if cap(*s.memory) <= 256<<10 { // a few large mails must not pin megabytes
		*s.memory = (*s.memory)[:0]
		memoryPool.Put(s.memory)
	}
	s.memory = nil
}

// compress returns the smaller of content and its compressed form, in the
// memory of room where that is enough.
func (d *Dir) compress(room, content []byte) (Codec, []byte) {
	packed := d.encoder.EncodeAll(content, room[:0])
	if len(packed) < len(content) {
		return Zstd, packed
	}
	return Plain, append(packed[:0], content...)
}

func newCoders() (*zstd.Encoder, *zstd.Decoder, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(8<<20), zstd.WithDecoderConcurrency(0))
	return enc, dec, err
}

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }
