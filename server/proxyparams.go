package server

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// ProxyFlush is when a response is handed on to the client: flushpackets.
type ProxyFlush uint8

const (
	ProxyFlushOff  ProxyFlush = iota // when a buffer is full, or nothing more comes for the moment
	ProxyFlushOn                     // after each piece
	ProxyFlushAuto                   // when nothing more comes within flushwait
)

// ProxyParams are the parameters of a worker: what ProxyPass, BalancerMember,
// <Proxy> and ProxySet say.
type ProxyParams struct {
	LoadFactor        directives.Opt[int] // times 100
	LBSet             directives.Opt[int]
	Route             string
	Redirect          string
	Retry             directives.Opt[time.Duration] // 60 s
	TTL               time.Duration                 // of idle connections beyond SMax; 0: for ever
	Min               int
	Max               directives.Opt[int]           // connections of a child; 0 or unset: no bound
	SMax              directives.Opt[int]           // idle connections that are kept beyond TTL
	Acquire           directives.Opt[time.Duration] // wait for a connection when there are Max
	Timeout           directives.Opt[time.Duration]
	ConnectTimeout    directives.Opt[time.Duration]
	Ping              directives.Opt[time.Duration] // wait for 100 Continue or CPONG
	AddressTTL        directives.Opt[time.Duration] // how long an address is believed; negative: for ever
	IOBufferSize      directives.Opt[int]
	ReceiveBufferSize directives.Opt[int]
	ResponseFieldSize directives.Opt[int]
	KeepAlive         directives.Opt[bool] // TCP keep-alive probes
	DisableReuse      directives.Opt[bool] // of connections; enablereuse says the contrary
	Flush             directives.Opt[ProxyFlush]
	FlushWait         time.Duration // 0: 10 ms
	Status            ProxyStatus   // bits of status=+X
	StatusOff         ProxyStatus   // bits of status=-X
	Upgrade           string        // protocol; "*" for ANY
	Secret            string
	Flusher           string
	HealthCheck       ProxyHealthCheck
}

// DefaultProxyRetry is how long a worker in error is left alone.
const DefaultProxyRetry = 60 * time.Second

// Limits of strings, from mod_proxy.h.
const (
	maxProxyRoute   = 64
	maxProxyScheme  = 16
	maxProxySecret  = 64
	maxProxyLBName  = 16
	maxProxyNonce   = 37 // APR_UUID_FORMATTED_LENGTH and the end
	maxProxyUpgrade = 16
	maxProxySticky  = 64
)

// ProxyParamSetter sets worker parameters that a module adds (set_worker_hc_param).
// known is false for one that is not its own.
type ProxyParamSetter func(cmd *directives.Cmd, p *ProxyParams, key, val string) (known bool, err error)

