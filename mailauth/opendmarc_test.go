package mailauth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gomail/mailauth/spf"
)

// opendmarcJudge reads one message's identifiers a line, and writes what
// libopendmarc, asking the name server of its argument, says of them.
const opendmarcJudge = `
import ctypes, json, socket, struct, sys
lib = ctypes.CDLL("libopendmarc.so.2")
class Lib(ctypes.Structure):
    _fields_ = [("tld_type", ctypes.c_int), ("tld_file", ctypes.c_char * 4096), ("nscount", ctypes.c_int), ("ns", ctypes.c_char * 48)]
server = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(int(sys.argv[1])), socket.inet_aton("127.0.0.1"))
conf = Lib(1, sys.argv[2].encode(), 1)
ctypes.memmove(ctypes.byref(conf, Lib.ns.offset), server, len(server))
assert lib.opendmarc_policy_library_init(ctypes.byref(conf)) == 0
lib.opendmarc_policy_connect_init.restype = ctypes.c_void_p
say = {11: "temperror none", 13: "permerror none", 14: "none none", 15: "pass none", 16: "fail reject", 17: "fail quarantine", 18: "fail none"}
for line in sys.stdin:
    m = json.loads(line)
    ctx = ctypes.c_void_p(lib.opendmarc_policy_connect_init(b"192.0.2.1", 4))
    status = lib.opendmarc_policy_store_from_domain(ctx, m["from"].encode())
    if m["spf"]: lib.opendmarc_policy_store_spf(ctx, m["spf"].encode(), m["spfoutcome"], 1, None)
    for d, outcome in m["dkim"] or []: lib.opendmarc_policy_store_dkim(ctx, d.encode(), b"s", outcome, None)
    if status == 0: status = lib.opendmarc_policy_query_dmarc(ctx, None)
    if status in (0, 9, 10): status = lib.opendmarc_get_policy_to_enforce(ctx) if status == 0 else 14
    print(json.dumps(say.get(status, str(status))), flush=True)
    lib.opendmarc_policy_connect_shutdown(ctx)
`

// opendmarcDiffers are the messages of which OpenDMARC says something else.
var opendmarcDiffers = map[string]string{
	// A failure that the DNS is to blame for counts like any other.
	"SPF not to be had":  "fail reject",
	"keys not to be had": "fail reject",
	// 1.4.2 aligns subdomains in strict mode where it has a list of suffixes.
	"strict SPF": "pass none",
}

// TestOpenDMARCAgrees has OpenDMARC's library find the policy and align the
// identifiers of all messages whose verdicts are known.
func TestOpenDMARCAgrees(t *testing.T) {
	zones := serveZones(t)
	suffixes := filepath.Join(t.TempDir(), "suffixes")
	if err := os.WriteFile(suffixes, []byte("com\nexample\nnet\norg\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range append(judgements(t), moreJudgements(t)...) {
		m := c.mail.complete()
		r := m.check(t)
		if len(r.From) != 1 || stuck(m.zone) { // it takes one author, and waits
			continue
		}
		zones.current.Store(&m.zone)
		cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", opendmarcJudge, fmt.Sprint(zones.addr.Port), suffixes)
		cmd.Stdin = bytes.NewReader(identifiers(r))
		out, err := cmd.CombinedOutput()
		theirs := strings.Trim(string(out), "\"\n")
		if err != nil {
			t.Fatalf("%v: %s (make test installs what this needs)", err, out)
		}
		ours := fmt.Sprintf("%s %s", r.DMARC.Status, r.DMARC.Policy)
		if want, differs := opendmarcDiffers[c.what]; theirs != ours && theirs != want || differs && ours == theirs {
			t.Errorf("%s: we say %s, OpenDMARC says %s", c.what, ours, theirs)
		}
	}
}

// identifiers is what OpenDMARC is told of a message, in its numbers.
func identifiers(r Result) []byte {
	outcome := map[string]int{"none": 0, "pass": 1, "temperror": 3}
	number := func(status string) int {
		if n, ok := outcome[status]; ok {
			return n
		}
		return 2
	}
	var dkim [][2]any
	for _, s := range r.DKIM {
		dkim = append(dkim, [2]any{s.Domain, number(string(s.Status))})
	}
	domain := r.SPF.Domain
	if r.SPF.Status == spf.None {
		domain = ""
	}
	line, _ := json.Marshal(map[string]any{"from": r.From[0], "spf": domain, "spfoutcome": number(string(r.SPF.Status)), "dkim": dkim})
	return line
}
