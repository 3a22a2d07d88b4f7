package server

import (
	"strings"

	"github.com/donjon-httpd/donjon/server/pattern"
)

// This file and the other proxy*.go are what mod_proxy is to its companions:
// the workers and balancers that the configuration names, and the ways to reach
// them. Modules for schemes (proxy_http, proxy_fcgi), for balancing and for
// health checks meet here and never import one another.

// ProxyWorker is a backend (proxy_worker). The configuration makes it; it is
// immutable while it serves, but for Shared and the pool.
type ProxyWorker struct {
	Name     string // normalized URL without socket: "http://app.example.com:8080/x"
	Scheme   string // lower case
	Hostname string // lower case; without brackets
	Port     int    // 0 when neither URL nor scheme says
	Socket   string // of "unix:/path|…": the path as configured, made absolute; "" for TCP
	Params   ProxyParams
	Balancer *ProxyBalancer // that it is a member of; nil for none

	// NoReuse: connections cannot be kept, because the address differs from
	// request to request (is_address_reusable false, and not set by disablereuse).
	NoReuse bool
	// Match is the regular expression of the ProxyPassMatch that it belongs to; nil for none.
	Match *pattern.Regexp
	// Glob is Name as a wildcard pattern: of a ProxyPassMatch, with $n for what is not known.
	Glob bool

	Shared *ProxyShared // what all children know of it; set in PostConfig, never nil then
	pool   proxyPool

	addresses proxyAddresses
	settings  record[ProxyWorkerSettings]
}

// FullName is how Apache's logs and status pages call the worker (ap_proxy_worker_name).
func (w *ProxyWorker) FullName() string {
	if w.Socket == "" {
		return w.Name
	}
	return "unix:" + w.Socket + "|" + w.Name
}

// ProxyStatus is the state of a worker, as bits.
type ProxyStatus uint32

const (
	ProxyInitialized  ProxyStatus = 0x0001
	ProxyIgnoreErrors ProxyStatus = 0x0002
	ProxyDrain        ProxyStatus = 0x0004
	ProxyGeneric      ProxyStatus = 0x0008
	ProxyInShutdown   ProxyStatus = 0x0010
	ProxyDisabled     ProxyStatus = 0x0020
	ProxyStopped      ProxyStatus = 0x0040
	ProxyInError      ProxyStatus = 0x0080
	ProxyHotStandby   ProxyStatus = 0x0100
	ProxyFree         ProxyStatus = 0x0200
	ProxyHCFail       ProxyStatus = 0x0400
	ProxyHotSpare     ProxyStatus = 0x0800

	proxyNotUsable = ProxyInShutdown | ProxyDisabled | ProxyStopped | ProxyInError | ProxyHCFail
)

// ProxyStatusFlag is a state with its letter in status= and its word on status pages.
type ProxyStatusFlag struct {
	Bit  ProxyStatus
	Flag byte
	Name string
}

// ProxyStatusFlags are all of them, in the order in which pages show them (proxy_wstat_tbl).
var ProxyStatusFlags = []ProxyStatusFlag{
	{ProxyInitialized, 'O', "Init "}, {ProxyIgnoreErrors, 'I', "Ign "}, {ProxyDrain, 'N', "Drn "},
	{ProxyGeneric, 'G', "Gen "}, {ProxyInShutdown, 'U', "Shut "}, {ProxyDisabled, 'D', "Dis "},
	{ProxyStopped, 'S', "Stop "}, {ProxyInError, 'E', "Err "}, {ProxyHotStandby, 'H', "Stby "},
	{ProxyHotSpare, 'R', "Spar "}, {ProxyFree, 'F', "Free "}, {ProxyHCFail, 'C', "HcFl "},
}

// Usable tells whether requests may be sent to a worker in this state.
func (s ProxyStatus) Usable() bool { return s&proxyNotUsable == 0 && s&ProxyInitialized != 0 }

// String is the state as status pages show it (ap_proxy_parse_wstatus).
func (s ProxyStatus) String() string {
	var b strings.Builder
	for _, f := range ProxyStatusFlags {
		if s&f.Bit != 0 {
			b.WriteString(f.Name)
		}
	}
	if s.Usable() {
		b.WriteString("Ok ")
	}
	return b.String()
}

// WithFlag is s with the state of a letter set or cleared; false for a letter
// that there is not (ap_proxy_set_wstatus).
func (s ProxyStatus) WithFlag(letter byte, set bool) (ProxyStatus, bool) {
	if letter >= 'a' && letter <= 'z' {
		letter -= 'a' - 'A'
	}
	for _, f := range ProxyStatusFlags {
		if f.Flag == letter {
			if set {
				return s | f.Bit, true
			}
			return s &^ f.Bit, true
		}
	}
	return s, false
}
