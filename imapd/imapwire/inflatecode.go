package imapwire

// maxCode is the longest code of deflated data, in bits.
const maxCode = 15

// prefixCode is a canonical code, RFC 1951 section 3.2.2.
type prefixCode struct {
	count   [maxCode + 1]uint16 // how many codes have that length
	symbols [288]uint16         // in the order of their codes
}

// set makes the code for the lengths of symbols and reports whether there is
// such a code: all used up, or one of one bit, or none at all.
func (c *prefixCode) set(lens []uint8) bool {
	*c = prefixCode{}
	for _, n := range lens {
		c.count[n]++
	}
	used := len(lens) - int(c.count[0])
	c.count[0] = 0
	left := 1
	var next [maxCode + 2]uint16
	for n := 1; n <= maxCode; n++ {
		if left = left<<1 - int(c.count[n]); left < 0 {
			return false
		}
		next[n+1] = next[n] + c.count[n]
	}
	for symbol, n := range lens {
		if n > 0 {
			c.symbols[next[n]] = uint16(symbol)
			next[n]++
		}
	}
	return left == 0 || used == 0 || used == 1 && c.count[1] == 1
}

// decode returns the first symbol of the bits and its length; false: there is
// none, or they are too few.
func (c *prefixCode) decode(acc uint64, bits uint) (symbol int, used uint, ok bool) {
	code, first, index := 0, 0, 0
	for n := uint(1); n <= min(bits, maxCode); n++ {
		code |= int(acc & 1)
		acc >>= 1
		count := int(c.count[n])
		if code-count < first {
			return int(c.symbols[index+code-first]), n, true
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, 0, false
}

// short is what it means that decode found nothing: that there are too few
// bits, or an error.
func (c *prefixCode) short(f *Inflater) error {
	if f.bits >= maxCode || c.empty() {
		return f.corrupt()
	}
	return nil
}

func (c *prefixCode) empty() bool { return c.count == [maxCode + 1]uint16{} }

// The codes of blocks that bring none, section 3.2.6.
var fixedLit, fixedDist = fixedCodes()

func fixedCodes() (lit, dist prefixCode) {
	var lens [288]uint8
	for i := range lens {
		switch {
		case i < 144:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		case i < 280:
			lens[i] = 7
		default:
			lens[i] = 8
		}
	}
	lit.set(lens[:])
	for i := range 32 {
		lens[i] = 5
	}
	dist.set(lens[:32])
	return lit, dist
}

// extended is the least value of a symbol and how many bits come with it.
type extended struct {
	base  int
	extra uint
}

// What the symbols of lengths and distances stand for, section 3.2.5.
var (
	lengths   = append(extendedValues(3, 4, 28), extended{258, 0})
	distances = extendedValues(1, 2, 30)
)

// extendedValues builds a table: the extra bits grow by one after each group,
// whose first two are without.
func extendedValues(base, group, n int) []extended {
	var all []extended
	for i := range n {
		extra := max(i/group-1, 0)
		all = append(all, extended{base, uint(extra)})
		base += 1 << extra
	}
	return all
}

// tables is what was read of the codes of a block, section 3.2.7.
type tables struct {
	nlit, ndist, nlen int
	have              int // of the lengths
	lens              [320]uint8
}

// The order in which the lengths of the code of lengths come.
var lengthOrder = [19]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// counts reads how many codes there are.
func (f *Inflater) counts() (bool, error) {
	if f.bits < 14 {
		return false, nil
	}
	t := &f.tables
	t.nlit, t.ndist, t.nlen = f.use(5)+257, f.use(5)+1, f.use(4)+4
	if t.nlit > 286 || t.ndist > 30 {
		return false, f.corrupt()
	}
	f.step = (*Inflater).lengthLength
	return true, nil
}

// lengthLength reads one length of the code of lengths.
func (f *Inflater) lengthLength() (bool, error) {
	t := &f.tables
	if t.have < t.nlen {
		if f.bits < 3 {
			return false, nil
		}
		t.lens[lengthOrder[t.have]] = uint8(f.use(3))
		t.have++
		return true, nil
	}
	if !f.codes[0].set(t.lens[:19]) {
		return false, f.corrupt()
	}
	t.have, t.lens = 0, [320]uint8{}
	f.step = (*Inflater).length
	return true, nil
}

// length reads the length of a code, or repeats one.
func (f *Inflater) length() (bool, error) {
	t := &f.tables
	if t.have == t.nlit+t.ndist {
		return f.codesRead()
	}
	sym, used, ok := f.codes[0].decode(f.acc, f.bits)
	if !ok {
		return false, f.codes[0].short(f)
	}
	times, value, extra := 1, uint8(sym), uint(0)
	switch sym {
	case 16:
		if t.have == 0 {
			return false, f.corrupt()
		}
		times, value, extra = 3, t.lens[t.have-1], 2
	case 17:
		times, value, extra = 3, 0, 3
	case 18:
		times, value, extra = 11, 0, 7
	}
	if used+extra > f.bits {
		return false, nil
	}
	f.use(used)
	times += f.use(extra)
	if t.have+times > t.nlit+t.ndist {
		return false, f.corrupt()
	}
	for range times {
		t.lens[t.have] = value
		t.have++
	}
	return true, nil
}

// codesRead begins the symbols of the block.
func (f *Inflater) codesRead() (bool, error) {
	t := &f.tables
	if !f.codes[0].set(t.lens[:t.nlit]) || !f.codes[1].set(t.lens[t.nlit:t.nlit+t.ndist]) {
		return false, f.corrupt()
	}
	f.lit, f.dist = &f.codes[0], &f.codes[1]
	f.step = (*Inflater).symbol
	return true, nil
}
