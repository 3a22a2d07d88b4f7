package proxy

import (
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// handles tells whether the handler has anything to do with a request.
func handles(r *server.Request) bool { return r.Proxied || strings.HasPrefix(r.Handler, prefix) }

// handle answers a request by asking another server (proxy_handler).
func handle(r *server.Request) server.Status {
	switch {
	case r.Filename == "":
		return server.Declined
	case !r.Proxied:
		// SetHandler "proxy:…"
		if !strings.HasPrefix(r.Handler, prefix) || strings.HasPrefix(r.Filename, prefix) {
			return server.Declined
		}
		r.Forwarded()
		file := r.Filename
		r.Proxied, r.Filename = true, r.Handler+file
		r.Notes.Set("proxy-sethandler", "1")
		if s := fixup(r); s != server.OK {
			r.Proxied, r.Filename = false, file
			return s
		}
	case !strings.HasPrefix(r.Filename, prefix):
		return server.Declined
	default:
		r.Forwarded()
		if s := takeSocket(r); s != server.OK {
			return s
		}
	}
	conf := serverSlot.Of(r.Server)
	if s, done := limits(r, conf); done {
		return s
	}
	url := r.Filename[len(prefix):]
	scheme, _, ok := strings.Cut(url, ":")
	if !ok {
		if e := elog.Debug(r); e != nil {
			e.Msgf("AH01141: proxy_handler no URL in %s", r.Filename)
		}
		return 400
	}
	if conf.Domain != "" {
		if s := needsDomain(r, conf.Domain); s != server.Declined {
			return s
		}
	}
	direct := false
	for _, d := range conf.Direct {
		direct = direct || isDirect(d, requestHost(r))
	}
	c := &server.ProxyCall{R: r, Conf: conf}
	s := attempts(c, scheme, url, direct)
	if s == server.Declined {
		elog.Warn(r).Msgf("AH01144: No protocol handler was valid for the URL %s (scheme '%s'). If you are using a DSO version of mod_proxy, "+
			"make sure the proxy submodules are included in the configuration using LoadModule.", r.URI, scheme)
		s = 500
	}
	finish(c, s)
	return s
}

// attempts asks backends until one has answered, or no other may be asked.
func attempts(c *server.ProxyCall, scheme, url string, direct bool) server.Status {
	r := c.R
	most := 0
	for {
		c.URL, c.Socket, c.Remote = url, r.Notes.Get("uds_path"), nil
		if s := choose(c); s != server.OK {
			if c.Worker == nil {
				c.Balancer = nil
			}
			return s
		}
		if c.Balancer != nil && most == 0 {
			most = c.Balancer.Settings().MaxAttempts
		}
		s := server.Declined
		if !direct {
			var fatal bool
			if s, fatal = throughRemote(c, scheme); fatal {
				return s
			}
		}
		c.Remote = nil
		if e := elog.Debug(r); e != nil {
			e.Msgf("AH01143: Running scheme %s handler (attempt %d)", scheme, c.Attempt)
		}
		s = c.Serve()
		switch {
		case s == server.OK, r.Notes.Has("proxy-error-override"):
			return s
		case s == 500:
			fail(c)
			return s
		case s == 503:
			fail(c)
		default:
			return s
		}
		if c.Worker.Shared.Status().Usable() || c.Attempt >= most {
			return s
		}
		c.Attempt++
	}
}

// fail puts a member of a balancer into error.
func fail(c *server.ProxyCall) {
	sh := c.Worker.Shared
	if c.Balancer != nil && sh.Status()&server.ProxyIgnoreErrors == 0 {
		sh.SetErrorTime(time.Now())
		sh.SetStatus(server.ProxyInError, 0)
	}
}

// throughRemote tries the proxies that ProxyRemote names for the URL. fatal says
// that its status is the answer: another way must not be tried.
func throughRemote(c *server.ProxyCall, scheme string) (s server.Status, fatal bool) {
	for _, p := range c.Conf.Remotes {
		if !remoteFor(p, scheme, c.URL) {
			continue
		}
		elog.Debug(c.R).Msg("AH01142: Trying to run scheme_handler against proxy")
		c.Remote = p
		s := c.Serve()
		if s == server.Declined {
			continue
		}
		if s != 502 || c.R.ContentLength != 0 {
			return s, true
		}
	}
	return server.Declined, false
}

// choose finds the worker for the call's URL (ap_proxy_pre_request).
func choose(c *server.ProxyCall) server.Status {
	r := c.R
	s := c.PreRequest()
	switch {
	case s == server.Declined && c.Balancer == nil:
		if c.Worker = c.Conf.FindWorker(nil, c.URL); c.Worker != nil {
			if e := elog.Trace(2, r); e != nil {
				e.Msgf("%s: found worker %s for %s", c.Worker.Scheme, c.Worker.Name, c.URL)
			}
			return server.OK
		}
		c.Worker = c.Conf.Reverse
		if r.Forward {
			c.Worker = c.Conf.Forward
			if e := elog.Trace(2, r); e != nil {
				e.Msgf("*: found forward proxy worker for %s", c.URL)
			}
		} else {
			if e := elog.Trace(2, r); e != nil {
				e.Msgf("*: using default reverse proxy worker for %s (no keepalive)", c.URL)
			}
		}
		if c.Worker == nil {
			return server.Declined
		}
		// Its connections are not kept, which the backend is told.
		r.Env.Set("proxy-nokeepalive", "1")
		return server.OK
	case s == server.Declined:
		elog.Error(r).Msgf("AH00934: all workers are busy.  Unable to serve %s", c.URL)
		return 503
	}
	return s
}

// finish tells the balancer what came of the call (ap_proxy_post_request).
func finish(c *server.ProxyCall, s server.Status) {
	if c.Balancer == nil {
		return
	}
	r := c.R
	c.Access = s
	if s == server.OK || s == server.Done {
		c.PostRequest()
		return
	}
	saved := r.Status
	r.Status = int(s)
	c.PostRequest()
	if r.Status == int(s) {
		r.Status = saved
	}
}

// limits looks at Max-Forwards and TRACE; done says that the status is the answer.
func limits(r *server.Request, conf *server.ProxyServerConfig) (s server.Status, done bool) {
	left := int64(conf.MaxForwards.Else(-1))
	if text := r.Header.Get("Max-Forwards"); text != "" {
		n, rest, ok := server.Strtoff(text)
		if !ok || n < 0 || rest != "" {
			elog.Warn(r).Msgf("AH10188: Max-Forwards value '%s' could not be parsed", text)
			return r.ProxyError(400, "Max-Forwards request header could not be parsed"), true
		}
		if n == 0 {
			switch r.Method {
			case "TRACE":
				r.Proxied = false
				return r.SendTrace(), true
			case "OPTIONS":
				r.Proxied = false
				return r.SendOptions(), true
			}
			return r.ProxyError(400, "Max-Forwards has reached zero - proxy loop?"), true
		}
		left = n - 1
	}
	if left >= 0 {
		r.SetFieldIn("Max-Forwards", strconv.FormatInt(left, 10))
	}
	if r.Method != "TRACE" {
		return 0, false
	}
	trace := server.CoreServer.Of(r.Server).TraceEnable.Else(server.TraceOn)
	if trace == server.TraceOff {
		r.Notes.Set("error-notes", "TRACE forbidden by server configuration")
		r.Notes.Set("verbose-error-to", "*")
		elog.Error(r).Msg("AH01139: TRACE forbidden by server configuration")
		return 405, true
	}
	// A body is sent on: Apache looks for one before it knows of it (AH01140 is
	// never logged; observed on 2.4.71).
	return 0, false
}

// requestHost is whom the request is for (proxy_get_host_of_request).
func requestHost(r *server.Request) string {
	if r.Hostname != "" {
		return r.Hostname
	}
	_, host, _, err := server.SplitProxyURL(r.URI)
	if err != nil {
		return ""
	}
	return host
}

// needsDomain sends the client on to a name with its domain, if it asked for one
// without (proxy_needsdomain).
func needsDomain(r *server.Request, domain string) server.Status {
	host, _ := splitHost(r.URL.Host, r.URL.Scheme)
	if r.Method != "GET" && r.Method != "HEAD" || host == "" || strings.ContainsAny(host, ".:") || strings.EqualFold(host, "localhost") {
		return server.Declined
	}
	to := *r.URL
	to.Host = host + domain + r.URL.Host[len(host):]
	rest := r.UnparsedURI[strings.Index(r.UnparsedURI, "://")+3:]
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[i:]
	} else {
		rest = ""
	}
	user := ""
	if r.URL.User != nil {
		user = r.URL.User.String() + "@"
	}
	location := r.URL.Scheme + "://" + user + to.Host + rest
	r.Out.Set("Location", location)
	from := ""
	if ref := r.Header.Get("Referer"); ref != "" {
		from = " from " + ref
	}
	elog.Info(r).Msgf("AH01138: Domain missing: %s sent to %s%s", r.URI, r.URL.Scheme+"://"+to.Host+rest, from)
	return 301
}
