package powercut

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Open opens a file. The kernel may keep what it has read: only it writes.
func (n *fileNode) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

// Read reads what the running system sees.
func (n *fileNode) Read(_ context.Context, _ fs.FileHandle, dest []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	if errno := n.disk.begin("read", n.name); errno != 0 {
		return nil, errno
	}
	defer n.disk.mu.Unlock()
	if offset >= int64(len(n.file.data)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, n.file.data[offset:])]), 0
}

// Write writes. On a full disk it writes nothing.
func (n *fileNode) Write(_ context.Context, _ fs.FileHandle, p []byte, offset int64) (uint32, syscall.Errno) {
	if errno := n.disk.begin("write", n.name); errno != 0 {
		return 0, errno
	}
	defer n.disk.mu.Unlock()
	grown := max(offset+int64(len(p))-int64(len(n.file.data)), 0)
	if !n.disk.room(grown, 0) {
		return 0, syscall.ENOSPC
	}
	n.file.write(p, offset)
	n.disk.used += grown
	return uint32(len(p)), 0
}

// Fsync makes the content durable.
func (n *fileNode) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	if errno := n.disk.begin("sync", n.name); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	n.disk.syncs++
	n.file.sync()
	return 0
}

// Getattr describes the file.
func (n *fileNode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if errno := n.disk.begin("stat", n.name); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	n.stat(&out.Attr)
	return 0
}

// Setattr changes size, mode and time.
func (n *fileNode) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if errno := n.disk.begin("write", n.name); errno != 0 {
		return errno
	}
	defer n.disk.mu.Unlock()
	if size, ok := in.GetSize(); ok {
		grown := int64(size) - int64(len(n.file.data))
		if !n.disk.room(grown, 0) {
			return syscall.ENOSPC
		}
		n.file.truncate(int64(size))
		n.disk.used += grown
	}
	if mode, ok := in.GetMode(); ok {
		n.file.mode = n.file.mode&syscall.S_IFMT | mode&0o777
	}
	if at, ok := in.GetMTime(); ok {
		n.file.modified = at
	}
	n.stat(&out.Attr)
	return 0
}
