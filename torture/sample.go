package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// sample is what the server takes at a moment.
type sample struct {
	memory     int64 // octets resident
	goroutines int64
	files      int64 // open
}

func (s sample) max(o sample) sample {
	return sample{max(s.memory, o.memory), max(s.goroutines, o.goroutines), max(s.files, o.files)}
}

// metricsClient opens a connection each time: in an overload the one it had
// may be the one that is shut.
var metricsClient = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}

// sample reads the server's metrics, and its memory from the kernel.
func (s *server) sample() (now sample, err error) {
	answer, err := metricsClient.Get("https://" + s.web + "/metrics")
	if err != nil {
		return now, err
	}
	defer answer.Body.Close()
	wanted := map[string]*int64{"go_goroutines": &now.goroutines, "process_open_fds": &now.files}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if into, ok := wanted[name]; ok {
			f, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return now, err
			}
			*into = int64(f)
		}
	}
	now.memory, err = s.resident()
	return now, err
}

// resident returns the octets of memory that the process holds.
func (s *server) resident() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm reads %q", text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
