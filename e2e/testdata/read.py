# Goes through an account with imaplib, over TLS and over STARTTLS.
import imaplib, ssl, sys, time

host, port, tls_port, ca, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


m = imaplib.IMAP4(host, int(port))
ok(m.starttls(context))
ok(m.login(user, password))
m.logout()

m = imaplib.IMAP4_SSL(host, int(tls_port), ssl_context=context)
ok(m.login(user, password))
assert "IMAP4REV1" in m.capabilities, m.capabilities
names = b" ".join(ok(m.list()))
for name in (b"INBOX", b"Drafts", b"Sent", b"Archive", b"Junk", b"Trash"):
    assert name in names, names
assert ok(m.select()) == [b"3"]
assert ok(m.search(None, "ALL")) == [b"1 2 3"]
assert ok(m.uid("SEARCH", None, "SUBJECT", "two")) == [b"2"]
assert ok(m.search(None, "BODY", '"text of three"')) == [b"3"]
assert b"The text of one." in ok(m.fetch("1", "(BODY.PEEK[TEXT])"))[0][1]
assert b"\\Seen" in ok(m.store("1:2", "+FLAGS", "\\Seen"))[0]
assert ok(m.search(None, "UNSEEN")) == [b"3"]
now = imaplib.Time2Internaldate(time.time())
ok(m.append("Drafts", "(\\Draft)", now, b"From: a@b.test\r\nSubject: draft\r\n\r\nx\r\n"))
ok(m.create("Work/2026"))
ok(m.copy("1", "Work/2026"))
ok(m.uid("MOVE", "2", "Archive"))
assert ok(m.search(None, "ALL")) == [b"1 2"]
ok(m.store("1", "+FLAGS", "\\Deleted"))
assert ok(m.expunge())[-1] == b"1"
assert ok(m.status("INBOX", "(MESSAGES UNSEEN UIDNEXT)")) == [b"INBOX (MESSAGES 1 UNSEEN 1 UIDNEXT 4)"]
for name, count in (("INBOX", b"1"), ("Drafts", b"1"), ("Work/2026", b"1"), ("Archive", b"1")):
    assert ok(m.select(f'"{name}"')) == [count], name
ok(m.close())
ok(m.rename("Work/2026", "Work/Old"))
ok(m.delete("Work/Old"))
assert m.select("Work/Old")[0] == "NO"
m.logout()
print("done")
