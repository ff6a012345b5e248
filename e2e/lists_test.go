package e2e

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"gomail/web/api"
)

// members returns where the members of a list stand, as "address status".
func (d *demo) members(list string) string {
	d.t.Helper()
	var all []string
	for _, m := range decode[[]api.ListMember](d.t, d.gomail("list", "member", "list", list, "--json")) {
		all = append(all, m.Address+" "+m.Status)
	}
	return strings.Join(all, ", ")
}

// leave makes a list of two members, of whom one has left, and returns the path
// at which the other can.
func (d *demo) leave() string {
	d.t.Helper()
	list, joe, mary := "team@"+d.Domain, "joe@"+d.Remote.Domain, "mary@"+d.Remote.Domain
	mustRun(d.t, "", binary, "--dir", d.DataDir, "list", "add", list, "--name", "The team", "--post", "anyone")
	mustRun(d.t, "", binary, "--dir", d.DataDir, "list", "member", "add", list, joe, mary)
	if reply := d.submission(d.anna()).message(d.anna().Address, list, "From: "+d.anna().Address+"\r\nSubject: to the team\r\n\r\nx\r\n"); !strings.HasPrefix(reply, "250") {
		d.t.Fatal(reply)
	}
	link := func(member string) string {
		_, copied := d.remoteMessage("Delivered-To: " + member)
		return regexp.MustCompile(`<https://[^/]*(/[^>]*)>`).FindStringSubmatch(unfolded(copied))[1]
	}
	d.visit(http.MethodPost, link(mary))
	return link(joe)
}

// visit asks for a path of the site, as a mail program does.
func (d *demo) visit(method, path string) string {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), method, d.Web+path, strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		d.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: d.tls()}}
	defer client.CloseIdleConnections()
	answer, err := client.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || len(answer.Cookies()) > 0 {
		d.t.Fatalf("%s %s: %s, %v", method, path, answer.Status, err)
	}
	return string(page)
}

// A mailing list with a member here and others elsewhere: what they get, and how
// each leaves it. dkimpy finds the list's signature good, over the fields by
// which programs unsubscribe.
func TestMailingList(t *testing.T) {
	d := startDemo(t)
	judges := newJudges(t, d.gomail("dns", "plan", d.Domain, "--json"))
	list, joe, mary := "dev@"+d.Domain, "joe@"+d.Remote.Domain, "mary@"+d.Remote.Domain
	gomail := func(args ...string) string {
		t.Helper()
		return mustRun(t, "", binary, append([]string{"--dir", d.DataDir}, args...)...)
	}
	gomail("list", "add", list, "--name", "Developers", "--owner", d.anna().Address)
	gomail("list", "member", "add", list, d.anna().Address, d.bert().Address, joe, mary, "reject@"+d.Remote.Domain)
	if r := d.gomail("alias", "add", list, joe); r.code == 0 || !strings.Contains(r.stderr, "is a mailing list's") {
		t.Errorf("an alias in its place: %d %s", r.code, r.stderr)
	}
	post := func(subject string) {
		t.Helper()
		c := d.submission(d.anna())
		text := "From: " + d.anna().Address + "\r\nTo: " + list + "\r\nSubject: " + subject + "\r\n\r\nhello\r\n"
		if reply := c.message(d.anna().Address, list, text); !strings.HasPrefix(reply, "250") {
			t.Fatal(reply)
		}
	}

	post("a post")
	got := d.received(d.bert(), "INBOX", "Subject: a post")
	_, copied := d.remoteMessage("Delivered-To: " + joe)
	for who, text := range map[string]string{"bert": got, "joe": copied} {
		head := unfolded(text)
		for _, want := range []string{
			"Return-Path: <dev+bounce-", "\r\nList-Id: \"Developers\" <dev." + d.Domain + ">\r\n", "\r\nList-Post: <mailto:" + list + ">\r\n", "\r\nList-Owner: <mailto:" + d.anna().Address + ">\r\n",
			"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "\r\nFrom: " + d.anna().Address + "\r\n", "\r\nDelivered-To: " + list + "\r\n",
		} {
			if !strings.Contains(head, want) {
				t.Errorf("%q is not in what %s has:\n%s", want, who, head)
			}
		}
		if signed := regexp.MustCompile(`h=[^;]*List-Id *: *List-Unsubscribe *: *List-Unsubscribe-Post *: *List-Post *: *List-Owner`); !signed.MatchString(head) {
			t.Errorf("the list's fields are not signed:\n%s", head)
		}
		dkimpy := run(t, text, "/usr/bin/python3", "testdata/verify.py", judges.zone)
		if want := strings.Repeat("mail pass\nmail-rsa pass\n", 2); dkimpy.stdout != want {
			t.Errorf("dkimpy of what %s has: %s%s", who, dkimpy.stdout, dkimpy.stderr)
		}
	}
	if head := unfolded(copied); !strings.Contains(head, "spf=pass smtp.mailfrom=dev+bounce-") || strings.Count(head, "dkim=pass header.d="+d.Domain) != 4 || !strings.Contains(head, "dmarc=pass") {
		t.Errorf("the other server found\n%s", head)
	}

	// One click: looking is not enough, and nobody signs in.
	link := regexp.MustCompile(`<https://` + regexp.QuoteMeta(d.Hostname) + `:\d+(/[^>]*)>`).FindStringSubmatch(unfolded(copied))[1]
	if page := d.visit(http.MethodGet, link); !strings.Contains(page, joe+" is a member") || !strings.Contains(d.members(list), joe+" active") {
		t.Errorf("looking: %s\n%s", d.members(list), page)
	}
	if page := d.visit(http.MethodPost, link); !strings.Contains(page, joe+" gets no more mail") || !strings.Contains(d.members(list), joe+" unsubscribed") {
		t.Errorf("one click: %s\n%s", d.members(list), page)
	}

	// By mail, as Mary's program does it.
	_, copied = d.remoteMessage("Delivered-To: " + mary)
	leave := regexp.MustCompile(`<mailto:(dev\+unsubscribe-[^>]*)>`).FindStringSubmatch(unfolded(copied))[1]
	c := dialSMTP(t, d.Remote.SMTP)
	c.ehlo()
	if reply := c.message(mary, leave, "From: "+mary+"\r\nTo: "+leave+"\r\nSubject: unsubscribe\r\n\r\n\r\n"); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	eventually(t, "Mary to have left", func() bool { return strings.Contains(d.members(list), mary+" unsubscribed") })

	// Who may not post, and has written to others too, is told.
	c = dialSMTP(t, d.SMTP)
	c.ehlo()
	c.want("250", "MAIL FROM:<zed@%s>", d.Remote.Domain)
	c.want("250", "RCPT TO:<%s>", list)
	c.want("250", "RCPT TO:<%s>", d.bert().Address)
	c.want("354", "DATA")
	c.send("From: zed@" + d.Remote.Domain + "\r\nSubject: from a stranger\r\n\r\nx\r\n.\r\n")
	if reply := c.reply(); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	d.received(d.bert(), "INBOX", "Subject: from a stranger")
	_, bounce := d.remoteMessage("Delivered-To: zed@")
	if !strings.Contains(bounce, "Status: 5.7.1\r\n") || !strings.Contains(strings.Join(strings.Fields(bounce), " "), "zed@"+d.Remote.Domain+" may not post to the list "+list+": only its members may") {
		t.Errorf("the stranger was told\n%s", bounce)
	}

	// Three bounces end delivery to who is not there.
	bounced := func(n int) func() bool {
		return func() bool {
			for _, m := range decode[[]api.ListMember](t, d.gomail("list", "member", "list", list, "--json")) {
				if strings.HasPrefix(m.Address, "reject@") {
					return m.Bounces == n
				}
			}
			return false
		}
	}
	eventually(t, "the first bounce", bounced(1))
	for n := 2; n <= 3; n++ {
		post(fmt.Sprintf("post number %d", n))
		eventually(t, fmt.Sprintf("bounce number %d", n), bounced(n))
	}
	if now := d.members(list); !strings.Contains(now, "reject@"+d.Remote.Domain+" bouncing") {
		t.Errorf("the members: %s", now)
	}
	gomail("list", "member", "resume", list, "reject@"+d.Remote.Domain)
	if shown := gomail("list", "show", list); !strings.Contains(shown, "5, of whom 3 get posts") {
		t.Errorf("the list is shown as\n%s", shown)
	}
	for what, want := range map[string]string{
		joe:                         "became unsubscribed: by the link in a post",
		mary:                        "became unsubscribed: by mail",
		"reject@" + d.Remote.Domain: "became bouncing: 5.1.1 ",
		d.bert().Address:            "The list " + list + " delivered a copy to the mailbox of " + d.bert().Address,
	} {
		if r := d.gomail("explain", what); !strings.Contains(r.stdout, want) {
			t.Errorf("%s is explained without %q:\n%s%s", what, want, r.stdout, r.stderr)
		}
	}
	d.checkClean()
}

