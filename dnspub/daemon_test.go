package dnspub

import (
	"bufio"
	"context"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// daemon runs a program until the test ends. It fails, and does not skip, when
// the program is not there: internal/packages.sh installs it. ready is how a
// line ends that it prints once it serves.
func daemon(t *testing.T, ready, program string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%v: run internal/packages.sh, which installs what the tests need", err)
	}
	cmd := exec.Command(path, args...)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = cmd.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving, ended := make(chan bool, 1), make(chan string, 1)
	go func() {
		var log strings.Builder
		for lines := bufio.NewScanner(out); lines.Scan(); {
			log.WriteString(lines.Text() + "\n")
			if strings.HasSuffix(lines.Text(), ready) {
				select {
				case serving <- true:
				default:
				}
			}
		}
		ended <- log.String()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		log := <-ended
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", program, log)
		}
	})
	select {
	case <-serving:
	case log := <-ended:
		ended <- log
		t.Fatalf("%s ended:\n%s", program, log)
	case <-time.After(20 * time.Second):
		t.Fatalf("%s did not begin to serve", program)
	}
}

// freePort returns a port of the loopback that neither TCP nor UDP uses.
func freePort(t *testing.T) string {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		u, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		l.Close()
		if err == nil {
			u.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// unhurried is Options for real servers: waits are real, but short.
func unhurried() Options {
	return Options{Wait: func(ctx context.Context, d time.Duration) error { return wait(ctx, min(d, 10*time.Millisecond)) }}
}
