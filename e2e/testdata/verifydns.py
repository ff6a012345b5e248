# Verifies every DKIM signature of the message on standard input with dkimpy;
# the keys come from the resolver in the first argument.
import re, sys
import dkim, dns.resolver

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = [sys.argv[1]]
message = sys.stdin.buffer.read()


def txt(name, timeout=5):
    try:
        answer = resolver.resolve(name.decode(), "TXT", lifetime=timeout)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return b""
    return b"".join(answer[0].strings)


d = dkim.DKIM(message, minkey=1024, timeout=5)
selectors = re.findall(rb"\ss=([^;\s]+);", b"".join(v for k, v in d.headers if k.lower() == b"dkim-signature"))
for i, selector in enumerate(selectors):
    ok = d.verify(idx=i, dnsfunc=txt)
    print(selector.decode(), "pass" if ok else "FAIL")
