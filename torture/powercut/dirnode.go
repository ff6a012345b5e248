package powercut

import (
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Lookup finds a name.
func (n *dirNode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.disk.begin("lookup", name); errno != 0 {
		return nil, errno
	}
	defer n.disk.mu.Unlock()
	found, ok := n.dir.entries[name]
	if !ok {
		return nil, syscall.ENOENT
	}
	return n.child(ctx, name, found, out), 0
}

// Readdir lists the names.
func (n *dirNode) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	if errno := n.disk.begin("list", ""); errno != 0 {
		return nil, errno
	}
	defer n.disk.mu.Unlock()
	var list []fuse.DirEntry
	for _, name := range sortedNames(n.dir.entries) {
		e := fuse.DirEntry{Name: name, Ino: n.dir.entries[name].number(), Mode: syscall.S_IFDIR}
		if f, ok := n.dir.entries[name].(*file); ok {
			e.Mode = f.mode
		}
		list = append(list, e)
	}
	return fs.NewListDirStream(list), 0
}

// add gives a new node a name.
func (n *dirNode) add(ctx context.Context, name string, make func() node, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.disk.begin("create", name); errno != 0 {
		return nil, errno
	}
	defer n.disk.mu.Unlock()
	if _, exists := n.dir.entries[name]; exists {
		return nil, syscall.EEXIST
	}
	if !n.disk.room(0, 1) {
		return nil, syscall.ENOSPC
	}
	added := make()
	n.disk.count++
	n.dir.apply(change{name: added})
	return n.child(ctx, name, added, out), 0
}

func (n *dirNode) newFile(mode uint32) func() node {
	return func() node {
		return &file{ino: n.disk.nextID(), mode: mode, links: 1, modified: time.Now()}
	}
}

// Create makes and opens a file.
func (n *dirNode) Create(ctx context.Context, name string, _ uint32, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	inode, errno := n.add(ctx, name, n.newFile(syscall.S_IFREG|mode&0o777), out)
	return inode, nil, fuse.FOPEN_KEEP_CACHE, errno
}

// Mknod makes a socket.
func (n *dirNode) Mknod(ctx context.Context, name string, mode, _ uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, n.newFile(mode), out)
}

// Mkdir makes a directory.
func (n *dirNode) Mkdir(ctx context.Context, name string, _ uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, func() node { return newDir(n.disk.nextID()) }, out)
}

// Unlink removes a file's name.
func (n *dirNode) Unlink(_ context.Context, name string) syscall.Errno { return n.remove(name) }

// Rmdir removes an empty directory.
func (n *dirNode) Rmdir(_ context.Context, name string) syscall.Errno { return n.remove(name) }

func (n *dirNode) remove(name string) syscall.Errno {
	if errno := n.disk.begin("remove", name); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	found, ok := n.dir.entries[name]
	if !ok {
		return syscall.ENOENT
	}
	if d, ok := found.(*dir); ok && len(d.entries) > 0 {
		return syscall.ENOTEMPTY
	}
	n.dir.apply(change{name: nil})
	n.disk.forget(found)
	return 0
}

// Link gives a file a second name.
func (n *dirNode) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	of, ok := target.(*fileNode)
	if !ok {
		return nil, syscall.EPERM
	}
	if errno := n.disk.begin("create", name); errno != 0 {
		return nil, errno
	}
	defer n.disk.mu.Unlock()
	of.file.links++
	n.dir.apply(change{name: of.file})
	return n.child(ctx, name, of.file, out), 0
}

// Rename moves a name, over another one if there is one. Within a directory
// that is one change, as on a journalling file system.
func (n *dirNode) Rename(_ context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	target, ok := to.(*dirNode)
	if !ok || flags != 0 {
		return syscall.EINVAL
	}
	if errno := n.disk.begin("create", newName); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	moved, ok := n.dir.entries[name]
	if !ok {
		return syscall.ENOENT
	}
	if over, exists := target.dir.entries[newName]; exists {
		n.disk.forget(over)
	}
	if target.dir == n.dir {
		n.dir.apply(change{name: nil, newName: moved})
		return 0
	}
	target.dir.apply(change{newName: moved})
	n.dir.apply(change{name: nil})
	return 0
}

// Fsync makes the names durable.
func (n *dirNode) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	if errno := n.disk.begin("syncdir", ""); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	n.disk.syncs++
	n.dir.sync()
	return 0
}

// Getattr describes the directory.
func (n *dirNode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if errno := n.disk.begin("stat", ""); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	n.stat(&out.Attr)
	return 0
}

// Setattr changes nothing: everything belongs to its one user.
func (n *dirNode) Setattr(ctx context.Context, f fs.FileHandle, _ *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return n.Getattr(ctx, f, out)
}

// Statfs says how much room there is.
func (n *dirNode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	if errno := n.disk.begin("statfs", ""); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	n.disk.statfs(out)
	return 0
}

func (d *Disk) statfs(out *fuse.StatfsOut) {
	capacity, files := d.Capacity, d.Files
	if capacity == 0 {
		capacity = 1 << 40
	}
	if files == 0 {
		files = 1 << 24
	}
	out.Bsize, out.Frsize, out.NameLen = pageSize, pageSize, 255
	out.Blocks = uint64(capacity) / pageSize
	out.Bfree = uint64(max(capacity-d.used, 0)) / pageSize
	out.Bavail = out.Bfree
	out.Files = uint64(files)
	out.Ffree = uint64(max(files-d.count, 0))
}
