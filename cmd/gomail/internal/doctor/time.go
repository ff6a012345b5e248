package doctor

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"time"
)

// mayDiffer is how far the clock may be off: DKIM signatures, certificates and
// second factors are judged by it.
const mayDiffer = time.Minute

// timeOfDay compares the clock with a time server.
func (p Patient) timeOfDay(ctx context.Context) Condition {
	const check = "time of day"
	server := p.TimeServer
	if server == "" {
		server = "pool.ntp.org:123"
	}
	off, err := offset(ctx, server, p.Clock)
	switch {
	case err != nil:
		return Condition{Finding: Finding{Check: check, State: Unknown, Found: "no time server answers: " + cause(err)}}
	case off.Abs() > mayDiffer:
		return Condition{Finding{Check: check, State: Problem, Found: fmt.Sprintf("the clock is %s off", off.Abs().Round(time.Second)), Mend: "Set it, and install a time service, such as systemd-timesyncd or chrony: with a wrong clock signatures and certificates are refused."}, ByYou}
	}
	return fine(check, "right")
}

// offset asks a time server how far the clock is from its own (RFC 5905
// section 7.3, as a client).
func offset(ctx context.Context, server string, clock func() time.Time) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "udp", server)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return 0, err
	}
	var packet [48]byte
	packet[0] = 4<<3 | 3 // version 4, client
	sent := clock()
	binary.BigEndian.PutUint64(packet[40:], uint64(sent.UnixNano())) // comes back as the originate timestamp
	if _, err := conn.Write(packet[:]); err != nil {
		return 0, err
	}
	var answer [48]byte
	n, err := conn.Read(answer[:])
	got := clock()
	const serverMode = 4
	if err != nil {
		return 0, err
	}
	if n < len(answer) || answer[0]&7 != serverMode || answer[1] == 0 || [8]byte(answer[24:32]) != [8]byte(packet[40:48]) {
		return 0, fmt.Errorf("%s gives no time", server)
	}
	theirs := ntpTime(answer[40:48])
	return theirs.Sub(sent.Add(got.Sub(sent) / 2)), nil
}

// ntpTime reads a timestamp of seconds since 1900 with a fraction.
func ntpTime(b []byte) time.Time {
	const from1900 = 2208988800
	seconds, fraction := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	return time.Unix(int64(seconds)-from1900, int64(uint64(fraction)*1e9>>32))
}
