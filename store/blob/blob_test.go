package blob

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"pgregory.net/rapid"

	"gomail"
)

func openDir(t testing.TB) *Dir {
	t.Helper()
	d, err := Open(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// filePath is where a frame is.
func (d *Dir) filePath(id int64, l Location) string {
	if l.Kind == InObject {
		return d.objectPath(id)
	}
	return d.packPath(l.Pack)
}

// put stores content and returns its frame.
func put(t testing.TB, d *Dir, content []byte) *Frame {
	t.Helper()
	s := d.Stage()
	defer s.Close()
	if _, err := io.Copy(s, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	f, err := s.Seal()
	if err != nil {
		t.Fatal(err)
	}
	if f.InPack() {
		if err := d.Append([]*Frame{f}); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func content(size int, compressible bool) []byte {
	r := rand.New(rand.NewPCG(1, uint64(size)))
	b := make([]byte, size)
	for i := range b {
		if b[i] = byte(r.IntN(256)); compressible {
			b[i] = byte('a' + i%7)
		}
	}
	return b
}

func TestContentComesBackAsItWas(t *testing.T) {
	d := openDir(t)
	for _, size := range []int{0, 1, 4096, MaxInMemory - 1, MaxInMemory, MaxInMemory + 1, 3*chunkSize + MaxInMemory, 5 << 20} {
		for _, compressible := range []bool{true, false} {
			want := content(size, compressible)
			f := put(t, d, want)
			c, err := d.Open(f.ID, f.Location)
			if err != nil {
				t.Fatalf("%d octets: %v", size, err)
			}
			got, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d octets (compressible %v) came back as %d octets: %v", size, compressible, len(got), err)
			}
			c.Close()
			if err := d.Verify(f.ID, f.Location); err != nil {
				t.Errorf("%d octets: %v", size, err)
			}
			if (size > MaxInMemory) != (f.Location.Kind == InObject) {
				t.Errorf("%d octets went to kind %d", size, f.Location.Kind)
			}
		}
	}
}

func TestReadAtAnyOffset(t *testing.T) {
	d := openDir(t)
	want := content(MaxInMemory+2*chunkSize+17, true)
	f := put(t, d, want)
	c, err := d.Open(f.ID, f.Location)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(want)).Draw(t, "from")
		p := make([]byte, rapid.IntRange(0, chunkSize+9).Draw(t, "length"))
		n, err := c.ReadAt(p, int64(from))
		if !bytes.Equal(p[:n], want[from:from+n]) {
			t.Fatal("the octets differ")
		}
		if n < len(p) && err != io.EOF {
			t.Fatalf("a short read ended with %v", err)
		}
	})
}

// Every flipped bit must be noticed when the content is read: an error is
// served, never garbage.
func TestDamageIsNoticed(t *testing.T) {
	for _, size := range []int{4096, MaxInMemory + chunkSize + 5} {
		d := openDir(t)
		f := put(t, d, content(size, true))
		path := d.filePath(f.ID, f.Location)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < int(f.Location.Stored); at += 1 + int(f.Location.Stored)/257 { // behind it the pack is reserved
			bad := bytes.Clone(good)
			bad[at] ^= 0x10
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := d.Verify(f.ID, f.Location); gomail.KindOf(err) != gomail.Corrupt {
				t.Errorf("size %d: octet %d of %d flipped: %v", size, at, len(good), err)
			}
		}
	}
}

// What is reserved behind a pack's end is given back when the pack is left.
func TestReserveIsGivenBack(t *testing.T) {
	d := openDir(t)
	f := put(t, d, content(4096, true))
	if info, err := os.Stat(d.filePath(f.ID, f.Location)); err != nil || info.Size() <= f.Location.Stored {
		t.Errorf("nothing is reserved: %v, %v", info.Size(), err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(d.filePath(f.ID, f.Location)); err != nil || info.Size() != f.Location.Stored {
		t.Errorf("%d octets stay for a frame of %d: %v", info.Size(), f.Location.Stored, err)
	}
}

func TestUnsealedObjectLeavesNothing(t *testing.T) {
	d := openDir(t)
	s := d.Stage()
	if _, err := s.Write(make([]byte, MaxInMemory+1)); err != nil {
		t.Fatal(err)
	}
	path := d.objectPath(s.object.id)
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file of an abandoned message is still there: %v", err)
	}
}

// However many senders there are, bodies take a bounded part of memory.
func TestStagedMemoryIsBounded(t *testing.T) {
	d := openDir(t)
	piece := make([]byte, MaxInMemory)
	var stages []*Stage
	inMemory := 0
	for range maxStaged/MaxInMemory + 20 {
		s := d.Stage()
		if _, err := s.Write(piece); err != nil {
			t.Fatal(err)
		}
		if s.object == nil {
			inMemory++
		}
		stages = append(stages, s)
	}
	if inMemory > maxStaged/MaxInMemory || inMemory < maxStaged/MaxInMemory-1 {
		t.Errorf("%d bodies of 1 MiB are in memory", inMemory)
	}
	for _, s := range stages {
		s.Close()
	}
	if n := d.staged.Load(); n != 0 {
		t.Errorf("%d octets are still counted", n)
	}
	put(t, d, []byte("small again"))
}

func TestNextProcessBeginsANewPack(t *testing.T) {
	path := t.TempDir()
	var packs []int64
	for range 3 {
		d, err := Open(path, 0)
		if err != nil {
			t.Fatal(err)
		}
		packs = append(packs, put(t, d, []byte("x")).Location.Pack)
		d.Close()
	}
	if packs[0] >= packs[1] || packs[1] >= packs[2] {
		t.Errorf("packs of three processes: %v", packs)
	}
}

func FuzzFrameHeader(f *testing.F) {
	f.Add(header{id: 1, size: 2, payload: 3, codec: Zstd, crc: 4}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b)
		if err == nil && !bytes.Equal(h.append(nil), b[:headerSize]) {
			t.Error("a header that was read is not written the same")
		}
	})
}

func BenchmarkAppend64(b *testing.B) {
	d := openDir(b)
	body := content(4096, true)
	b.SetBytes(64 * 4096)
	for b.Loop() {
		frames := make([]*Frame, 64)
		for i := range frames {
			s := d.Stage()
			s.Write(body)
			frames[i], _ = s.Seal()
			s.Close()
		}
		if err := d.Append(frames); err != nil {
			b.Fatal(err)
		}
	}
}
