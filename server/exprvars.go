package server

import (
	"strconv"
	"time"
)

// exprFieldVars are variables that stand for a request field.
var exprFieldVars = map[string]string{
	"HTTP_USER_AGENT": "User-Agent", "HTTP_PROXY_CONNECTION": "Proxy-Connection", "HTTP_REFERER": "Referer",
	"HTTP_COOKIE": "Cookie", "HTTP_FORWARDED": "Forwarded", "HTTP_HOST": "Host", "HTTP_ACCEPT": "Accept",
}

// exprVars are the variables of expressions (util_expr_eval.c, conn_var_names,
// request_var_names, misc_var_names).
var exprVars = map[string]func(*Request) string{
	"HTTPS": func(r *Request) string { return onOff(r.Conn.TLS) },
	"IPV6": func(r *Request) string {
		r.DependsOnClient()
		return onOff(r.Conn.Remote.Addr().Is6() && !r.Conn.Remote.Addr().Is4In6())
	},
	"CONN_LOG_ID": func(r *Request) string {
		r.Unrepeatable()
		return r.Conn.LogID
	},
	"CONN_REMOTE_ADDR": func(r *Request) string {
		r.DependsOnClient()
		return r.Conn.ClientIP
	},
	"HTTP2": func(r *Request) string { return onOff(r.ProtoMajor == 2) },

	"REQUEST_METHOD":   func(r *Request) string { return r.Method },
	"REQUEST_SCHEME":   func(r *Request) string { return r.Scheme() },
	"REQUEST_URI":      func(r *Request) string { return r.URI },
	"REQUEST_FILENAME": func(r *Request) string { return r.Filename },
	"SCRIPT_FILENAME":  func(r *Request) string { return r.Filename },
	"REMOTE_HOST":      (*Request).ClientHost,
	"REMOTE_IDENT": func(r *Request) string {
		name, _ := r.RemoteLogname()
		return name
	},
	"REMOTE_USER": func(r *Request) string { return r.User },
	"REMOTE_ADDR": func(r *Request) string {
		r.DependsOnClient()
		return r.ClientIP
	},
	"REMOTE_PORT": func(r *Request) string {
		r.Unrepeatable()
		return strconv.Itoa(int(r.Conn.Remote.Port()))
	},
	"SERVER_ADMIN":    func(r *Request) string { return CoreServer.Of(r.Server).ServerAdmin.Else(DefaultAdmin) },
	"SERVER_NAME":     (*Request).ServerName,
	"SERVER_PORT":     func(r *Request) string { return strconv.Itoa(r.ServerPort()) },
	"SERVER_PROTOCOL": func(r *Request) string { return r.Proto },
	"PATH_INFO":       func(r *Request) string { return r.PathInfo },
	"QUERY_STRING":    func(r *Request) string { return r.Args },
	"IS_SUBREQ":       func(r *Request) string { return strconv.FormatBool(r.Main != nil) },
	"DOCUMENT_ROOT":   (*Request).DocumentRoot,
	"AUTH_TYPE":       func(r *Request) string { return r.AuthType },
	"THE_REQUEST":     func(r *Request) string { return r.TheRequest },
	"CONTENT_TYPE":    func(r *Request) string { return r.ContentType },
	"HANDLER":         func(r *Request) string { return r.Handler },
	"REQUEST_LOG_ID": func(r *Request) string {
		r.Unrepeatable()
		return r.LogID
	},
	"SCRIPT_USER":  func(r *Request) string { return accountName(r, r.Finfo.UID, UserName) },
	"SCRIPT_GROUP": func(r *Request) string { return accountName(r, r.Finfo.GID, GroupName) },
	"DOCUMENT_URI": func(r *Request) string {
		if v, ok := r.Env.Lookup("DOCUMENT_URI"); ok {
			return v
		}
		return r.URI
	},
	"LAST_MODIFIED": func(r *Request) string {
		t := r.Mtime
		if t.IsZero() {
			t = time.Unix(0, 0) // apr's zero
		}
		return t.Local().Format("20060102150405")
	},
	"CONTEXT_PREFIX":        func(r *Request) string { return r.ContextPrefix },
	"CONTEXT_DOCUMENT_ROOT": (*Request).ContextRoot,
	"REQUEST_STATUS": func(r *Request) string {
		if r.Status == 0 {
			return ""
		}
		return strconv.Itoa(r.Status)
	},

	"TIME_YEAR": exprTime("2006"), "TIME_MON": exprTime("01"), "TIME_DAY": exprTime("02"),
	"TIME_HOUR": exprTime("15"), "TIME_MIN": exprTime("04"), "TIME_SEC": exprTime("05"),
	"TIME": exprTime("20060102150405"),
	"TIME_WDAY": func(r *Request) string {
		r.Unrepeatable()
		return strconv.Itoa(int(time.Now().Local().Weekday()))
	},
	"SERVER_SOFTWARE": func(r *Request) string { return r.Gen.Banner() },
	"API_VERSION":     func(*Request) string { return "20120211" }, // MODULE_MAGIC_NUMBER_MAJOR of 2.4
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// accountName is the name of a file's owner or group; "" when the file was not
// looked at or the number has no name.
func accountName(r *Request, id uint32, name func(uint32) string) string {
	if r.Finfo.Type == NoFile {
		return ""
	}
	return name(id)
}
