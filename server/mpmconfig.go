package server

import (
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// MPMConfig is what parent and children are asked to do. It belongs to the
// main server; the modules core and mpm_* fill it, server/mpm follows it.
type MPMConfig struct {
	PidFile        string                 // as written; "" for the default
	CoreDumpDir    directives.Opt[string] // absolute, as it is called outside the jail
	CoreDumpInJail string                 // the same as a child calls it

	// How many processes, and how many requests at once.
	StartServers      directives.Opt[int]
	ServerLimit       directives.Opt[int]
	ThreadLimit       directives.Opt[int]
	ThreadsPerChild   directives.Opt[int]
	MaxRequestWorkers directives.Opt[int]
	MinSpare          directives.Opt[int] // MinSpareThreads, MinSpareServers
	MaxSpare          directives.Opt[int]
	AsyncFactor       directives.Opt[float64] // AsyncRequestWorkerFactor

	MaxConnections   directives.Opt[int]           // MaxConnectionsPerChild; 0: no limit
	GracefulShutdown directives.Opt[time.Duration] // GracefulShutdownTimeout; 0: no limit
	MaxMemFree       directives.Opt[int64]         // bytes

	// Of the listening sockets. ListenBacklog is in ServerConfig.
	SendBuffer    directives.Opt[int] // bytes; 0: the system's
	ReceiveBuffer directives.Opt[int]
	DeferAccept   directives.Opt[int] // ListenTCPDeferAccept, seconds
	BucketsRatio  directives.Opt[int] // ListenCoresBucketsRatio
}

// MPM is the slot of the process manager's configuration.
var MPM = directives.NewServerSlot(func(base, _ MPMConfig) MPMConfig { return base })
