package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const (
	defaultConnectTimeout = 10 * time.Second
	defaultTimeout        = time.Minute
	defaultRetries        = 3
	defaultHops           = 5 // of libldap
)

// open connects, and binds the connection's user, unless that was done before.
func (h *handle) open() server.LDAPResult {
	if h.bound && !h.rebind {
		h.reason = "LDAP: connection open successful (already bound)"
		return server.LDAPSuccess
	}
	fresh := h.ldap == nil
	if fresh {
		if code := h.dial(); code != server.LDAPSuccess {
			return code
		}
	}
	code := server.LDAPSuccess
	for tries := 0; ; {
		if tries > 0 && h.server.retryDelay > 0 {
			time.Sleep(h.server.retryDelay)
		}
		if code = h.bind(h.to.BindDN, h.to.BindPW); code == server.LDAPSuccess {
			break
		}
		tries++
		switch {
		case down(code):
			elog.Trace(2, h.r).Msgf("ldap_simple_bind() failed with server down (try %d)", tries)
		case code == server.LDAPTimeout:
			elog.Error(h.r).Msgf("AH01284: ldap_simple_bind() timed out on %s connection, dropped by firewall?",
				map[bool]string{true: "new", false: "reused"}[fresh])
		}
		if !down(code) && code != server.LDAPTimeout || tries > h.server.retries.Else(defaultRetries) {
			break
		}
		elog.Trace(2, h.r).Msg("attempt to re-init the connection")
		h.unbind()
		fresh = true
		if c := h.dial(); c != server.LDAPSuccess {
			code = c
			if !down(c) {
				break
			}
		}
	}
	if code != server.LDAPSuccess {
		h.unbind()
		h.reason = "LDAP: ldap_simple_bind() failed"
		return code
	}
	h.bound, h.rebind = true, false
	h.reason = "LDAP: connection open successful"
	return server.LDAPSuccess
}

func down(code server.LDAPResult) bool {
	return code == server.LDAPServerDown || code == 52 // it is unavailable
}

// dial connects to the first of the hosts that answers. As with libldap, a host
// that does not is seen only when something is asked; StartTLS is the exception.
func (h *handle) dial() server.LDAPResult {
	for _, host := range strings.Fields(h.to.Hosts) {
		name, port := host, h.to.Port
		if n, p, err := net.SplitHostPort(host); err == nil {
			name = n
			if port, err = strconv.Atoi(p); err != nil {
				continue
			}
		}
		c, code := h.connect(name, port)
		if code == server.LDAPSuccess {
			h.ldap, h.home = c, name
			return code
		}
		if code != server.LDAPServerDown {
			h.reason = "LDAP: ldap_start_tls_s() failed"
			return code
		}
	}
	return server.LDAPSuccess
}

func (h *handle) connect(name string, port int) (*ldapv3.Conn, server.LDAPResult) {
	ctx, cancel := context.WithCancel(context.Background())
	if d := h.server.connectTimeout.Else(defaultConnectTimeout); d > 0 {
		ctx, cancel = context.WithTimeout(context.Background(), d)
	}
	defer cancel()
	raw, err := server.DialTCP(ctx, name, port)
	if err != nil {
		elog.Debug(h.r).Msgf("cannot connect to %s:%d: %s", name, port, err)
		return nil, server.LDAPServerDown
	}
	var conf *tls.Config
	if h.security != server.LDAPClear {
		certs := directives.Append(settings.Of(mainOf(h.r.Server)).globals, slot.Of(h.section).clients)
		if conf, err = tlsConfig(certs, h.server.verify.Else(true), name); err != nil {
			raw.Close()
			elog.Error(h.r).Msgf("LDAP: %s", err)
			return nil, server.LDAPLocalError
		}
	}
	if h.security == server.LDAPSSL {
		t := tls.Client(raw, conf)
		if err := t.HandshakeContext(ctx); err != nil {
			raw.Close()
			elog.Info(h.r).Msgf("LDAP: TLS with %s:%d failed: %s", name, port, err)
			return nil, server.LDAPServerDown
		}
		raw = t
	}
	c := ldapv3.NewConn(raw, h.security == server.LDAPSSL)
	c.SetTimeout(h.server.timeout.Else(defaultTimeout))
	c.Start()
	if h.security == server.LDAPStartTLS {
		if err := c.StartTLS(conf); err != nil {
			c.Close()
			elog.Info(h.r).Msgf("LDAP: StartTLS with %s:%d failed: %s", name, port, err)
			return nil, server.LDAPConnectError
		}
	}
	return c, server.LDAPSuccess
}

func mainOf(v *directives.Server) *directives.Server {
	if v.Main != nil {
		return v.Main
	}
	return v
}

// bind makes the connection that of a user.
func (h *handle) bind(dn, password string) server.LDAPResult {
	if h.ldap == nil {
		return server.LDAPServerDown
	}
	_, err := h.ldap.SimpleBind(&ldapv3.SimpleBindRequest{Username: dn, Password: password, AllowEmptyPassword: true})
	return resultOf(err)
}

// resultOf is the result code of what the library says.
func resultOf(err error) server.LDAPResult {
	if err == nil {
		return server.LDAPSuccess
	}
	var e *ldapv3.Error
	if !errors.As(err, &e) {
		return server.LDAPServerDown
	}
	switch code := e.ResultCode; {
	case code == ldapv3.ErrorNetwork:
		if e.Err != nil && strings.Contains(e.Err.Error(), "timed out") {
			return server.LDAPTimeout
		}
		return server.LDAPServerDown
	case code == ldapv3.ErrorFilterCompile || code == ldapv3.ErrorFilterDecompile:
		return server.LDAPFilterError
	case code >= ldapv3.ErrorNetwork:
		return server.LDAPServerDown
	default:
		return server.LDAPResult(code)
	}
}
