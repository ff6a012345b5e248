package main

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"gomail"
)

// becomeOwner gives up root for the user that the data belongs to: files that
// root made in it could not be written by the service afterwards.
func becomeOwner(dataDir string) error {
	uid, gid, other, err := ownerOf(dataDir)
	if err != nil || !other {
		return err
	}
	for _, step := range []func() error{
		func() error { return syscall.Setgroups([]int{gid}) },
		func() error { return syscall.Setgid(gid) },
		func() error { return syscall.Setuid(uid) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("work as the user that %s belongs to: %w", dataDir, err)
		}
	}
	return nil
}

// refuseRoot keeps root from serving what belongs to the service's user.
func refuseRoot(dataDir string) error {
	if _, _, other, err := ownerOf(dataDir); err != nil || !other {
		return err
	}
	return gomail.Errorf(gomail.Forbidden, "%s belongs to another user, and root would leave files there that it cannot write: start the service with systemctl start gomail", dataDir)
}

// ownerOf returns whom a directory belongs to. other: root runs this, and it
// is not root's. A directory that does not exist yet is nobody's.
func ownerOf(dir string) (uid, gid int, other bool, err error) {
	if os.Geteuid() != 0 {
		return 0, 0, false, nil
	}
	info, err := os.Stat(dir)
	if os.IsNotExist(err) {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, fmt.Errorf("look at the data directory: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return int(stat.Uid), int(stat.Gid), ok && stat.Uid != 0, nil
}

// ownerToBe returns whom the data belongs to that root is about to make: whom
// the directory belongs to already, or the secret key.
func ownerToBe(dataDir, keyFile string) (uid, gid int, other bool, err error) {
	if uid, gid, other, err = ownerOf(dataDir); err != nil || other {
		return uid, gid, other, err
	}
	return ownerOf(keyFile)
}

// giveTo gives a directory with all that root has made in it to a user, and
// works as that user from then on. What the user had there already is left
// alone, and no link leads out of the directory.
func giveTo(dir string, uid, gid int) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the data directory: %w", err)
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := root.Lstat(path)
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || stat.Uid != 0 || !info.IsDir() && stat.Nlink != 1 {
			return nil
		}
		return root.Lchown(path, uid, gid)
	})
	if err != nil {
		return fmt.Errorf("give the data to its owner: %w", err)
	}
	return becomeOwner(dir)
}
