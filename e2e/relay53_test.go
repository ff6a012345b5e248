package e2e

import (
	"io"
	"net"
	"testing"
	"time"
)

// relay53 passes what comes to port 53 of an address on to a free port of
// 127.0.0.1, which it returns: BIND listens only on addresses that an
// interface names, and of 127.0.0.0/8 that is one.
func relay53(t testing.TB, address string) (port string) {
	t.Helper()
	port = freePort(t)
	udp, err := net.ListenPacket("udp", address+":53")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", address+":53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close(); tcp.Close() })
	go relayPackets(udp, "127.0.0.1:"+port)
	go relayStreams(tcp, "127.0.0.1:"+port)
	return port
}

// freePort returns a port that is free for UDP and TCP.
func freePort(t testing.TB) string {
	t.Helper()
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		tcp.Close()
		if err == nil {
			udp.Close()
			return portOf(t, tcp.Addr().String())
		}
	}
	t.Fatal("no port is free")
	return ""
}

// relayTime is how long a server has for an answer.
const relayTime = 10 * time.Second

func relayPackets(from net.PacketConn, to string) {
	buf := make([]byte, 1<<16)
	for {
		n, client, err := from.ReadFrom(buf)
		if err != nil {
			return
		}
		question := append([]byte{}, buf[:n]...)
		go func() {
			server, err := net.Dial("udp", to)
			if err != nil {
				return
			}
			defer server.Close()
			server.SetDeadline(time.Now().Add(relayTime))
			answer := make([]byte, 1<<16)
			if _, err := server.Write(question); err != nil {
				return
			}
			if n, err := server.Read(answer); err == nil {
				from.WriteTo(answer[:n], client)
			}
		}()
	}
}

func relayStreams(from net.Listener, to string) {
	for {
		client, err := from.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer server.Close()
			server.SetDeadline(time.Now().Add(relayTime))
			go func() {
				io.Copy(server, client)
				server.(*net.TCPConn).CloseWrite()
			}()
			io.Copy(client, server)
		}()
	}
}
