// Package http2 is mod_http2: what its directives say, which connections speak
// HTTP/2, the variables of requests on streams, early hints and what is pushed.
// The frames are server/h2's.
package http2

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

const (
	srv      = directives.InServer
	fileInfo = directives.InServer | directives.FileInfo
	authConf = directives.InServer | directives.AuthConfig
	ownPool  = "streams are answered by the workers of the process, as requests of HTTP/1.1 are: see MaxRequestWorkers"
)

// Module is http2_module.
var Module = server.Module{
	Name: "http2_module",
	Directives: directives.Table{
		{Name: "H2MaxSessionStreams", In: srv, Usage: "maximum number of open streams per session",
			Set: host.Take1(number(func(c *config) *directives.Opt[int] { return &c.maxStreams }, 1, "value must be > 0"))},
		{Name: "H2WindowSize", In: srv, Usage: "window size on client DATA",
			Set: host.Take1(number(func(c *config) *directives.Opt[int] { return &c.window }, 1024, "value must be >= 1024"))},
		{Name: "H2MinWorkers", In: srv, NoOp: ownPool, Usage: "minimum number of worker threads per child",
			Set: host.Take1(number(unused, 1, "value must be > 0"))},
		{Name: "H2MaxWorkers", In: srv, NoOp: ownPool, Usage: "maximum number of worker threads per child",
			Set: host.Take1(number(unused, 1, "value must be > 0"))},
		{Name: "H2MaxWorkerIdleSeconds", In: srv, NoOp: ownPool, Usage: "maximum number of idle seconds before a worker shuts down",
			Set: host.Take1(idleSeconds)},
		{Name: "H2StreamMaxMemSize", In: srv, NoOp: "what a stream sends waits in one buffer of the connection, 64 KiB for all streams",
			Usage: "maximum number of bytes buffered in memory for a stream",
			Set:   host.Take1(number(unused, 1024, "value must be >= 1024"))},
		{Name: "H2SerializeHeaders", In: srv, NoOp: "it has none in Apache either", Usage: "disabled, this directive has no longer an effect.",
			Set: host.Take1(serializeHeaders)},
		{Name: "H2ModernTLSOnly", In: srv, Usage: "off to not impose RFC 7540 restrictions on TLS",
			Set: host.Take1(flag(func(c *config) *directives.Opt[bool] { return &c.modernTLS }))},
		{Name: "H2Upgrade", In: authConf, Usage: "on to allow HTTP/1 Upgrades to h2/h2c",
			Set: dir.Take1(dirFlag(func(c *dirConfig) *directives.Opt[bool] { return &c.upgrade }))},
		{Name: "H2Direct", In: srv, Usage: "on to enable direct HTTP/2 mode",
			Set: host.Take1(flag(func(c *config) *directives.Opt[bool] { return &c.direct }))},
		{Name: "H2SessionExtraFiles", In: srv, NoOp: "it is obsolete in Apache too", Usage: "number of extra file a session might keep open (obsolete)",
			Set: host.Take1(extraFiles)},
		{Name: "H2TLSWarmUpSize", In: srv, Usage: "number of bytes on TLS connection before doing max writes",
			Set: host.Take1(func(c *config, _ *directives.Cmd, word string) error {
				c.warmUp = directives.Given(server.Atoi64(word))
				return nil
			})},
		{Name: "H2TLSCoolDownSecs", In: srv, Usage: "seconds of idle time on TLS before shrinking writes",
			Set: host.Take1(func(c *config, _ *directives.Cmd, word string) error {
				c.coolDown = directives.Given(server.Atoi(word))
				return nil
			})},
		{Name: "H2Push", In: authConf, Usage: "off to disable HTTP/2 server push",
			Set: dir.Take1(setPush)},
		{Name: "H2PushPriority", In: srv, NoOp: "priorities are ignored, as RFC 9113 section 5.3 allows", Usage: "define priority of PUSHed resources per content type",
			Set: host.Take23(pushPriority)},
		{Name: "H2PushDiarySize", In: srv, Usage: "size of push diary",
			Set: host.Take1(pushDiary)},
		{Name: "H2CopyFiles", In: fileInfo, NoOp: "files are read piece by piece, and never mapped", Usage: "on to perform copy of file data",
			Set: dir.Take1(dirFlag(func(c *dirConfig) *directives.Opt[bool] { return new(directives.Opt[bool]) }))},
		{Name: "H2PushResource", In: fileInfo | directives.AuthConfig, Usage: "add a resource to be pushed in this location/on this server.",
			Set: dir.Take123((*dirConfig).addPush)},
		{Name: "H2EarlyHints", In: srv, Usage: "on to enable interim status 103 responses",
			Set: host.Take1(flag(func(c *config) *directives.Opt[bool] { return &c.earlyHints }))},
		{Name: "H2Padding", In: srv, Usage: "set payload padding",
			Set: host.Take1(padding)},
		{Name: "H2OutputBuffering", In: srv, NoOp: "what a handler passes on is sent at once, and nothing is kept to gather more", Usage: "set stream output buffer on/off",
			Set: host.Take1(flag(func(*config) *directives.Opt[bool] { return new(directives.Opt[bool]) }))},
		{Name: "H2StreamTimeout", In: srv, Usage: "set stream timeout",
			Set: host.Take1(streamTimeout)},
		{Name: "H2MaxDataFrameLen", In: srv, Usage: "maximum number of bytes in a single HTTP/2 DATA frame",
			Set: host.Take1(number(func(c *config) *directives.Opt[int] { return &c.maxData }, 0, "value must be 0 or larger"))},
		{Name: "H2MaxHeaderBlockLen", In: srv, Usage: "maximum number of bytes in a response header block",
			Set: host.Take1(number(func(c *config) *directives.Opt[int] { return &c.maxHeaderBlock }, 0, "value must be 0 or larger"))},
		{Name: "H2MaxStreamErrors", In: srv, Usage: "maximum number of flow control errors tolerated",
			Set: host.Take1(number(func(c *config) *directives.Opt[int] { return &c.maxErrors }, 0, "value must be 0 or larger"))},
		{Name: "H2EarlyHint", In: fileInfo | directives.AuthConfig, Usage: "add a a 'Link:' header for a 103 Early Hints response.",
			Set: dir.Take2((*dirConfig).addHint)},
		{Name: "H2ProxyRequests", In: fileInfo, Usage: "Enables forward proxy requests via HTTP/2",
			Set: dir.Take1(setProxyRequests)},
		{Name: "H2WebSockets", In: srv, Usage: "off to disable WebSockets over HTTP/2",
			Set: host.Take1(flag(func(c *config) *directives.Opt[bool] { return &c.webSockets }))},
	},
	Hooks: []server.Hook{
		server.Fixups.Middle(variables).Plain(),
		server.Fixups.ReallyLast(announce).When(dir.If(func(c *dirConfig) bool { return len(c.pushes)+len(c.hints) > 0 })),
		server.PostConfig.Middle(started),
	},
	Wire: &server.WireProtocol{Propose: propose, Direct: direct, Serve: serve},
}

var elog = server.NewLog("http2")
