package imapwire

import (
	"bytes"
	"io"
	"sync"
)

// blockSize is the size of the buffer that a connection has while input is
// arriving.
const blockSize = 8 << 10

// largeBlock is the size of the buffer for a response that is longer than
// that: what two full records of TLS take.
const largeBlock = 32 << 10

// Blocks is a pool of buffers that connections share. The zero Blocks is
// ready for use.
type Blocks struct{ pool, large sync.Pool }

func (b *Blocks) get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return (*p)[:cap(*p)]
	}
	return make([]byte, blockSize)
}

func (b *Blocks) getLarge() []byte {
	if p, ok := b.large.Get().(*[]byte); ok {
		return (*p)[:cap(*p)]
	}
	return make([]byte, largeBlock)
}

func (b *Blocks) put(p []byte) {
	p = p[:cap(p)]
	switch len(p) {
	case blockSize:
		b.pool.Put(&p)
	case largeBlock:
		b.large.Put(&p)
	}
}

// Input reads lines and literals from a connection. While it waits with
// nothing read it owns no buffer. It is not safe for concurrent use.
type Input struct {
	// Source is what is read from; it is exchanged when TLS begins.
	Source io.Reader

	// Wait is called before every read that may block: to flush output and
	// to set deadlines. started tells whether a command has begun.
	Wait func(started bool) error

	// Blocks are where buffers come from.
	Blocks *Blocks

	buf     []byte
	r, w    int
	one     [1]byte
	started bool
}

// Buffered returns how many octets were read and not consumed.
func (in *Input) Buffered() int { return in.w - in.r }

// NextCommand says that a command is complete: the next read begins another.
func (in *Input) NextCommand() {
	in.started = false
	in.giveBack()
}

// giveBack returns the buffer to the pool when nothing is in it.
func (in *Input) giveBack() {
	if in.r == in.w && in.buf != nil {
		in.Blocks.put(in.buf)
		in.buf, in.r, in.w = nil, 0, 0
	}
}

// fill reads more into the buffer, which must have room.
func (in *Input) fill() error {
	if err := in.Wait(in.started); err != nil {
		return err
	}
	if in.buf == nil {
		return in.Await()
	}
	if in.r > 0 {
		copy(in.buf, in.buf[in.r:in.w])
		in.r, in.w = 0, in.w-in.r
	}
	n, err := in.Source.Read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		in.started = true
		return nil
	}
	return noEOF(err)
}

// Await waits until something is to be read, without calling Wait, so that
// output may go on meanwhile. The first octet goes to a place of its own: a
// connection that waits for hours holds no block.
func (in *Input) Await() error {
	if in.r < in.w {
		return nil
	}
	n, err := in.Source.Read(in.one[:])
	if n == 0 {
		return noEOF(err)
	}
	in.giveBack()
	in.buf = in.Blocks.get()
	in.buf[0] = in.one[0]
	in.r, in.w, in.started = 0, 1, true
	return nil
}

func noEOF(err error) error {
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// ReadLine appends the next line, without its line break, to dst, which must
// be empty. A line longer than limit is passed over and is a TooBigError: then
// its first octets are appended, in which the tag is, and its last, which may
// announce a literal. One that does not end within a mebibyte is a FatalError.
func (in *Input) ReadLine(dst []byte, limit int) ([]byte, error) {
	const hopeless, head, tail = 1 << 20, maxTag + 1, 64
	taken := 0
	for {
		if in.r == in.w {
			if err := in.fill(); err != nil {
				return dst, err
			}
		}
		block := in.buf[in.r:in.w]
		end := bytes.IndexByte(block, '\n')
		if end >= 0 {
			block = block[:end]
			in.r++
		}
		in.r += len(block)
		dst = append(dst, block...)
		if taken += len(block); taken > limit && len(dst) > head+tail {
			dst = append(dst[:head], dst[len(dst)-tail:]...)
		}
		switch {
		case end < 0 && taken > hopeless:
			return dst, &FatalError{Text: "The line does not end"}
		case end >= 0 && taken > limit:
			return bytes.TrimSuffix(dst, []byte{'\r'}), &TooBigError{Text: "The command line is too long"}
		case end >= 0:
			return bytes.TrimSuffix(dst, []byte{'\r'}), nil
		}
	}
}

// Read implements io.Reader: what is buffered first, then from the source
// directly.
func (in *Input) Read(p []byte) (int, error) {
	if in.r < in.w {
		n := copy(p, in.buf[in.r:in.w])
		in.r += n
		return n, nil
	}
	if err := in.Wait(true); err != nil {
		return 0, err
	}
	return in.Source.Read(p)
}

// Discard passes over n octets.
func (in *Input) Discard(n int64) error {
	for n > 0 {
		if in.r == in.w {
			if err := in.fill(); err != nil {
				return err
			}
		}
		k := min(n, int64(in.w-in.r))
		in.r += int(k)
		n -= k
	}
	return nil
}

// Release gives the buffer back, whatever is in it.
func (in *Input) Release() {
	in.r = in.w
	in.giveBack()
}
