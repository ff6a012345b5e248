package main

import (
	"fmt"
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
