#!/bin/sh
# Installs the programs that the end-to-end tests use, where they are missing.
set -eu
cd "$(dirname "$0")/.."
need=""
want() { # program, package
	command -v "$1" >/dev/null 2>&1 || need="$need $2"
}
want /usr/sbin/postfix postfix
want swaks swaks
want dkimverify python3-dkim
/usr/bin/python3 -c 'import authres' 2>/dev/null || need="$need python3-authres"
perl -MMail::DKIM::ARC::Verifier -MJSON::PP -e 1 2>/dev/null || need="$need libmail-dkim-perl"
want /usr/sbin/opendkim opendkim
want rspamd rspamd
/usr/bin/python3 -c 'import ctypes; ctypes.CDLL("libopendmarc.so.2")' 2>/dev/null || need="$need libopendmarc2"
want mbsync isync
want mutt mutt
want neomutt neomutt
want offlineimap offlineimap3
want fetchmail fetchmail
want msmtp msmtp
want curl curl
want dmarc-cat dmarc-cat
want strace strace
want tmux tmux
want mmdebstrap mmdebstrap
want systemd-analyze systemd
want setpriv util-linux
want python3 python3
want /usr/sbin/dovecot dovecot-imapd
want named-checkzone bind9-utils
want chromium chromium
want node nodejs
want npm npm
want /usr/sbin/named bind9
want /usr/sbin/unbound unbound
want dig bind9-dnsutils
want /usr/sbin/pdns_server "pdns-server pdns-backend-sqlite3"
[ -e "$(find /usr/lib -name libgsqlite3backend.so -print -quit)" ] || need="$need pdns-backend-sqlite3"
python3 -c 'import nacl' 2>/dev/null || /usr/bin/python3 -c 'import nacl' 2>/dev/null || need="$need python3-nacl"
perl -MIO::Socket::SSL -e 1 2>/dev/null || need="$need libio-socket-ssl-perl libnet-ssleay-perl"
[ -x /usr/lib/dovecot/lmtp ] || need="$need dovecot-lmtpd"
if [ -n "$need" ]; then
	sudo=""
	[ "$(id -u)" = 0 ] || sudo="sudo"
	echo "installing:$need"
	$sudo apt-get update -qq
	# No package may start a server of its own: the tests start what they need.
	DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $sudo apt-get install -y -qq --no-install-recommends $need >/dev/null
fi
# Exim and Postfix exclude each other as packages, so Exim's files go where only
# the tests look.
exim=/usr/local/lib/gomail-tests/exim
if ! [ -x $exim/usr/sbin/exim4 ] && [ "$(id -u)" = 0 ]; then
	echo "installing: Exim into $exim"
	mkdir -p $exim
	tmp=$(mktemp -d)
	(cd "$tmp" && apt-get update -qq && apt-get download -qq exim4-daemon-light exim4-base 2>/dev/null && for deb in *.deb; do dpkg -x "$deb" $exim; done)
	rm -rf "$tmp"
fi
if [ "$(id -u)" = 0 ] && ! id Debian-exim >/dev/null 2>&1; then
	useradd --system --no-create-home --shell /usr/sbin/nologin Debian-exim
fi
# What drives the browser; npm leaves this file when it has installed all.
if ! [ web/admin/node_modules/.package-lock.json -nt web/admin/package-lock.json ]; then
	npm ci --prefix web/admin --loglevel=error
fi
# imapflow, a client library for Node.
if ! [ e2e/testdata/imapflow/node_modules/.package-lock.json -nt e2e/testdata/imapflow/package-lock.json ]; then
	npm ci --prefix e2e/testdata/imapflow --loglevel=error
fi
