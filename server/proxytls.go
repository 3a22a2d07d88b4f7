package server

import (
	"crypto/tls"
	"errors"
)

// ErrNoProxyTLS says that no module speaks TLS to backends here.
var ErrNoProxyTLS = errors.New("no module for TLS to backends is active")

// ErrProxyTLSOff says that the configuration does not want TLS spoken to backends
// (SSLProxyEngine). It has been logged.
var ErrProxyTLSOff = errors.New("TLS to backends is not enabled")

// ProxyTLS is how to speak TLS to a backend called host for this request, as
// SSLProxyEngine and its companions say; an error where they do not allow it.
func (r *Request) ProxyTLS(host string) (*tls.Config, error) {
	for _, m := range r.Gen.Modules {
		if m.ProxyTLS != nil {
			return m.ProxyTLS(r, host)
		}
	}
	return nil, ErrNoProxyTLS
}

// SpeaksProxyTLS tells whether a module for TLS to backends is active.
func (g *Generation) SpeaksProxyTLS() bool {
	for _, m := range g.Modules {
		if m.ProxyTLS != nil {
			return true
		}
	}
	return false
}
