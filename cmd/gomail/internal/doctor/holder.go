package doctor

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// holder is a process that listens on a port.
type holder struct {
	pid  int
	name string
}

// holderOf finds who listens on the port of an address. Without root only the
// own user's processes can be seen.
func holderOf(address string) (holder, bool) {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return holder{}, false
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return holder{}, false
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for _, inode := range listeningOn(table, uint16(port)) {
			if h, found := processWith("socket:[" + inode + "]"); found {
				return h, true
			}
		}
	}
	return holder{}, false
}

// listeningOn returns the inodes of the listening sockets of a port, as
// proc(5) tells them.
func listeningOn(table string, port uint16) (inodes []string) {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	const listenState = "0A"
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && strings.HasSuffix(fields[1], suffix) && fields[3] == listenState {
			inodes = append(inodes, fields[9])
		}
	}
	return inodes
}

// processWith finds the process that has a file open.
func processWith(target string) (holder, bool) {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return holder{}, false
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != target {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(dir))
		name, readErr := os.ReadFile(filepath.Join(dir, "comm"))
		if err == nil && readErr == nil {
			return holder{pid, strings.TrimSpace(string(name))}, true
		}
	}
	return holder{}, false
}
