package lua

import (
	"os"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// outputFuncs write the response.
var outputFuncs = map[string]func(*call) int{
	"puts": func(c *call) int {
		r := c.request(1)
		for i := 2; i <= c.L.GetTop(); i++ {
			r.write(c.cText(i))
		}
		return 0
	},
	"write": func(c *call) int {
		r := c.request(1)
		s := c.text(2)
		return c.push(lua.LNumber(r.write(s)))
	},
	"flush": func(c *call) int {
		c.object(1)
		return c.pushBool(c.request(1).flush() == nil)
	},
	"sendfile":              sendFile,
	"add_output_filter":     addOutputFilter,
	"add_input_filter":      addInputFilter,
	"setcookie":             setCookie,
	"getcookie":             getCookie,
	"set_keepalive":         setKeepAlive,
	"make_etag":             makeETag,
	"send_interim_response": sendInterim,
	"custom_response":       customResponse,
}

// buffer is how much is gathered; what does not fit is sent with it, as a piece of its own
// (APR_BUCKET_BUFF_SIZE).
const buffer = 8000

// write writes to the client: the response, or what goes over the connection once it has
// another protocol. It gives how many bytes that were, -1 when the client is gone.
func (r *request) write(s string) int {
	if r.ws != nil {
		return r.ws.write(s)
	}
	r.out.start()
	var err error
	if r.buffered += len(s); r.buffered > buffer {
		err = r.WriteThrough([]byte(s))
		r.buffered = 0
	} else if s != "" {
		_, err = r.WriteString(s)
	}
	if err != nil || r.Conn.Aborted {
		return -1
	}
	return len(s)
}

func (r *request) flush() error {
	if r.ws != nil {
		return nil
	}
	r.out.start()
	r.buffered = 0
	return r.Flush()
}

// sendFile sends a whole file and gives how many bytes that were, or false.
func sendFile(c *call) int {
	c.object(1)
	file := c.cStr(2)
	r := c.request(1)
	st, err := os.Stat(file)
	if err != nil || st.IsDir() {
		return c.pushBool(false)
	}
	f, err := os.Open(file)
	if err != nil {
		return c.pushBool(false)
	}
	r.AtEnd(func() { f.Close() }) //nolint:errcheck // it was only read
	r.out.start()
	sent := st.Size()
	r.buffered = 0
	if err := r.SendFile(f, 0, sent); err != nil {
		sent = 0
	}
	return c.push(lua.LNumber(sent))
}

func addOutputFilter(c *call) int {
	r := c.request(1)
	name := c.cText(2)
	elog.Debug(r.Request).Msgf("AH01485: adding output filter %s", name)
	r.AddOutputFilterNamed(name)
	return 0
}

// addInputFilter tells whether there is such a filter.
func addInputFilter(c *call) int {
	c.object(1)
	name := c.cStr(2)
	r := c.request(1)
	if !inputFilterExists(r.Request, name) {
		return c.pushBool(false)
	}
	r.AddInputFilterNamed(name)
	return c.pushBool(true)
}

// setKeepAlive tells whether the connection will stay open, as far as that is known now. A
// response whose length is not known yet is sent in chunks then.
func setKeepAlive(c *call) int {
	c.object(1)
	r := c.request(1)
	on := server.CoreServer.Of(r.Server).KeepAlive.Else(true)
	chunks := !r.Out.Has("Content-Length") && r.ProtoAtLeast(1, 1)
	if chunks {
		r.WithholdLength()
	}
	return c.pushBool(on && !r.Conn.Close && r.ProtoAtLeast(1, 1))
}

// makeETag cannot be called rightly: it wants a boolean, and then a number in its place.
func makeETag(c *call) int {
	c.object(1)
	r := c.request(1)
	if _, ok := c.L.Get(2).(lua.LBool); !ok {
		c.wrong(2, "boolean")
	}
	c.optInteger(2, 0)
	return c.pushText(r.FileETag(r.Finfo))
}

func sendInterim(c *call) int {
	c.object(1)
	r := c.request(1)
	fields := c.flag(2)
	if r.Status < 100 || r.Status > 199 {
		corelog.Debug(r.Request).Msgf("AH00575: Status is %d - not sending interim response", r.Status)
		return 0
	}
	saved := r.Out
	if !fields {
		r.Out = server.Fields{}
	}
	r.Exchange.Interim(r.Request, r.Status) //nolint:errcheck // the client is gone then, which is noticed later
	if fields {
		r.Out.Clear()
	} else {
		r.Out = saved
	}
	return 0
}

func customResponse(c *call) int {
	c.object(1)
	r := c.request(1)
	status := c.whole(2)
	r.CustomDocument(server.Status(status), c.cStr(3))
	return 0
}
