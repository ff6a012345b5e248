package config

import (
	"io/fs"
	"path/filepath"
	"strconv"

	"gomail"
)

// maxSocketPath is what the kernel takes for a Unix socket's path.
const maxSocketPath = 107

// FileMode returns the mode of the sockets' files.
func (l LMTP) FileMode() (fs.FileMode, error) {
	n, err := strconv.ParseUint(l.Mode, 8, 32)
	if err != nil || n > 0o777 {
		return 0, gomail.Errorf(gomail.Invalid, "lmtp.mode is %q: write the permissions of the socket in octal, such as 0660", l.Mode)
	}
	return fs.FileMode(n), nil
}

func (l LMTP) check() error {
	for _, path := range l.Listen {
		if !filepath.IsAbs(path) {
			return gomail.Errorf(gomail.Invalid, "lmtp.listen holds %q: LMTP has no sign-in, so it is served on Unix sockets alone; write the full path of one, such as /run/gomail/lmtp", path)
		}
		if len(path) > maxSocketPath {
			return gomail.Errorf(gomail.Invalid, "lmtp.listen: the path %s has %d characters, a Unix socket's may have %d", path, len(path), maxSocketPath)
		}
	}
	_, err := l.FileMode()
	return err
}
