# Shares a mailbox between two accounts with imaplib, and uses it as the other.
import imaplib, ssl, sys

port, ca, owner, owner_password, other, other_password = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def session(user, password):
    m = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=context)
    ok(m.login(user, password))
    return m


a, b = session(owner, owner_password), session(other, other_password)
assert "ACL" in a.capabilities and "RIGHTS=TEXK" in a.capabilities, a.capabilities
theirs = f'"Other Users/{owner}/Team"'
ok(a.create("Team"))
assert b.select(theirs)[0] == "NO"
ok(a.setacl("Team", other, "lrswi"))
assert other.encode() + b" lrswi" in ok(a.getacl("Team"))[0]
assert ok(b.myrights(theirs))[0].endswith(b" lrswi")
assert b.getacl(theirs)[0] == "NO"
assert ok(b.namespace()) == [b'(("" "/")) (("Other Users/" "/")) NIL']
assert theirs.encode() in b" ".join(ok(b.list('"Other Users/"', "*")))

ok(a.append("Team", "", None, b"From: a@b.test\r\nSubject: plan\r\n\r\nthe plan\r\n"))
assert ok(b.select(theirs)) == [b"1"]
assert b"the plan" in ok(b.fetch("1", "(BODY[TEXT])"))[0][1]
ok(b.append(theirs, "(\\Flagged)", None, b"From: b@b.test\r\nSubject: answer\r\n\r\nx\r\n"))
ok(b.copy("1", "Archive"))
assert b.expunge()[0] == "NO"
assert ok(a.select("Team")) == [b"2"]
assert ok(a.search(None, "SEEN")) == [b"1"]
assert ok(a.search(None, "FLAGGED", "SUBJECT", "answer")) == [b"2"]

ok(a.setacl("Team", other, "+te"))
ok(b.store("1", "+FLAGS", "\\Deleted"))
assert ok(b.expunge()) == [b"1"]
ok(a.noop())
assert a.response("EXPUNGE")[1] == [b"1"]
ok(a.setacl("Team", other, "lrswite"))
b.logout()
a.logout()
print("done")
