package dnsplan

import "sync"

// checked is when the catalogue was last held against public documentation.
const checked = "2026-11-25"

// senders is the catalogue, made once.
var senders = sync.OnceValue(catalogue)

// catalogue lists the services. Only what documentation says stands here; a
// service that shows account-specific records has none.
func catalogue() []Sender {
	return []Sender{
		{
			ID: "ses", Name: "Amazon SES", Include: "amazonses.com", SPFAligns: true, Domains: []string{"amazonses.com"},
			DKIM:    []SenderKey{{"<token>._domainkey.<domain>", "<token>.dkim.amazonses.com"}},
			How:     "In the SES console open the identity of your domain, switch Easy DKIM on, and publish the three CNAME records that it shows; the include belongs to the custom MAIL FROM subdomain, if you use one.",
			Docs:    "https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dkim.html",
			Checked: checked,
		},
		{
			ID: "brevo", Name: "Brevo", Include: "spf.brevo.com", Domains: []string{"brevo.com", "brevosend.com", "sender-sib.com", "sendinblue.com"},
			How:     "In Brevo open Senders, Domains & Dedicated IPs, authenticate your domain, and publish the DKIM records that it shows; the include is needed with a dedicated address only.",
			Docs:    "https://help.brevo.com/hc/en-us/articles/17286219877778-FAQs-About-domain-authentication-Brevo-code-DKIM-DMARC",
			Checked: checked,
		},
		{
			ID: "fastmail", Name: "Fastmail", Include: "spf.messagingengine.com", SPFAligns: true, Domains: []string{"messagingengine.com"},
			DKIM: []SenderKey{
				{"fm1._domainkey.<domain>", "fm1.<domain>.dkim.fmhosted.com"},
				{"fm2._domainkey.<domain>", "fm2.<domain>.dkim.fmhosted.com"},
				{"fm3._domainkey.<domain>", "fm3.<domain>.dkim.fmhosted.com"},
			},
			How:     "Publish Fastmail's three DKIM aliases for your domain, and add its include to SPF.",
			Docs:    "https://www.fastmail.help/hc/en-us/articles/360060591153",
			Checked: checked,
		},
		{
			ID: "freshdesk", Name: "Freshdesk", Include: "email.freshdesk.com", SPFAligns: true, Domains: []string{"freshdesk.com"},
			How:     "In Freshdesk open Admin, Channels, Email, configure DKIM for your domain, and publish the CNAME records that it shows.",
			Docs:    "https://mxio.io/providers/freshdesk",
			Checked: checked,
		},
		{
			ID: "google", Name: "Google Workspace", Include: "_spf.google.com", SPFAligns: true, Domains: []string{"google.com", "gappssmtp.com"},
			How:     "In the Google Admin console open Apps, Google Workspace, Gmail, Authenticate email, make a DKIM key, publish the TXT record that it shows, and start authentication; add the include to SPF.",
			Docs:    "https://support.google.com/a/answer/174124",
			Checked: checked,
		},
		{
			ID: "hubspot", Name: "HubSpot", Domains: []string{"hubspotemail.net"},
			How:     "In HubSpot open Settings, Content, Domains & URLs, connect your domain for email sending, and publish the two DKIM CNAME records that it shows.",
			Docs:    "https://knowledge.hubspot.com/marketing-email/manage-email-authentication-in-hubspot",
			Checked: checked,
		},
		{
			ID: "klaviyo", Name: "Klaviyo", Domains: []string{"klaviyomail.com"},
			How:     "In Klaviyo set up a branded sending domain and publish the records that it shows; no include is needed.",
			Docs:    "https://help.klaviyo.com/hc/en-us/articles/115000357752-Setting-Up-a-Dedicated-Sending-Domain",
			Checked: checked,
		},
		{
			ID: "mailchimp", Name: "Mailchimp", Domains: []string{"mcsv.net", "mailchimpapp.net"},
			DKIM: []SenderKey{
				{"k2._domainkey.<domain>", "dkim2.mcsv.net"},
				{"k3._domainkey.<domain>", "dkim3.mcsv.net"},
			},
			How:     "In Mailchimp open Account & billing, Domains, start authentication, and publish the two CNAME records that it shows; no include is needed.",
			Docs:    "https://mailchimp.com/help/set-up-email-domain-authentication/",
			Checked: checked,
		},
		{
			ID: "mandrill", Name: "Mailchimp Transactional (Mandrill)", Include: "spf.mandrillapp.com", Domains: []string{"mandrillapp.com"},
			DKIM: []SenderKey{
				{"mte1._domainkey.<domain>", "dkim1.mandrillapp.com"},
				{"mte2._domainkey.<domain>", "dkim2.mandrillapp.com"},
			},
			How:     "Publish the two DKIM aliases, then test them in Mailchimp Transactional under Settings, Domains.",
			Docs:    "https://mailchimp.com/developer/release-notes/new-sending-domain-authentication-requirements",
			Checked: checked,
		},
		{
			ID: "mailgun", Name: "Mailgun", Include: "mailgun.org", SPFAligns: true, Domains: []string{"mailgun.org", "mailgun.net"},
			How:     "In Mailgun open Domain Verification & DNS and publish the DKIM record that it shows; the include belongs to the sending domain that you set up there, as a rule a subdomain.",
			Docs:    "https://documentation.mailgun.com/docs/mailgun/user-manual/domains/domains-verify.md",
			Checked: checked,
		},
		{
			ID: "microsoft365", Name: "Microsoft 365", Include: "spf.protection.outlook.com", SPFAligns: true,
			Domains: []string{"onmicrosoft.com", "protection.outlook.com"},
			DKIM: []SenderKey{
				{"selector1._domainkey.<domain>", "selector1-<domain-dashed>._domainkey.<tenant>.onmicrosoft.com"},
				{"selector2._domainkey.<domain>", "selector2-<domain-dashed>._domainkey.<tenant>.onmicrosoft.com"},
			},
			How:     "In the Microsoft Defender portal open Email authentication settings, DKIM, choose your domain, publish the two CNAME records that it shows (newer ones end with dkim.mail.microsoft), then enable signing; add the include to SPF.",
			Docs:    "https://learn.microsoft.com/en-us/defender-office-365/email-authentication-dkim-configure",
			Checked: checked,
		},
		{
			ID: "postmark", Name: "Postmark", Domains: []string{"mtasv.net", "postmarkapp.com"},
			How:     "In Postmark open your domain's DNS settings and publish the DKIM record that it shows, and pm-bounces as an alias of pm.mtasv.net; no include is needed.",
			Docs:    "https://postmarkapp.com/blog/introducing-full-dmarc-support-with-custom",
			Checked: checked,
		},
		{
			ID: "salesforce", Name: "Salesforce", Include: "_spf.salesforce.com", SPFAligns: true, Domains: []string{"salesforce.com"},
			How:     "In Salesforce open Setup, DKIM Keys, make a key for your domain, publish the two CNAME records that it shows, and activate it; add the include to SPF.",
			Docs:    "https://mxio.io/providers/salesforce",
			Checked: checked,
		},
		{
			ID: "exacttarget", Name: "Salesforce Marketing Cloud", Include: "cust-spf.exacttarget.com", Domains: []string{"exacttarget.com"},
			How:     "In Marketing Cloud set up sender authentication for your domain and publish the records that it shows.",
			Docs:    "https://www.senderclarity.com/guides/salesforce-spf-dkim-dmarc-setup",
			Checked: checked,
		},
		{
			ID: "sendgrid", Name: "SendGrid", Include: "sendgrid.net", Domains: []string{"sendgrid.net"},
			DKIM: []SenderKey{
				{"s1._domainkey.<domain>", "s1.domainkey.<account>.sendgrid.net"},
				{"s2._domainkey.<domain>", "s2.domainkey.<account>.sendgrid.net"},
			},
			How:     "In SendGrid open Settings, Sender Authentication, authenticate your domain with automated security on, and publish the three CNAME records that it shows; no include is needed then.",
			Docs:    "https://support.sendgrid.com/hc/en-us/articles/21415314709147-Email-Authentication-SendGrid-s-Automated-Security-Explained",
			Checked: checked,
		},
		{
			ID: "shopify", Name: "Shopify", Domains: []string{"shopify.com", "shopifyemail.com"},
			How:     "In the Shopify admin open the sender e-mail settings, authenticate your domain, and publish the CNAME records that it shows; the former include shops.shopify.com is no longer used.",
			Docs:    "https://help.shopify.com/en/manual/intro-to-shopify/initial-setup/email-rewrites",
			Checked: checked,
		},
		{
			ID: "zendesk", Name: "Zendesk", Include: "mail.zendesk.com", SPFAligns: true, Domains: []string{"zendesk.com"},
			DKIM: []SenderKey{
				{"zendesk1._domainkey.<domain>", "zendesk1._domainkey.zendesk.com"},
				{"zendesk2._domainkey.<domain>", "zendesk2._domainkey.zendesk.com"},
			},
			How:     "Add the include to SPF, publish the two DKIM aliases, and only then switch DKIM on in Zendesk's admin center.",
			Docs:    "https://support.zendesk.com/hc/en-us/articles/4408822303386-Digitally-signing-your-email-with-DKIM-or-DMARC",
			Checked: checked,
		},
		{
			ID: "zohocampaigns", Name: "Zoho Campaigns", Include: "zcsend.net", Domains: []string{"zcsend.net"},
			How:     "In Zoho Campaigns authenticate your domain and publish the records that it shows.",
			Docs:    "https://godmarc.freshdesk.com/support/solutions/articles/82000896445-how-to-setup-zoho-mail-spf-record-",
			Checked: checked,
		},
		{
			ID: "zoho", Name: "Zoho Mail", Include: "zoho.com", SPFAligns: true, Domains: []string{"zoho.com", "zoho.eu", "zoho.in"},
			How:     "In Zoho's admin console open Domains, Email Configuration, DKIM, add a selector, and publish the TXT record that it shows; add the include to SPF (zoho.eu or zoho.in for accounts in those regions).",
			Docs:    "https://www.zoho.com/mail/help/adminconsole/spf-configuration.html",
			Checked: checked,
		},
	}
}
