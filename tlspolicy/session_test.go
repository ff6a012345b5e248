package tlspolicy

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"testing"
	"time"
)

// A day's counts become one report, policy by policy.
func TestCountsBecomeAReport(t *testing.T) {
	day := Day(time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC))
	us, peer := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.7")
	sts := Session{Domain: "example.net", Policy: PolicySTS, Strings: []string{"version: STSv1", "mode: testing", "max_age: 86400", "mx: *.example.net"}, MXHosts: []string{"*.example.net"}}
	fails := sts
	fails.Failure = FailureDetail{Type: CertificateExpired, SendingIP: us, ReceivingMX: "mx.example.net", ReceivingIP: peer, ReasonCode: "x509: certificate has expired"}
	other := fails
	other.Failure.ReceivingMX = "a.example.net"
	dane := Session{Domain: "example.net", Policy: PolicyTLSA, Strings: []string{"3 1 1 00"}, MXHosts: []string{"mx.example.net"}}
	r := Report{Organization: "example.com", Contact: "postmaster@example.com", ID: "1", Begin: day, End: day.Add(24*time.Hour - time.Second)}
	r.AddCounts([]Count{{dane, day, 3}, {fails, day, 2}, {sts, day, 7}, {other, day, 1}})
	text, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/counts.golden", pretty.Bytes())
}
