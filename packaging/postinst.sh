#!/bin/sh
# The service's user is made here; everything else is gomail setup's work. A
# server that runs is started anew, so that it is the new version.
set -e
if ! getent passwd gomail >/dev/null; then
	if command -v useradd >/dev/null; then
		useradd --system --user-group --home-dir /var/lib/gomail --no-create-home --shell /usr/sbin/nologin gomail
	else
		adduser --system --group --home /var/lib/gomail --no-create-home --shell /usr/sbin/nologin gomail
	fi
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart gomail.service
fi
if [ "$1" = configure ] && [ -z "$2" ] && [ ! -e /etc/gomail/gomail.toml ]; then
	echo "GoMail is installed. Next: gomail setup"
fi
