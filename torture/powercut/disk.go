package powercut

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
)

// Operation is what a fault can be put into.
type Operation struct {
	Name string // create, write, sync, syncdir, remove
	Path string // the file's name, without its directory
}

// Fault decides what becomes of an operation: 0 lets it happen, anything else
// is its error. It may also take its time.
type Fault func(Operation) syscall.Errno

// Disk is the content of a file system. It survives its mounts.
type Disk struct {
	Capacity int64 // octets of content; 0: unlimited
	Files    int64 // files and directories; 0: unlimited

	mu     sync.Mutex
	root   *dir
	lastID uint64
	used   int64 // octets of content
	count  int64 // files and directories
	dead   bool  // the power is cut: nothing works any more
	fault  Fault
	syncs  int64
}

// New returns an empty disk.
func New() *Disk { return &Disk{root: newDir(1), lastID: 1, count: 1} }

// SetFault puts a fault in; nil takes it out.
func (d *Disk) SetFault(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// Resize changes what the disk holds, as an operator does who makes room.
func (d *Disk) Resize(capacity, files int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Capacity, d.Files = capacity, files
}

// Syncs returns how many syncs were made.
func (d *Disk) Syncs() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// Used returns the octets of all content.
func (d *Disk) Used() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used
}

// Count returns the number of files and directories.
func (d *Disk) Count() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// Cut takes the power away: every operation fails from this instant on. It
// returns the disk as it is found when power is back; what was not synced
// survives with probability p.
func (d *Disk) Cut(p float64, random *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	next := &Disk{Capacity: d.Capacity, Files: d.Files, lastID: d.lastID, root: d.root.survivor(p, random)}
	next.measure(next.root)
	return next
}

// measure counts what is below a directory.
func (d *Disk) measure(at *dir) {
	d.count++
	for _, n := range at.entries {
		switch n := n.(type) {
		case *dir:
			d.measure(n)
		case *file:
			d.count++
			d.used += int64(len(n.data))
		}
	}
}

// begin takes the lock for an operation. The caller unlocks when it returns 0.
func (d *Disk) begin(name, path string) syscall.Errno {
	d.mu.Lock()
	if fault := d.fault; fault != nil {
		d.mu.Unlock()
		if errno := fault(Operation{name, path}); errno != 0 {
			return errno
		}
		d.mu.Lock()
	}
	if d.dead {
		d.mu.Unlock()
		return syscall.EIO
	}
	return 0
}

// room says whether so many octets and files more fit.
func (d *Disk) room(octets, files int64) bool {
	return (d.Capacity == 0 || octets <= 0 || d.used+octets <= d.Capacity) && (d.Files == 0 || files == 0 || d.count+files <= d.Files)
}

func (d *Disk) nextID() uint64 {
	d.lastID++
	return d.lastID
}

// forget takes a node that lost its name off the books.
func (d *Disk) forget(n node) {
	if f, ok := n.(*file); ok {
		f.links--
		if f.links > 0 {
			return
		}
		d.used -= int64(len(f.data))
	}
	d.count--
}

func sortedNames(entries map[string]node) []string { return slices.Sorted(maps.Keys(entries)) }
