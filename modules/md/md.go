// Package md manages domains (mod_md): it has certificates from an authority that
// speaks ACME (RFC 8555), renews them, and gives them to servers that speak TLS.
//
// What is on disk lies in the store, outside of the jail. The parent reads and
// writes it while it starts: certificates that were obtained become those of a
// domain then, at the next restart, as with Apache. One child speaks with the
// authority. It is in its jail: all it has of the store is a file for each domain,
// opened before, which takes what it obtained.
package md

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const anywhere = directives.InServer

// Module is md_module.
var Module = server.Module{
	Name:    "md_module",
	Mutexes: []string{"md-renew", "md-ocsp"},
	Directives: directives.Table{
		{Name: "<MDomainSet", In: anywhere, Usage: "Container for a managed domain with common settings and certificate.", Set: slot.Raw((*config).openSet)},
		{Name: "<MDomain", In: anywhere, Usage: "Short form for <MDomainSet> container.", Set: slot.Raw((*config).openSet)},
		{Name: "MDomain", In: anywhere, Usage: "A group of server names with one certificate", Set: slot.TakeN((*config).addDomain)},
		{Name: "MDMember", In: anywhere, Usage: "Define domain name(s) part of the Managed Domain. Use 'auto' or 'manual' to enable/disable auto adding names from virtual hosts.",
			Set: slot.TakeN((*config).addMembers)},
		{Name: "MDMembers", In: anywhere, Usage: "Define domain name(s) part of the Managed Domain. Use 'auto' or 'manual' to enable/disable auto adding names from virtual hosts.",
			Set: slot.TakeN((*config).addMembers)},
		{Name: "MDCertificateAuthority", In: anywhere, Usage: "URL(s) or known name(s) of CA issuing the certificates", Set: slot.TakeN((*config).setAuthority)},
		{Name: "MDCertificateAgreement", In: anywhere, Usage: "either 'accepted' or the URL of CA Terms-of-Service agreement you accept",
			Set: text(func(s *settings) *string { return &s.agreement })},
		{Name: "MDCAChallenges", In: anywhere, Usage: "A list of challenge types to be used.", Set: slot.TakeN((*config).setChallenges)},
		{Name: "MDCertificateProtocol", In: anywhere, Usage: "Protocol used to obtain/renew certificates", Set: text(func(s *settings) *string { return &s.protocol })},
		{Name: "MDContactEmail", In: anywhere, Usage: "Email address used for account registration", Set: text(func(s *settings) *string { return &s.contact })},
		{Name: "MDDriveMode", In: anywhere, Usage: "deprecated, older name for MDRenewMode", Set: slot.Take1((*config).setRenewMode)},
		{Name: "MDRenewMode", In: anywhere, Usage: "Controls how renewal of Managed Domain certificates shall be handled.", Set: slot.Take1((*config).setRenewMode)},
		{Name: "MDRenewWindow", In: anywhere, Usage: "Time length for renewal before certificate expires (defaults to days).",
			Set: window(func(s *settings) *directives.Opt[part] { return &s.renewWindow }, "a length of 100% or more is not allowed.")},
		{Name: "MDWarnWindow", In: anywhere, Usage: "When less time remains for a certificate, send our/log a warning (defaults to days)",
			Set: window(func(s *settings) *directives.Opt[part] { return &s.warnWindow }, "a length of 100% or more is not allowed.")},
		{Name: "MDMustStaple", In: anywhere, Usage: "Enable/Disable the Must-Staple flag for new certificates.", Set: onOff(func(s *settings) *directives.Opt[bool] { return &s.mustStaple })},
		{Name: "MDRequireHttps", In: anywhere | directives.AuthConfig, Forbid: directives.NotInDirectory | directives.NotInLocation, Usage: "Redirect non-secure requests to the https: equivalent.",
			Set: slot.Take1((*config).setRequire)},
		{Name: "MDPrivateKeys", In: anywhere, Usage: "set the type and parameters for private key generation", Set: slot.TakeN((*config).setKeys)},
		{Name: "MDCertificateFile", In: anywhere, Reads: directives.BeforeJail, Usage: "set the static certificate (chain) file to use for this domain.",
			Set: slot.Take1((*config).addCertFile)},
		{Name: "MDCertificateKeyFile", In: anywhere, Reads: directives.BeforeJail, Usage: "set the static private key file to use for this domain.",
			Set: slot.Take1((*config).addKeyFile)},
		{Name: "MDExternalAccountBinding", In: anywhere, Reads: directives.BeforeJail, Usage: "Set the external account binding keyid and hmac values to use at CA",
			Set: slot.Take12((*config).setBinding)},
		{Name: "MDProfile", In: anywhere, Usage: "The name of an CA profile to order certificates for.", NoOp: "the ACME library that is used orders without a profile",
			Set: text(func(s *settings) *string { return &s.profile })},
		{Name: "MDProfileMandatory", In: anywhere, Usage: "Determines if a configured CA profile is mandatory.", Set: onOff(func(s *settings) *directives.Opt[bool] { return &s.profileMandatory })},
		{Name: "MDRenewViaARI", In: anywhere, Usage: "Enable/Disable ACME ARI (RFC 9773) to trigger renewals.", NoOp: "when to renew is decided by MDRenewWindow alone",
			Set: onOff(func(s *settings) *directives.Opt[bool] { return &s.ari })},
		{Name: "MDStapling", In: anywhere, Usage: "Enable/Disable OCSP Stapling for this/all Managed Domain(s).",
			Set: onOff(func(s *settings) *directives.Opt[bool] { return &s.stapling })},
		{Name: "MDStapleOthers", In: anywhere, Usage: "Enable/Disable OCSP Stapling for certificates not in Managed Domains.",
			Set: onOff(func(s *settings) *directives.Opt[bool] { return &s.stapleOthers })},
		{Name: "MDChallengeDns01", In: anywhere, Usage: "Set the command for setup/teardown of dns-01 challenges",
			Set: slot.Raw(func(c *config, _ *directives.Cmd, line string) error { c.target().dns01 = line; return nil })},
		{Name: "MDChallengeDns01Version", In: anywhere, Usage: "Set the type of arguments to call `MDChallengeDns01` with", Set: slot.Take1((*config).setDNSVersion)},

		{Name: "MDBaseServer", In: anywhere, Usage: "Allow managing of base server outside virtual hosts.", Set: mainSwitch(func(c *config) *directives.Opt[bool] { return &c.baseServer })},
		{Name: "MDServerStatus", In: anywhere, Usage: "On to see Managed Domains in server-status.", Set: mainSwitch(func(c *config) *directives.Opt[bool] { return &c.serverStatus })},
		{Name: "MDCertificateStatus", In: anywhere, Usage: "On to see Managed Domain expose /.httpd/certificate-status.",
			Set: mainSwitch(func(c *config) *directives.Opt[bool] { return &c.certStatus })},
		{Name: "MDPortMap", In: anywhere, Usage: "Declare the mapped ports 80 and 443 on the local server. E.g. 80:8000 to indicate that the server port 8000 is " +
			"reachable as port 80 from the internet. Use 80:- to indicate that port 80 is not reachable from the outside.", Set: slot.Take12((*config).setPorts)},
		{Name: "MDHttpProxy", In: anywhere, Usage: "URL of a HTTP(S) proxy to use for outgoing connections", Set: slot.Take1((*config).setProxy)},
		{Name: "MDHttpProxyCACertificateFile", In: anywhere, Reads: directives.BeforeJail, Usage: "Set the CA file to use for connections to the HTTP(S) proxy",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, name string) error { c.proxyCA = readCA(cmd, name); return nil })},
		{Name: "MDCACertificateFile", In: anywhere, Reads: directives.BeforeJail, Usage: "Set the CA file to use for connections",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, name string) error { c.ca = readCA(cmd, name); return nil })},
		{Name: "MDStoreDir", In: anywhere, Reads: directives.BeforeJail, Usage: "the directory for file system storage of managed domain data.", Set: slot.Take1((*config).setStore)},
		{Name: "MDStoreLocks", In: anywhere, Usage: "Configure locking of store for updates.", NoOp: "the parent alone changes the store, while it starts", Set: slot.Take1(checkLocks)},
		{Name: "MDNotifyCmd", In: anywhere, Usage: "Set the command to run when signup/renew of domain is complete.",
			Set: slot.Raw(func(c *config, _ *directives.Cmd, line string) error { c.notify = line; return nil })},
		{Name: "MDMessageCmd", In: anywhere, Usage: "Set the command run when a message about a domain is issued.",
			Set: slot.Raw(func(c *config, _ *directives.Cmd, line string) error { c.message = line; return nil })},
		{Name: "MDStaplingKeepResponse", In: anywhere, Usage: "The amount of time to keep an OCSP response in the store.", NoOp: "OCSP responses are kept in memory for as long as they hold",
			Set: slot.Take1(checkPart("with a length of 100% or more is not allowed."))},
		{Name: "MDStaplingRenewWindow", In: anywhere, Usage: "Time length for renewal before OCSP responses expire (defaults to days).", NoOp: "OCSP responses are kept in memory for as long as they hold",
			Set: slot.Take1(checkPart("with a length of 100% or more is not allowed."))},
		{Name: "MDCertificateCheck", In: anywhere, Usage: "Set name and URL pattern for a certificate monitoring site.",
			Set: slot.Take2(func(c *config, _ *directives.Cmd, name, url string) error {
				c.checkName, c.checkURL = name, url
				return nil
			})},
		{Name: "MDActivationDelay", In: anywhere, Usage: "How long to delay activation of new certificates", Set: length(func(c *config) *directives.Opt[part] { return &c.activation })},
		{Name: "MDRetryDelay", In: anywhere, Usage: "Time length for first retry, doubled on every consecutive error.", Set: slot.Take1((*config).setRetryDelay)},
		{Name: "MDRetryFailover", In: anywhere, Usage: "The number of errors before a failover to another CA is triggered.", Set: slot.Take1((*config).setFailover)},
		{Name: "MDMatchNames", In: anywhere, Usage: "Determines how DNS names are matched to vhosts.", Set: slot.Take1((*config).setMatch)},
		{Name: "MDInitialDelay", In: anywhere, Usage: "How long to delay the first certificate check.", Set: length(func(c *config) *directives.Opt[part] { return &c.initial })},
		{Name: "MDCheckInterval", In: anywhere, Usage: "Time between certificate checks.", Set: slot.Take1((*config).setInterval)},
	},
	Hooks: []server.Hook{
		server.PostConfig.First(prepare),
		server.BeforeJail.Middle(openStaging),
		server.ChildInit.Middle(start),
		server.ChildExit.Middle(stop),
		server.PostReadRequest.Middle(requireHTTPS).After("ssl_module").Plain(),
		server.QuickHandler.First(wellKnown).Plain(),
		server.Handler.Named("md-status", showStatus),
	},
	Certificates: &server.CertificateManager{Of: certificatesOf, Staples: staples, Challenge: challengeCertificate},
	StatusPage:   statusPage,
}

var (
	slot = directives.NewServerSlot(merge)
	elog = server.NewLog("md")
)