func proxyFlag(val, problem string) (bool, error) {
	switch LowerASCII(val) {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, errors.New(problem)
}

// Set sets a parameter of a worker; errors are Apache's (set_worker_param).
func (p *ProxyParams) Set(cmd *directives.Cmd, key, val string) error {
	n := Atoi(val)
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	switch LowerASCII(key) {
	case "loadfactor":
		f, _ := strconv.ParseFloat(floatPrefix(val), 64)
		if f*100 < 100 || f*100 > 10000 {
			return errors.New("LoadFactor must be a number between 1..100")
		}
		p.LoadFactor = directives.Given(int(f * 100))
	case "retry":
		if n < 0 {
			return errors.New("Retry must be a positive value")
		}
		p.Retry = directives.Given(seconds(n))
	case "ttl":
		if n < 1 {
			return errors.New("TTL must be at least one second")
		}
		p.TTL = seconds(n)
	case "min":
		if n < 0 {
			return errors.New("Min must be a positive number")
		}
		p.Min = n
	case "max":
		if n < 0 {
			return errors.New("Max must be a positive number")
		}
		p.Max = directives.Given(n)
	case "smax":
		if n < 0 {
			return errors.New("Smax must be a positive number")
		}
		p.SMax = directives.Given(n)
	case "acquire":
		return setTimeout(&p.Acquire, val, time.Millisecond, "Acquire timeout has wrong format", "Acquire must be at least one millisecond")
	case "timeout":
		if n < 1 {
			return errors.New("Timeout must be at least one second")
		}
		p.Timeout = directives.Given(seconds(n))
	case "iobuffersize":
		if n < 512 && n != 0 {
			return errors.New("IOBufferSize must be >= 512 bytes, or 0 for system default.")
		}
		p.IOBufferSize = directives.Given(n)
	case "receivebuffersize":
		if n < 512 && n != 0 {
			return errors.New("ReceiveBufferSize must be >= 512 bytes, or 0 for system default.")
		}
		p.ReceiveBufferSize = directives.Given(n)
	case "keepalive":
		on, err := proxyFlag(val, "KeepAlive must be On|Off")
		p.KeepAlive = directives.Given(on)
		return err
	case "disablereuse":
		on, err := proxyFlag(val, "DisableReuse must be On|Off")
		p.DisableReuse = directives.Given(on)
		return err
	case "enablereuse":
		on, err := proxyFlag(val, "EnableReuse must be On|Off")
		p.DisableReuse = directives.Given(!on)
		return err
	case "addressttl":
		ttl, err := strconv.ParseInt(val, 10, 64)
		if err != nil || ttl < -1 || ttl > math.MaxInt32 {
			return fmt.Errorf("AddressTTL must be -1 or a number of seconds not exceeding (%d)", math.MaxInt32)
		}
		p.AddressTTL = directives.Given(seconds(int(ttl)))
	case "route":
		return setLimited(&p.Route, val, maxProxyRoute, "Route length must be < %d characters")
	case "redirect":
		return setLimited(&p.Redirect, val, maxProxyRoute, "Redirect length must be < %d characters")
	case "status":
		return p.setStatus(val)
	case "flushpackets":
		how, ok := map[string]ProxyFlush{"on": ProxyFlushOn, "off": ProxyFlushOff, "auto": ProxyFlushAuto}[LowerASCII(val)]
		if !ok {
			return errors.New("flushpackets must be on|off|auto")
		}
		p.Flush = directives.Given(how)
	case "flushwait":
		if n > 1000 || n < 0 {
			return errors.New("flushwait must be <= 1000, or 0 for system default of 10 millseconds.")
		}
		p.FlushWait = time.Duration(n) * time.Millisecond
	case "ping":
		return setTimeout(&p.Ping, val, time.Second, "Ping/Pong timeout has wrong format", "Ping/Pong timeout must be at least one millisecond")
	case "lbset":
		if n < 0 || n > 99 {
			return errors.New("lbset must be between 0 and 99")
		}
		p.LBSet = directives.Given(n)
	case "connectiontimeout":
		return setTimeout(&p.ConnectTimeout, val, time.Second, "Connectiontimeout has wrong format", "Connectiontimeout must be at least one millisecond.")
	case "flusher":
		return setLimited(&p.Flusher, val, maxProxyScheme, "flusher name length must be < %d characters")
	case "upgrade":
		if err := setLimited(&p.Upgrade, val, maxProxyUpgrade, "upgrade protocol length must be < %d characters"); err != nil {
			return err
		}
		if equalFold(val, "ANY") {
			p.Upgrade = "*"
		}
	case "responsefieldsize":
		if n < 0 {
			return errors.New("ResponseFieldSize must be greater than 0 bytes, or 0 for system default.")
		}
		p.ResponseFieldSize = directives.Given(n)
	case "secret":
		return setLimited(&p.Secret, val, maxProxySecret, "Secret length must be < %d characters")
	default:
		for _, m := range ActiveModules(cmd) {
			if m.ProxyParam == nil {
				continue
			}
			if known, err := m.ProxyParam(cmd, p, key, val); known {
				return err
			}
		}
		return errors.New("unknown Worker parameter")
	}
	return nil
}

func (p *ProxyParams) setStatus(val string) error {
	set := true
	for i := 0; i < len(val); i++ {
		switch c := val[i]; c {
		case '+':
			set = true
		case '-':
			set = false
		default:
			bit, ok := ProxyStatus(0).WithFlag(c, true)
			if !ok {
				return errors.New("Unknown status parameter option")
			}
			if set {
				p.Status, p.StatusOff = p.Status|bit, p.StatusOff&^bit
			} else {
				p.Status, p.StatusOff = p.Status&^bit, p.StatusOff|bit
			}
		}
	}
	return nil
}

func setTimeout(to *directives.Opt[time.Duration], val string, unit time.Duration, format, short string) error {
	d, err := ParseTimeout(val, unit)
	if err != nil {
		return errors.New(format)
	}
	if d < time.Millisecond {
		return errors.New(short)
	}
	*to = directives.Given(d)
	return nil
}

func setLimited(to *string, val string, limit int, problem string) error {
	if len(val) >= limit {
		return fmt.Errorf(problem, limit)
	}
	*to = val
	return nil
}

// floatPrefix is what C's atof would read of s.
func floatPrefix(s string) string {
	end, dot := 0, false
	for end < len(s) {
		c := s[end]
		switch {
		case c >= '0' && c <= '9':
		case c == '.' && !dot:
			dot = true
		case end == 0 && (c == '-' || c == '+'):
		default:
			return s[:end]
		}
		end++
	}
	return s
}

// ProxyBalancerParams are the parameters of a balancer.
type ProxyBalancerParams struct {
	LBMethod        *ProxyLBMethod // nil: byrequests
	Sticky          string         // name of the cookie; "" for none
	StickyPath      string         // name of the parameter in the path
	StickySeparator directives.Opt[byte]
	NoFailover      directives.Opt[bool] // sticky_force
	Timeout         directives.Opt[time.Duration]
	MaxAttempts     directives.Opt[int]
	ScolonPathDelim directives.Opt[bool]
	FailOnStatus    []int
	FailOnTimeout   bool
	ForceRecovery   directives.Opt[bool] // on unless said
	Nonce           directives.Opt[string]
	Growth          directives.Opt[int]
}

// MethodName is the name of the balancing method.
func (p *ProxyBalancerParams) MethodName() string {
	if p.LBMethod == nil {
		return "byrequests"
	}
	return p.LBMethod.Name
}

// Set sets a parameter of a balancer; errors are Apache's (set_balancer_param).
func (p *ProxyBalancerParams) Set(cmd *directives.Cmd, key, val string) error {
	n := Atoi(val)
	flag := func(to *directives.Opt[bool], problem string) error {
		on, err := proxyFlag(val, problem)
		if err == nil {
			*to = directives.Given(on)
		}
		return err
	}
	switch LowerASCII(key) {
	case "stickysession":
		p.Sticky, p.StickyPath = val, val
		if cookie, path, ok := strings.Cut(val, "|"); ok {
			p.Sticky, p.StickyPath = cookie, path
		}
	case "stickysessionsep":
		switch {
		case len(val) == 1:
			p.StickySeparator = directives.Given(val[0])
		case equalFold(val, "off"):
			p.StickySeparator = directives.Given(byte(0))
		default:
			return errors.New("stickysessionsep must be a single character or Off")
		}
	case "nofailover":
		return flag(&p.NoFailover, "failover must be On|Off")
	case "timeout":
		if n < 1 {
			return errors.New("timeout must be at least one second")
		}
		p.Timeout = directives.Given(time.Duration(n) * time.Second)
	case "maxattempts":
		if n < 0 {
			return errors.New("maximum number of attempts must be a positive number")
		}
		p.MaxAttempts = directives.Given(n)
	case "lbmethod":
		for _, m := range ActiveModules(cmd) {
			if m.ProxyLBMethod != nil && m.ProxyLBMethod.Name == val {
				p.LBMethod = m.ProxyLBMethod
				return nil
			}
		}
		return errors.New("unknown lbmethod")
	case "scolonpathdelim":
		return flag(&p.ScolonPathDelim, "scolonpathdelim must be On|Off")
	case "failonstatus":
		var list []int
		for _, w := range strings.FieldsFunc(val, func(c rune) bool { return c == ',' || c == ' ' }) {
			status := Atoi(w)
			if status < 100 || status > 599 {
				return errors.New("failonstatus must be one or more HTTP response codes")
			}
			list = append(list, status)
		}
		p.FailOnStatus = list
	case "failontimeout":
		on, err := proxyFlag(val, "failontimeout must be On|Off")
		p.FailOnTimeout = on
		return err
	case "nonce":
		switch {
		case equalFold(val, "None"):
			p.Nonce = directives.Given("")
		case len(val) >= maxProxyNonce:
			return errors.New("Provided nonce is too large")
		default:
			p.Nonce = directives.Given(val)
		}
	case "growth":
		if n < 1 || n > 100 {
			return errors.New("growth must be between 1 and 100")
		}
		p.Growth = directives.Given(n)
	case "forcerecovery":
		return flag(&p.ForceRecovery, "forcerecovery must be On|Off")
	default:
		return errors.New("unknown Balancer parameter")
	}
	return nil
}
