package imapwire

import (
	"compress/flate"
	"io"
)

// Inflater inflates what a client sends, RFC 1951. Whatever can be told from
// the octets that came is handed on before it waits for more: some clients
// leave the end of a block with themselves until they have more to say.
// Corrupt input is a flate.CorruptInputError, a source that ends before the
// last block io.ErrUnexpectedEOF. It is not safe for concurrent
// use.
type Inflater struct {
	// Source is what is inflated.
	Source io.Reader

	in      [512]byte
	r, w    int
	offset  int64  // of what was taken from in
	acc     uint64 // bits taken and not used, the next one lowest
	bits    uint   // how many these are
	window  [32 << 10]byte
	at      int // where in the window the next octet goes
	total   int // how many octets the window holds
	pending int // how many of the last ones nobody has read yet

	step   func(*Inflater) (bool, error) // goes on; false: it needs more bits
	ended  error                         // of the last block, or corrupt
	final  bool
	stored int // how much of a stored block is to come
	tables tables
	lit    *prefixCode
	dist   *prefixCode
	codes  [2]prefixCode
}

// Read implements io.Reader.
func (f *Inflater) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if f.step == nil {
		f.step = (*Inflater).header
	}
	for f.pending < min(len(p), len(f.window)/2) {
		if f.ended == nil {
			f.refill()
			var went bool
			if went, f.ended = f.step(f); went {
				continue
			}
		}
		switch {
		case f.pending > 0:
			return f.take(p), nil
		case f.ended != nil:
			return 0, f.ended
		}
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	return f.take(p), nil
}

// take copies what is pending to p.
func (f *Inflater) take(p []byte) int {
	n := min(len(p), f.pending)
	from := (f.at - f.pending + len(f.window)) % len(f.window)
	k := copy(p[:n], f.window[from:])
	copy(p[k:n], f.window[:])
	f.pending -= n
	return n
}

// fill reads from the source.
func (f *Inflater) fill() error {
	n, err := f.Source.Read(f.in[:])
	if f.r, f.w = 0, n; n > 0 {
		return nil
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return noEOF(err)
}

// refill takes as many octets as have room.
func (f *Inflater) refill() {
	for f.bits <= 56 && f.r < f.w {
		f.acc |= uint64(f.in[f.r]) << f.bits
		f.bits += 8
		f.r++
		f.offset++
	}
}

// use passes over n bits and returns them; there must be so many, 32 at most.
func (f *Inflater) use(n uint) int {
	v := f.acc & (1<<n - 1)
	f.acc >>= n
	f.bits -= n
	return int(v)
}

func (f *Inflater) corrupt() error { return flate.CorruptInputError(f.offset) }

func (f *Inflater) put(c byte) {
	f.window[f.at] = c
	f.at = (f.at + 1) % len(f.window)
	f.total = min(f.total+1, len(f.window))
	f.pending++
}

// header begins a block, section 3.2.3.
func (f *Inflater) header() (bool, error) {
	if f.final {
		return false, io.EOF
	}
	if f.bits < 3 {
		return false, nil
	}
	f.final = f.use(1) == 1
	switch f.use(2) {
	case 0:
		f.use(f.bits % 8)
		f.step = (*Inflater).storedLength
	case 1:
		f.lit, f.dist = &fixedLit, &fixedDist
		f.step = (*Inflater).symbol
	case 2:
		f.tables = tables{}
		f.step = (*Inflater).counts
	default:
		return false, f.corrupt()
	}
	return true, nil
}

// storedLength reads what stands before stored octets, section 3.2.4.
func (f *Inflater) storedLength() (bool, error) {
	if f.bits < 32 {
		return false, nil
	}
	n := f.use(16)
	if f.use(16) != n^0xffff {
		return false, f.corrupt()
	}
	f.stored, f.step = n, (*Inflater).storedOctet
	return true, nil
}

func (f *Inflater) storedOctet() (bool, error) {
	switch {
	case f.stored == 0:
		f.step = (*Inflater).header
	case f.bits < 8:
		return false, nil
	default:
		f.put(byte(f.use(8)))
		f.stored--
	}
	return true, nil
}

// symbol reads one octet, one repetition or the end of the block, section
// 3.2.5: whole or not at all.
func (f *Inflater) symbol() (bool, error) {
	sym, used, ok := f.lit.decode(f.acc, f.bits)
	if !ok {
		return false, f.lit.short(f)
	}
	switch {
	case sym < 256:
		f.use(used)
		f.put(byte(sym))
		return true, nil
	case sym == 256:
		f.use(used)
		f.step = (*Inflater).header
		return true, nil
	case sym > 285:
		return false, f.corrupt()
	}
	return f.repeat(sym-257, used)
}

// repeat reads the rest of a repetition.
func (f *Inflater) repeat(sym int, used uint) (bool, error) {
	length, used := f.value(lengths[sym], used)
	if used > f.bits {
		return false, nil
	}
	sym, n, ok := f.dist.decode(f.acc>>used, f.bits-used)
	if !ok {
		if f.bits-used >= maxCode {
			return false, f.corrupt()
		}
		return false, f.dist.short(f)
	}
	if sym >= len(distances) {
		return false, f.corrupt()
	}
	distance, used := f.value(distances[sym], used+n)
	switch {
	case used > f.bits:
		return false, nil
	case distance > f.total:
		return false, f.corrupt()
	}
	f.use(min(used, 32))
	f.use(used - min(used, 32))
	for range length {
		f.put(f.window[(f.at-distance+len(f.window))%len(f.window)])
	}
	return true, nil
}

// value reads the bits beside a symbol, which begin after so many.
func (f *Inflater) value(v extended, used uint) (int, uint) {
	return v.base + int(f.acc>>used&(1<<v.extra-1)), used + v.extra
}
