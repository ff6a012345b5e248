"""SCRAM-SHA-256 and -PLUS (RFC 5802, 7677) as a client of its own, over IMAP
and SMTP: what must work, and what must be refused.

usage: scram.py HOST IMAPS SUBMISSIONS CA NAME PASSWORD"""
import base64, hashlib, hmac, os, socket, ssl, sys

host, imaps, submissions, ca, name, password = sys.argv[1:7]
context = ssl.create_default_context(cafile=ca)


class Refused(Exception):
    pass


class Line:
    """A connection, and how a protocol wraps SASL."""

    def __init__(self, port):
        raw = socket.create_connection((host, int(port)), timeout=20)
        self.tls = context.wrap_socket(raw, server_hostname=host)
        self.file = self.tls.makefile("rwb")

    def send(self, text):
        self.file.write(text.encode() + b"\r\n")
        self.file.flush()

    def read(self):
        return self.file.readline().decode().rstrip("\r\n")


class IMAP(Line):
    def __init__(self):
        super().__init__(imaps)
        self.greeting = self.read()

    def mechanisms(self):
        return [w[5:] for w in self.greeting.replace("]", " ").split() if w.startswith("AUTH=")]

    def begin(self, mechanism, initial):
        self.send("a AUTHENTICATE %s %s" % (mechanism, initial))
        return self.answer()

    def answer(self):
        line = self.read()
        if line.startswith("+ "):
            return line[2:]
        if line.startswith("a OK"):
            return None
        raise Refused(line)


class SMTP(Line):
    def __init__(self):
        super().__init__(submissions)
        self.read()
        self.send("EHLO client.example.net")
        self.greeting = []
        while True:
            line = self.read()
            self.greeting.append(line)
            if line[3] == " ":
                break

    def mechanisms(self):
        return [w for l in self.greeting if l[4:].startswith("AUTH ") for w in l.split()[1:]]

    def begin(self, mechanism, initial):
        self.send("AUTH %s %s" % (mechanism, initial))
        return self.answer()

    def answer(self):
        line = self.read()
        if line.startswith("334 "):
            return line[4:]
        if line.startswith("235 "):
            return None
        raise Refused(line)


def end_point(tls):
    # tls-server-end-point, RFC 5929: the demo signs with SHA-256.
    return hashlib.sha256(tls.getpeercert(binary_form=True)).digest()


def b64(b):
    return base64.b64encode(b).decode()


def sign_in(line, user=name, secret=password, plus=False, header=None, binding=None, nonce=None, mechanism=None):
    header = header or ("p=tls-server-end-point,," if plus else "n,,")
    bare = "n=%s,r=%s" % (user.replace("=", "=3D").replace(",", "=2C"), b64(os.urandom(18)))
    mechanism = mechanism or ("SCRAM-SHA-256-PLUS" if plus else "SCRAM-SHA-256")
    first = base64.b64decode(line.begin(mechanism, b64((header + bare).encode()))).decode()
    fields = dict(f.split("=", 1) for f in first.split(","))
    assert fields["r"].startswith(bare.split("r=")[1]), first
    salted = hashlib.pbkdf2_hmac("sha256", secret.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    client = hmac.digest(salted, b"Client Key", "sha256")
    data = (end_point(line.tls) if binding is None else binding) if header.startswith("p=") else b""
    final = "c=%s,r=%s" % (b64(header.encode() + data), nonce or fields["r"])
    message = ",".join((bare, first, final)).encode()
    signature = hmac.digest(hashlib.sha256(client).digest(), message, "sha256")
    proof = bytes(x ^ y for x, y in zip(client, signature))
    line.send(b64((final + ",p=" + b64(proof)).encode()))
    answer = base64.b64decode(line.answer()).decode()
    server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
    assert answer == "v=" + b64(server), "the server does not know the password: " + answer
    line.send("")
    assert line.answer() is None


def refused(what, *args, **kwargs):
    try:
        sign_in(*args, **kwargs)
    except Refused as e:
        print(what, "-", e)
        return
    raise SystemExit(what + " was let in")


for kind in IMAP, SMTP:
    offered = kind().mechanisms()
    assert offered == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"], offered
    sign_in(kind())
    sign_in(kind(), plus=True)
    refused("a wrong password", kind(), secret="x" + password)
    refused("an unknown name", kind(), user="x" + name)
    refused("another certificate's binding", kind(), plus=True, binding=b"x" * 32)
    refused("a client that was not told of PLUS", kind(), header="y,,")
    refused("another nonce", kind(), nonce="x" * 40)
    refused("PLUS without a binding", kind(), header="n,,", mechanism="SCRAM-SHA-256-PLUS")
    refused("a binding without PLUS", kind(), header="p=tls-server-end-point,,", mechanism="SCRAM-SHA-256")
    refused("a binding that nobody offers", kind(), plus=True, header="p=tls-unique,,")
print("done")
