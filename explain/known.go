package explain

// Hosts of the large providers, as their mail servers are named.
var (
	gmail     = []string{".google.com", ".googlemail.com"}
	microsoft = []string{".outlook.com", ".hotmail.com", ".office365.us"}
	yahoo     = []string{".yahoodns.net", ".yahoo.com", ".aol.com"}
	icloud    = []string{".icloud.com", ".apple.com", ".me.com"}
	proofpt   = []string{".pphosted.com", ".ppe-hosted.com"}
	mimecast  = []string{".mimecast.com"}
	gmx       = []string{".gmx.net", ".web.de", ".kundenserver.de"}
)

const (
	checkRecords   = "Run gomail dns check on the domain and mend what it names."
	slowDown       = "GoMail sends more slowly to it by itself. If it lasts, look at what is sent: complaints and unknown recipients lead to this."
	watchWhatSends = "Look at who sends what: gomail doctor, and the list of bounces. Then ask the provider, as its words say."
)

// known are replies that providers document. The first that matches counts.
var known = []signature{
	{gmail, []string{"5.7.26"}, Cause{"Gmail found neither SPF nor DKIM passing for the author's domain, which it asks of everybody.", checkRecords}},
	{gmail, []string{"4.7.26"}, Cause{"Gmail found neither SPF nor DKIM passing, and lets through less of such mail.", checkRecords}},
	{gmail, []string{"4.7.27"}, Cause{"Gmail found SPF not passing, and lets through less of such mail.", checkRecords}},
	{gmail, []string{"4.7.30"}, Cause{"Gmail found DKIM not passing, and lets through less of such mail.", checkRecords}},
	{gmail, []string{"4.7.23"}, Cause{"Gmail found no PTR record, or one that does not lead back, for the address of this server.", "Have the PTR record set at the hosting provider: gomail doctor shows which."}},
	{gmail, []string{"5.7.25"}, Cause{"Gmail found no PTR record, or one that does not lead back, for the address of this server.", "Have the PTR record set at the hosting provider: gomail doctor shows which."}},
	{gmail, []string{"4.7.29"}, Cause{"Gmail asks for TLS, which did not come about.", "Look at the TLS policy to it in gomail.toml: it must not be switched off."}},
	{gmail, []string{"4.7.32"}, Cause{"The From address is aligned with neither SPF nor DKIM.", checkRecords}},
	{gmail, []string{"5.7.1", "unsolicited"}, Cause{"Gmail takes the message for spam, by the reputation of this address or of the domain, or by its content.", "Look at both at Google's Postmaster Tools, send only to those who asked for it, and offer to unsubscribe with one click."}},
	{gmail, []string{"4.7.28"}, Cause{"Gmail gets more mail from this address or domain than its reputation allows.", slowDown}},
	{gmail, []string{"4.7.0", "unusual rate"}, Cause{"Gmail gets more mail from this address or domain than its reputation allows.", slowDown}},
	{gmail, []string{"5.2.1"}, Cause{"The Gmail account is switched off, or gets mail faster than it may.", "Reach the recipient in another way."}},
	{gmail, []string{"4.2.1"}, Cause{"The Gmail account gets mail faster than it may.", "It is tried again; nothing is to be done."}},
	{gmail, []string{"5.2.2"}, Cause{"The recipient's Google storage is full.", "The recipient has to make room."}},
	{gmail, []string{"4.2.2"}, Cause{"The recipient's Google storage is full.", "The recipient has to make room."}},

	{microsoft, []string{"5.7.515"}, Cause{"Microsoft asks for SPF, DKIM and DMARC of domains that send much, and one of them does not pass.", checkRecords}},
	{microsoft, []string{"s3150"}, Cause{"Microsoft blocks the network of this server's address.", "Ask for it to be taken off at https://sendersupport.olc.protection.outlook.com/; if neighbours are the cause, ask the hosting provider for another address."}},
	{microsoft, []string{"s3140"}, Cause{"Microsoft blocks this server's address for its reputation.", "Ask for it to be taken off at https://sendersupport.olc.protection.outlook.com/, and join its SNDS to see why."}},
	{microsoft, []string{"s77"}, Cause{"Microsoft puts mail from this server's address off for its reputation.", slowDown}},
	{microsoft, []string{"4.7.650"}, Cause{"Microsoft puts mail from this server's address off for its reputation.", slowDown}},
	{microsoft, []string{"4.7.500"}, Cause{"Microsoft is busy, or finds the traffic unusual.", "It is tried again; nothing is to be done unless it lasts."}},
	{microsoft, []string{"banned sending ip"}, Cause{"Microsoft 365 bans this server's address.", "Ask for it to be taken off at https://sender.office.com/."}},
	{microsoft, []string{"5.7.606"}, Cause{"Microsoft 365 bans this server's address.", "Ask for it to be taken off at https://sender.office.com/."}},
	{microsoft, []string{"5.7.511"}, Cause{"Microsoft 365 bans this server's address.", "Write to delist@microsoft.com with the whole reply, as its words say."}},
	{microsoft, []string{"5.4.1", "access denied"}, Cause{"There is no such mailbox at that Microsoft 365 domain.", "Ask the recipient for the right address."}},
	{microsoft, []string{"5.1.10"}, Cause{"There is no such mailbox at that Microsoft 365 domain.", "Ask the recipient for the right address."}},
	{microsoft, []string{"5.7.64"}, Cause{"The recipient's Microsoft 365 has a connector that does not know this server.", "The recipient's administrator has to mend it."}},
	{microsoft, []string{"5.7.23"}, Cause{"SPF did not pass for this server.", checkRecords}},
	{microsoft, []string{"5.7.509"}, Cause{"The message fails the DMARC policy of the author's domain.", checkRecords}},
	{microsoft, []string{"5.7.133"}, Cause{"The recipient's group takes mail only from its own organisation.", "Ask a member, or the group's owner."}},

	{yahoo, []string{"tss04"}, Cause{"Yahoo puts mail from this server off for complaints or unusual traffic.", slowDown}},
	{yahoo, []string{"tss05"}, Cause{"Yahoo puts mail from this server off for complaints or unusual traffic.", slowDown}},
	{yahoo, []string{"tss09"}, Cause{"Yahoo has refused this server's mail for good, for complaints.", "Ask at https://senders.yahooinc.com/, after what led to the complaints has ended."}},
	{yahoo, []string{"tss11"}, Cause{"Yahoo has refused this server's mail for good, for complaints.", "Ask at https://senders.yahooinc.com/, after what led to the complaints has ended."}},
	{yahoo, []string{"554", "5.7.9"}, Cause{"The message fails the DMARC policy of the author's domain.", checkRecords}},
	{yahoo, []string{"bl21"}, Cause{"Spamhaus lists this server's address, and Yahoo goes by it.", "Look the address up at https://check.spamhaus.org/ and ask there."}},
	{yahoo, []string{"bl23"}, Cause{"Spamhaus lists this server's address, and Yahoo goes by it.", "Look the address up at https://check.spamhaus.org/ and ask there."}},
	{yahoo, []string{"552", "inactive"}, Cause{"The mailbox has not been used for long.", "Reach the recipient in another way."}},

	{icloud, []string{"cs01"}, Cause{"iCloud refuses the message by its policy, mostly for content or reputation.", "Write to icloudadmin@apple.com with the whole reply."}},
	{icloud, []string{"hm08"}, Cause{"iCloud refuses the message by its policy, mostly for content or reputation.", "Write to icloudadmin@apple.com with the whole reply."}},
	{icloud, []string{"5.7.1", "dmarc"}, Cause{"The message fails the DMARC policy of the author's domain.", checkRecords}},
	{icloud, []string{"5.2.2"}, Cause{"The recipient's iCloud storage is full.", "The recipient has to make room."}},

	{proofpt, []string{"blocked"}, Cause{"Proofpoint blocks this server's address.", "Ask at https://ipcheck.proofpoint.com/."}},
	{mimecast, []string{"ip found on rbl"}, Cause{"A block list has this server's address, and Mimecast goes by it.", "gomail doctor shows which lists have it; ask there."}},
	{mimecast, []string{"greylist"}, Cause{"Mimecast asks senders that it does not know to come back.", "It is tried again; nothing is to be done."}},
	{mimecast, []string{"anti-spoofing"}, Cause{"The recipient's Mimecast takes the author's domain for its own, and forged.", "The recipient's administrator has to permit this server."}},
	{gmx, []string{"bad dns ptr"}, Cause{"GMX and web.de found no PTR record, or a generic one, for this server's address.", "Have the PTR record set at the hosting provider: gomail doctor shows which."}},
	{gmx, []string{"not rfc-conform"}, Cause{"GMX and web.de find the message's header not as RFC 5322 has it.", "Look at the program that wrote it: From, Date and Message-ID once each."}},

	{nil, []string{"spamhaus"}, Cause{"Spamhaus lists this server's address or the domain, and the recipient's server goes by it.", "Look it up at https://check.spamhaus.org/ and ask there."}},
	{nil, []string{"spamcop"}, Cause{"SpamCop lists this server's address.", "It is taken off a day after the last report: see https://www.spamcop.net/bl.shtml."}},
	{nil, []string{"barracuda"}, Cause{"Barracuda lists this server's address.", "Ask at https://www.barracudacentral.org/rbl/removal-request."}},
	{nil, []string{"block list"}, Cause{"A block list has this server's address.", "gomail doctor shows which lists have it; ask there."}},
	{nil, []string{"blocklist"}, Cause{"A block list has this server's address.", "gomail doctor shows which lists have it; ask there."}},
	{nil, []string{"blacklist"}, Cause{"A block list has this server's address.", "gomail doctor shows which lists have it; ask there."}},
	{nil, []string{"greylist"}, Cause{"The server asks senders that it does not know to come back.", "It is tried again; nothing is to be done."}},
	{nil, []string{"graylist"}, Cause{"The server asks senders that it does not know to come back.", "It is tried again; nothing is to be done."}},
	{nil, []string{"reverse dns"}, Cause{"The server found no PTR record, or one that does not lead back, for this server's address.", "Have the PTR record set at the hosting provider: gomail doctor shows which."}},
	{nil, []string{"dmarc"}, Cause{"The message fails the DMARC policy of the author's domain.", checkRecords}},
	{nil, []string{"spf"}, Cause{"SPF did not pass for this server.", checkRecords}},
	{nil, []string{"spam"}, Cause{"The server takes the message for spam.", watchWhatSends}},
	{nil, []string{"rate limit"}, Cause{"The server gets more mail from here than it allows.", slowDown}},
	{nil, []string{"too many connections"}, Cause{"The server gets more connections from here than it allows.", "GoMail opens fewer by itself; outbound.max_per_destination bounds them."}},
	{nil, []string{"relay"}, Cause{"The server does not take mail for that domain.", "The recipient's domain names the wrong server in its MX records, or has not set it up: its administrator has to mend that."}},
}
