"""Signs in by tokens with imaplib and smtplib.

usage: bearer.py IMAPS SUBMISSIONS CA HOST NAME, and tokens on standard input: a
good one and one that has expired"""
import base64, imaplib, json, smtplib, socket, ssl, sys

imaps, submissions, ca, host, name = sys.argv[1:]
good, expired = sys.stdin.read().split()
context = ssl.create_default_context(cafile=ca)
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda h, *a, **k: resolve("127.0.0.1" if h == host else h, *a, **k)


def message(mechanism, token):
    if mechanism == "XOAUTH2":
        return f"user={name}\x01auth=Bearer {token}\x01\x01"
    return f"n,a={name},\x01host={host}\x01port=993\x01auth=Bearer {token}\x01\x01"


for mechanism in "OAUTHBEARER", "XOAUTH2":
    told = []

    def answer(challenge, token):
        if challenge:
            told.append(json.loads(challenge))
            return "\x01" if mechanism == "OAUTHBEARER" else ""
        return message(mechanism, token)

    m = imaplib.IMAP4_SSL(host, int(imaps), ssl_context=context)
    assert "AUTH=" + mechanism in m.capabilities, m.capabilities
    assert m.authenticate(mechanism, lambda c: answer(c, good))[0] == "OK"
    assert m.select()[0] == "OK"
    m.logout()
    m = imaplib.IMAP4_SSL(host, int(imaps), ssl_context=context)
    try:
        m.authenticate(mechanism, lambda c: answer(c, expired))
        raise SystemExit("an expired token was taken")
    except imaplib.IMAP4.error as e:
        assert "AUTHENTICATIONFAILED" in str(e), e
    assert len(told) == 1 and told[0]["scope"] == "mail", told
    assert told[0]["status"] == {"OAUTHBEARER": "invalid_token", "XOAUTH2": "401"}[mechanism]

    s = smtplib.SMTP_SSL(host, int(submissions), context=context)
    s.ehlo()
    assert mechanism in s.esmtp_features["auth"].split(), s.esmtp_features
    code, _ = s.docmd("AUTH", mechanism + " " + base64.b64encode(message(mechanism, good).encode()).decode())
    assert code == 235, code
    s.sendmail(name, [name], f"From: {name}\r\nTo: {name}\r\nSubject: by {mechanism}\r\n\r\nx\r\n")
    s.quit()
    s = smtplib.SMTP_SSL(host, int(submissions), context=context)
    s.ehlo()
    code, text = s.docmd("AUTH", mechanism)
    assert (code, text) == (334, b""), (code, text)
    code, text = s.docmd(base64.b64encode(message(mechanism, expired).encode()).decode())
    assert code == 334 and json.loads(base64.b64decode(text))["scope"] == "mail", (code, text)
    code, text = s.docmd("AQ==")
    assert code == 535, (code, text)
    s.close()
print("done")
