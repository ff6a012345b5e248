# Submits the message on standard input with smtplib.
import smtplib, ssl, sys

host, port, ca, user, password = sys.argv[1:]
text = sys.stdin.read().encode()
s = smtplib.SMTP(host, int(port))
s.starttls(context=ssl.create_default_context(cafile=ca))
s.login(user, password)
assert s.sendmail(user, ["you@remote.test"], text) == {}
s.quit()
