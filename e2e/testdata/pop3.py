"""Fetches mail with poplib.

usage: pop3.py POP3 POP3S CA HOST USER PASSWORD"""
import poplib, socket, ssl, sys

plain, secure, ca, host, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda h, *a, **k: resolve("127.0.0.1" if h == host else h, *a, **k)

m = poplib.POP3(host, int(plain), timeout=30)
assert "STLS" in m.capa() and "USER" not in m.capa(), m.capa()
try:
    m.user(user)
    raise SystemExit("a name was taken without TLS")
except poplib.error_proto:
    pass
m.stls(context)
assert "SCRAM-SHA-256" in m.capa()["SASL"], m.capa()
m.user(user)
m.pass_(password)
count, octets = m.stat()
ids = [line.split()[1] for line in m.uidl()[1]]
assert count == len(ids) == len(m.list()[1]) == 3, (count, ids)
first = b"\n".join(m.retr(1)[1])
assert b"Subject: one" in first, first
assert len(m.top(2, 0)[1]) < len(m.retr(2)[1])
m.dele(1)
m.quit()

m = poplib.POP3_SSL(host, int(secure), context=context, timeout=30)
m.user(user)
m.pass_(password)
assert [line.split()[1] for line in m.uidl()[1]] == ids[1:], (m.uidl(), ids)
m.dele(1)
m.rset()
m.quit()
print("done")