// A post to a thousand members survives a kill while it is on its way: nobody
// misses it, and none gets it twice but those whose outcome was not written.
func TestListSurvivesAKill(t *testing.T) {
	const members, window = 1000, 500 + 20
	s := newSmarthost(t)
	s.byRecipient = true
	i := serve(t, "127.0.0.1:1", fmt.Sprintf("smarthost = %q\nsmarthost_tls = \"opportunistic\"\n", s.listener.Addr().String()))
	mustRun(t, "", binary, "--dir", i.dir, "list", "add", "dev@example.test", "--post", "anyone")
	var addresses strings.Builder
	for n := range members {
		fmt.Fprintf(&addresses, "m%d@far%d.test\n", n, n%7)
	}
	mustRun(t, addresses.String(), binary, "--dir", i.dir, "list", "member", "add", "dev@example.test", "--stdin")
	c := dialSMTPS(t, i.bound["submission.tls_listen"], trust(t, filepath.Join(i.dir, "self-signed.pem"), "mail.example.test"))
	c.ehlo()
	c.want("235", "AUTH PLAIN %s", plain(i.anna))
	if reply := c.message(i.anna.Address, "dev@example.test", fmt.Sprintf("From: %s\r\nSubject: all\r\n\r\nx\r\n", i.anna.Address)); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	close(s.opened)
	eventually(t, "some copies to arrive", func() bool { once, _ := s.count(); return once >= members/6 })
	i.signal(syscall.SIGKILL)
	<-i.exited
	before, _ := s.count()
	i.start(t)
	eventually(t, "all copies to arrive", func() bool { once, _ := s.count(); return once == members })
	eventually(t, "the queue to be empty", func() bool {
		return strings.TrimSpace(mustRun(t, "", binary, "--dir", i.dir, "queue", "list", "--json")) == "[]"
	})
	_, twice := s.count()
	t.Logf("killed after %d copies; %d came twice", before, twice)
	if twice > window {
		t.Errorf("%d copies came twice, at most %d may", twice, window)
	}
	i.stop()
	mustRun(t, "", binary, "--dir", i.dir, "check")
}
