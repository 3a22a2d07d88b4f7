// Package ldap asks directories for other modules (mod_ldap): it keeps
// connections, and remembers answers.
package ldap

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const (
	inServer     = directives.InServer
	certificates = "CA_DER, CA_BASE64, CA_CERT7_DB, CA_SECMOD, CERT_DER, CERT_BASE64, CERT_KEY3_DB, CERT_NICKNAME, KEY_DER, or KEY_BASE64"
)

// Module is ldap_module.
var Module = server.Module{
	Name:    "ldap_module",
	Source:  "util_ldap.c",
	Mutexes: []string{"ldap-cache"},
	Directives: directives.Table{
		{Name: "LDAPSharedCacheSize", In: inServer, Forbid: directives.GlobalOnly,
			NoOp:  "each child remembers answers for itself, as many as LDAPCacheEntries and LDAPOpCacheEntries say",
			Usage: "Set the size of the shared memory cache (in bytes). Use 0 to disable the shared memory cache. (default: 500000)",
			Set:   settings.Take1(nothing)},
		{Name: "LDAPSharedCacheFile", In: inServer, Forbid: directives.GlobalOnly, NoOp: "answers are remembered in memory",
			Usage: "Set the file name for the shared memory cache.", Set: settings.Take1(nothing)},
		{Name: "LDAPCacheEntries", In: inServer, Forbid: directives.GlobalOnly,
			Usage: "Set the maximum number of entries that are possible in the LDAP search cache. Use 0 or -1 to disable the search cache (default: 1024)",
			Set:   settings.Take1((*serverConfig).setSearches)},
		{Name: "LDAPCacheTTL", In: inServer, Forbid: directives.GlobalOnly,
			Usage: "Set the maximum time (in seconds) that an item can be cached in the LDAP search cache. Use 0 for no limit. (default 600)",
			Set:   settings.Take1((*serverConfig).setSearchTTL)},
		{Name: "LDAPOpCacheEntries", In: inServer, Forbid: directives.GlobalOnly,
			Usage: "Set the maximum number of entries that are possible in the LDAP compare cache. Use 0 or -1 to disable the compare cache (default: 1024)",
			Set:   settings.Take1((*serverConfig).setCompares)},
		{Name: "LDAPOpCacheTTL", In: inServer, Forbid: directives.GlobalOnly,
			Usage: "Set the maximum time (in seconds) that an item is cached in the LDAP operation cache. Use 0 for no limit. (default: 600)",
			Set:   settings.Take1((*serverConfig).setCompareTTL)},
		{Name: "LDAPTrustedGlobalCert", In: inServer, Forbid: directives.GlobalOnly, Reads: directives.BeforeJail,
			Usage: "Takes three arguments; the first argument is the cert type of the second argument, one of " + certificates + ". " +
				"The second argument specifes the file and/or directory containing the trusted CA certificates (and global client certs " +
				"for Netware) used to validate the LDAP server. The third argument is an optional passphrase if applicable.",
			Set: settings.Take23((*serverConfig).addGlobal)},
		{Name: "LDAPTrustedClientCert", In: directives.AuthConfig, Reads: directives.BeforeJail,
			Usage: "Takes three arguments: the first argument is the certificate type of the second argument, one of " + certificates + ". " +
				"The second argument specifies the file and/or directory containing the client certificate, or certificate ID used to " +
				"validate this LDAP client.  The third argument is an optional passphrase if applicable.",
			Set: slot.Take23((*config).addClient)},
		{Name: "LDAPTrustedMode", In: inServer, Forbid: directives.NotInDirContext,
			Usage: "Specify the type of security that should be applied to an LDAP connection. One of; NONE, SSL or STARTTLS.",
			Set:   settings.Take1((*serverConfig).setMode)},
		{Name: "LDAPVerifyServerCert", In: inServer, Forbid: directives.GlobalOnly,
			Usage: "Set to 'ON' requires that the server certificate be verified before a secure LDAP connection can be establish.  Default 'ON'",
			Set:   settings.FlagErr((*serverConfig).setVerify)},
		{Name: "LDAPConnectionTimeout", In: inServer, Forbid: directives.GlobalOnly,
			Usage: "Specify the LDAP socket connection timeout in seconds (default: 10)", Set: settings.Take1((*serverConfig).setConnectTimeout)},
		{Name: "LDAPReferrals", In: directives.AuthConfig,
			Usage: "Choose whether referrals are chased ['ON'|'OFF'|'DEFAULT'].  Default 'ON'", Set: slot.Take1((*config).setReferrals)},
		{Name: "LDAPReferralHopLimit", In: directives.AuthConfig,
			Usage: "Limit the number of referral hops that LDAP can follow. (Integer value, Consult LDAP SDK documentation for applicability and defaults",
			Set:   slot.Take1((*config).setHops)},
		{Name: "LDAPLibraryDebug", In: inServer, Forbid: directives.GlobalOnly, NoOp: "there is no C library whose messages it would turn on",
			Usage: "Enable debugging in LDAP SDK (Default: off, values: SDK specific",
			Set:   settings.Take1(nothing)},
		{Name: "LDAPTimeout", In: inServer, Forbid: directives.GlobalOnly,
			Usage: "Specify the LDAP bind/search timeout in seconds (0 = no limit). Default: 60", Set: settings.Take1((*serverConfig).setTimeout)},
		{Name: "LDAPConnectionPoolTTL", In: inServer,
			Usage: "Specify the maximum amount of time a bound connection can sit idle and still be considered valid for reuse" +
				"(0 = no pool, -1 = no limit, n = time in seconds). Default: -1",
			Set: settings.Take1((*serverConfig).setPoolTTL)},
		{Name: "LDAPRetries", In: inServer, Forbid: directives.GlobalOnly,
			Usage: "Specify the number of times a failed LDAP operation should be retried (0 = no retries). Default: 3",
			Set:   settings.Take1((*serverConfig).setRetries)},
		{Name: "LDAPRetryDelay", In: inServer, Forbid: directives.GlobalOnly,
			Usage: "Specify the delay between retries of a failed LDAP operation (0 = no delay). Default: 0",
			Set:   settings.Take1((*serverConfig).setRetryDelay)},
	},
	Hooks: []server.Hook{
		server.PostConfig.Middle(prepare),
		server.BeforeJail.Middle(beforeJail),
		server.Handler.Named("ldap-status", showStatus).Harmless(),
	},
	LDAP: service{},
}

var (
	settings = directives.NewServerSlot(mergeServer)
	slot     = directives.NewDirSlot(merge)
	elog     = server.NewLog("ldap")
)

// nothing is what a directive does that has no effect here.
func nothing(*serverConfig, *directives.Cmd, string) error { return nil }
