# Verifies every DKIM signature of the message on standard input with dkimpy;
# the TXT records come as JSON in the first argument.
import json, re, sys
import dkim

zone = json.loads(sys.argv[1])
message = sys.stdin.buffer.read()


def txt(name, timeout=5):
    return zone.get(name.decode().rstrip(".").lower(), "").encode()


d = dkim.DKIM(message, minkey=1024, timeout=5)
selectors = re.findall(rb"\ss=([^;\s]+);", b"".join(v for k, v in d.headers if k.lower() == b"dkim-signature"))
for i, selector in enumerate(selectors):
    ok = d.verify(idx=i, dnsfunc=txt)
    print(selector.decode(), "pass" if ok else "FAIL")
