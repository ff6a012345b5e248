# Verifies the ARC chain of the message on standard input with dkimpy; the TXT
# records come as JSON in the first argument.
import json, sys
import dkim

zone = json.loads(sys.argv[1])


def txt(name, timeout=5):
    return zone.get(name.decode().rstrip(".").lower(), "").encode()


cv, results, reason = dkim.arc_verify(sys.stdin.buffer.read(), dnsfunc=txt)
print(cv.decode() if cv else "none", reason)
