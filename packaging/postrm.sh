#!/bin/sh
# Mail, keys and configuration stay, also when the package is purged: whoever
# wants them gone removes /var/lib/gomail, /etc/gomail and /var/backups/gomail.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
