package blob

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"gomail"
)

// What is read together is what is read one by one, in whatever order, by two
// at a time, and whatever lies between.
func TestAheadReadsWhatOpenReads(t *testing.T) {
	d := openDir(t)
	r := rand.New(rand.NewPCG(4, 2))
	var frames []*Frame
	var wanted []Location
	for i := range 300 {
		size := 1 + r.IntN(6000)
		if i%50 == 7 {
			size = 2*aheadOctets + 100*i // longer than what is read at a time
		}
		if i == 99 {
			size = MaxInMemory + 1 // no frame of a pack
		}
		f := put(t, d, content(size, i%3 > 0))
		if frames = append(frames, f); i%10 < 8 { // others are read although nobody asked for them
			wanted = append(wanted, f.Location)
		}
	}
	r.Shuffle(len(wanted)/2, func(i, j int) { wanted[i], wanted[j] = wanted[j], wanted[i] })
	a := d.Ahead(wanted)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for _, f := range frames {
				sameContent(t, d, a, f)
			}
		})
	}
	both.Wait()
	for _, i := range r.Perm(len(frames)) {
		sameContent(t, d, a, frames[i])
	}
}

func sameContent(t *testing.T, d *Dir, a *Ahead, f *Frame) {
	var read [2][]byte
	for i, open := range []func(int64, Location) (gomail.Content, error){d.Open, a.Open} {
		c, err := open(f.ID, f.Location)
		if err != nil {
			t.Error(err)
			return
		}
		read[i], err = io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
		if c.Close(); err != nil {
			t.Error(err)
		}
	}
	if !bytes.Equal(read[0], read[1]) || len(read[0]) == 0 {
		t.Errorf("message body %d is %d octets alone and %d among others", f.ID, len(read[0]), len(read[1]))
	}
}

// A damaged frame and a pack that is cut short are told of as ever, and harm
// none of their neighbours.
func TestAheadTellsOfDamage(t *testing.T) {
	d := openDir(t)
	var frames []*Frame
	var wanted []Location
	for i := range 10 {
		f := put(t, d, content(1000+i, false))
		frames, wanted = append(frames, f), append(wanted, f.Location)
	}
	path := d.packPath(wanted[0].Pack)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	file.WriteAt([]byte("x"), wanted[3].Offset+headerSize+500)
	file.Truncate(wanted[9].Offset + wanted[9].Stored - 1)
	a := d.Ahead(wanted)
	for i, f := range frames {
		_, err := a.Open(f.ID, f.Location)
		if damaged := i == 3 || i == 9; (gomail.KindOf(err) == gomail.Corrupt) != damaged || (err != nil) != damaged {
			t.Errorf("frame %d: %v", i, err)
		}
	}
	if _, err := a.Open(frames[1].ID+1, frames[1].Location); gomail.KindOf(err) != gomail.Corrupt {
		t.Errorf("another message's frame: %v", err)
	}
}

// Neighbours are read with one system call: the file may be gone by then.
func TestAheadReadsNeighboursTogether(t *testing.T) {
	d := openDir(t)
	var frames []*Frame
	var wanted []Location
	for i := range 20 {
		f := put(t, d, content(1000+i, false))
		frames, wanted = append(frames, f), append(wanted, f.Location)
	}
	a := d.Ahead(wanted)
	for i, f := range frames {
		if _, err := a.Open(f.ID, f.Location); err != nil {
			t.Errorf("frame %d: %v", i, err)
		}
		if i == 0 {
			d.reading.dropAll()
			os.Remove(d.packPath(f.Location.Pack))
		}
	}
}
