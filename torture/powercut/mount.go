package powercut

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Mount is a disk that programs can reach.
type Mount struct{ server *fuse.Server }

// MountAt mounts the disk on a directory.
func (d *Disk) MountAt(path string) (*Mount, error) {
	lasting := time.Hour // nobody changes anything but through the mount
	server, err := fs.Mount(path, &dirNode{disk: d, dir: d.root}, &fs.Options{
		EntryTimeout: &lasting, AttrTimeout: &lasting,
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "powercut", Name: "powercut", MaxWrite: 1 << 20},
	})
	if err != nil {
		return nil, fmt.Errorf("mount on %s (root and /dev/fuse are needed): %w", path, err)
	}
	return &Mount{server}, nil
}

// Unmount ends the mount. The processes that used it have ended.
func (m *Mount) Unmount() error {
	var err error
	for range 200 {
		if err = m.server.Unmount(); err == nil {
			m.server.Wait()
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("unmount: %w", err)
}

// dirNode is a directory as FUSE sees it.
type dirNode struct {
	fs.Inode
	disk *Disk
	dir  *dir
}

// fileNode is a file as FUSE sees it.
type fileNode struct {
	fs.Inode
	disk *Disk
	file *file
	name string // under which it was first seen, for faults
}

var (
	_ fs.NodeLookuper  = (*dirNode)(nil)
	_ fs.NodeReaddirer = (*dirNode)(nil)
	_ fs.NodeCreater   = (*dirNode)(nil)
	_ fs.NodeMkdirer   = (*dirNode)(nil)
	_ fs.NodeMknoder   = (*dirNode)(nil)
	_ fs.NodeUnlinker  = (*dirNode)(nil)
	_ fs.NodeRmdirer   = (*dirNode)(nil)
	_ fs.NodeRenamer   = (*dirNode)(nil)
	_ fs.NodeLinker    = (*dirNode)(nil)
	_ fs.NodeFsyncer   = (*dirNode)(nil)
	_ fs.NodeGetattrer = (*dirNode)(nil)
	_ fs.NodeSetattrer = (*dirNode)(nil)
	_ fs.NodeStatfser  = (*dirNode)(nil)

	_ fs.NodeOpener    = (*fileNode)(nil)
	_ fs.NodeReader    = (*fileNode)(nil)
	_ fs.NodeWriter    = (*fileNode)(nil)
	_ fs.NodeFsyncer   = (*fileNode)(nil)
	_ fs.NodeGetattrer = (*fileNode)(nil)
	_ fs.NodeSetattrer = (*fileNode)(nil)
)

func (n *dirNode) stat(out *fuse.Attr) {
	out.Mode, out.Ino, out.Nlink = syscall.S_IFDIR|0o700, n.dir.ino, 2
	out.SetTimes(nil, &n.dir.modified, &n.dir.modified)
}

func (n *fileNode) stat(out *fuse.Attr) {
	f := n.file
	out.Mode, out.Ino, out.Nlink = f.mode, f.ino, uint32(max(f.links, 0))
	out.Size, out.Blocks, out.Blksize = uint64(len(f.data)), uint64(len(f.data)+511)/512, pageSize
	out.SetTimes(nil, &f.modified, &f.modified)
}

// child wraps a node for FUSE. The lock is held.
func (n *dirNode) child(ctx context.Context, name string, of node, out *fuse.EntryOut) *fs.Inode {
	switch of := of.(type) {
	case *dir:
		c := &dirNode{disk: n.disk, dir: of}
		c.stat(&out.Attr)
		return n.NewInode(ctx, c, fs.StableAttr{Mode: syscall.S_IFDIR, Ino: of.ino})
	case *file:
		c := &fileNode{disk: n.disk, file: of, name: name}
		c.stat(&out.Attr)
		return n.NewInode(ctx, c, fs.StableAttr{Mode: of.mode & syscall.S_IFMT, Ino: of.ino})
	}
	return nil
}
