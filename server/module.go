package server

import (
	"crypto/tls"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
)

// Module is one of Apache's modules: its directives and the hooks it adds to
// the phases. A package below modules/ exports one as a variable named Module.
type Module struct {
	Name       string // identifier, as LoadModule names it: "alias_module"
	Source     string // what <IfModule> may say too; "" for the usual mod_alias.c
	Directives directives.Table
	Hooks      []Hook
	Static     bool // always active, as those in "httpd -l" are
	OnRequest  bool // active only by LoadModule, even where the text loads no module at all
	// Defaults fills the main server's slots before anything is compiled; may be nil.
	Defaults func(main *directives.Server)

	LogItems []LogItem       // what it adds to LogFormat
	Authz    []AuthzProvider // what it adds to Require
	Authn    []AuthnProvider // what it adds to AuthBasicProvider and AuthDigestProvider
	// Filters that directives name (SetOutputFilter, AddInputFilter).
	OutputFilters []*OutputFilter
	InputFilters  []*InputFilter
	// Filters that a server's configuration defines by name (ExtFilterDefine); may be nil.
	DefinedOutput func(v *directives.Server, name string) *OutputFilter
	DefinedInput  func(v *directives.Server, name string) *InputFilter
	// Connected looks at a connection that was taken in (pre_connection); may be nil.
	Connected func(*Conn)
	Mutexes   []string // names of Apache's mutexes that Mutex may mention
	// AuthType answers the AuthType that holds for a request, "" for none; may be nil.
	AuthType func(*Request) string
	// AuthName answers the realm that holds for a request, and whether there is one; may be nil.
	AuthName func(*Request) (string, bool)
	// NoteAuthFailure adds the challenge of an AuthType, or answers false when
	// the type is not the module's; may be nil.
	NoteAuthFailure func(r *Request, authType string) bool
	// CacheAuthn keeps what a provider found out, see [Request.CacheAuthn]; may be nil.
	CacheAuthn  func(r *Request, provider, user string, realm *string, hash string)
	Socache     *SocacheProvider // the kind of cache that it brings; may be nil
	Cache       *CacheProvider   // the kind of cache for responses that it brings; may be nil
	SSIElements []SSIElement     // what it adds to the elements of server-side includes
	// Session gives the session of a request, see [Request.Session]; may be nil.
	Session func(*Request) *Session
	// SessionStore keeps sessions, SessionCoding changes their stored form; may be nil.
	SessionStore  *SessionStore
	SessionCoding *SessionCoding
	// DBD gives connections to databases; may be nil.
	DBD *DBD
	// FileGroup is the group that owns the request's file, see [Request.FileGroup]; may be nil.
	FileGroup     func(*Request) (string, bool)
	Certificates  *CertificateManager // certificates that it brings; may be nil
	LDAP          LDAP                // how it asks directories; may be nil
	MarkupCharset *MarkupCharset      // how it finds out the character set of pages; may be nil
	// Speaker serves a connection that does not speak HTTP, nil for one that does; see
	// [Conn.Speaker]. May be nil.
	Speaker func(*Conn) Speaker
	// RemoteLogname answers whose the connection is at the client's side, "" when it
	// does not ask for this request; see [Request.RemoteLogname]. May be nil.
	RemoteLogname func(*Request) string
	// Preface answers what a connection must begin with, nil for nothing; may be nil.
	Preface func(*Conn) Preface
	// Secure answers how a connection is encrypted, nil for one in clear; may be nil.
	Secure func(*Conn) *Secure
	// Wire speaks other protocols than HTTP/1.x on connections; may be nil.
	Wire *WireProtocol
	// TLSVariable answers a variable of an encrypted connection by its name
	// ("SSL_PROTOCOL"), "" for none; may be nil.
	TLSVariable func(r *Request, name string) string
	// LogID names a request in the logs (generate_log_id), "" leaves that to the
	// core; may be nil.
	LogID func(*Request) string
	// ReadLimits answers how long clients may take, see [Generation.ReadLimits]; may be nil.
	ReadLimits func(*directives.Server) *ReadLimits
	// RequiresAuthz answers whether any Require holds for a request and its method
	// (authz_some_auth_required); may be nil.
	RequiresAuthz func(*Request) bool
	// Satisfy answers whether access by address and by user are both wanted; may be nil.
	Satisfy func(*Request) Satisfy

	// ProxyScheme serves URLs of proxies, see [ProxyScheme]; may be nil.
	ProxyScheme *ProxyScheme
	// ProxyPreRequest and ProxyPostRequest stand around the calls to backends; may be nil.
	ProxyPreRequest  ProxyPreRequest
	ProxyPostRequest ProxyPostRequest
	// ProxyLBMethod is the balancing method that it brings; may be nil.
	ProxyLBMethod *ProxyLBMethod
	// ProxyParam sets worker parameters of its own; may be nil.
	ProxyParam ProxyParamSetter
	// ProxyDefine makes a worker of a URL while serving; may be nil.
	ProxyDefine func(g *Generation, url string) (*ProxyWorker, error)
	// ProxyChecks are the conditions for health checks that a server has; may be nil.
	ProxyChecks func(*directives.Server) []ProxyCheckExpr
	// StatusPage is what it adds to mod_status's page, HTML or, when short, lines
	// for programs; may be nil.
	StatusPage func(r *Request, short bool) string
	// DavProvider is the WebDAV repository that it is; nil for none.
	DavProvider *DavProvider
	// ProxyTLS answers how to speak TLS to a backend, see [Request.ProxyTLS]; may be nil.
	ProxyTLS func(r *Request, host string) (*tls.Config, error)
}

// SourceName is the name of the module's main file in Apache's tree.
func (m *Module) SourceName() string {
	if m.Source != "" {
		return m.Source
	}
	return "mod_" + strings.TrimSuffix(m.Name, "_module") + ".c"
}
