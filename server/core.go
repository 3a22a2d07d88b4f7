package server

import (
	"net/netip"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
)

// The core's own configuration: what the phases, the walks and the engines
// need. Its directives are declared in modules/core, which fills these slots.

// CoreDir is the slot of per-directory core configuration (core_dir_config).
var CoreDir = directives.NewDirSlot(mergeDir)

// CoreServer is the slot of per-server core configuration (core_server_config
// and the fields of Apache's server_rec).
var CoreServer = directives.NewServerSlot(mergeServer)

// Options of a directory (the Options directive).
type Options uint16

const (
	OptIndexes Options = 1 << iota
	OptIncludes
	OptSymLinks
	OptExecCGI
	OptIncludesWithExec
	OptSymOwner
	OptMultiViews

	OptNone Options = 0
	// OptAll is Options All: everything but MultiViews, and SymOwner only
	// because SymLinks does not need it.
	OptAll = OptIndexes | OptIncludes | OptSymLinks | OptExecCGI | OptIncludesWithExec
)

// DirConfig is core's part of a Conf.
type DirConfig struct {
	Protocols     bool                    // the server has a list of protocols
	Options       directives.Opt[Options] // given without + or -
	OptionsAdd    Options
	OptionsRemove Options

	Override     directives.Opt[directives.Context] // AllowOverride
	OverrideOpts directives.Opt[Options]            // AllowOverride Options=…
	OverrideList map[string]bool                    // AllowOverrideList, lower case; nil: not given

	Files []*Section // <Files>, <FilesMatch> inside
	Ifs   []*Section // <If> inside

	ErrorDocuments map[int]ErrorDocument

	HostnameLookups          directives.Opt[HostnameLookups]
	ContentDigest            directives.Opt[bool]
	AcceptPathInfo           directives.Opt[AcceptPathInfo]
	UseCanonicalName         directives.Opt[CanonicalName]
	UseCanonicalPhysicalPort directives.Opt[bool]

	LimitRequestBody    directives.Opt[int64]
	LimitXMLRequestBody directives.Opt[int64]
	RLimitCPU           directives.Opt[RLimit]
	RLimitMEM           directives.Opt[RLimit]
	RLimitNPROC         directives.Opt[RLimit]

	ServerSignature   directives.Opt[Signature]
	AddDefaultCharset directives.Opt[string] // "" is Off
	ForceType         directives.Opt[string] // "" is None
	SetHandler        directives.Opt[string] // "" is None
	SetHandlerExpr    *Expr                  // its form with %{variables}
	OutputFilters     directives.Opt[[]string]
	InputFilters      directives.Opt[[]string]

	ETag       directives.Opt[ETagBits]
	ETagAdd    ETagBits
	ETagRemove ETagBits

	EnableMMAP     directives.Opt[bool]
	EnableSendfile directives.Opt[bool]
	ReadBufferSize directives.Opt[int]

	// Not merged, as in Apache: the section's own, off when it says nothing.
	AllowEncodedSlashes  bool
	DecodeEncodedSlashes bool

	LogLevel *LogLevels // nil: not given

	MaxRanges         directives.Opt[int] // 0 none, -1 unlimited
	MaxRangeOverlaps  directives.Opt[int]
	MaxRangeReversals directives.Opt[int]

	CGIPassAuth        directives.Opt[bool]
	CGIVars            map[string]string
	QualifyRedirectURL directives.Opt[bool]
}

// RLimit is a soft and a hard limit; -1 is "max", 0 leaves that limit as it is.
type RLimit struct{ Soft, Hard int64 }

// Over is what a process with the limits soft and hard gets (ap_unixd_set_rlimit).
func (l RLimit) Over(soft, hard uint64) (newSoft, newHard uint64) {
	switch {
	case l.Soft > 0:
		soft = uint64(l.Soft)
	case l.Soft < 0:
		soft = hard
	}
	if l.Hard > 0 {
		hard = uint64(l.Hard)
	}
	return soft, hard
}

// HostnameLookups is Off, On or Double.
type HostnameLookups uint8

const (
	LookupsOff HostnameLookups = iota
	LookupsOn
	LookupsDouble
)

// AcceptPathInfo is Default (the handler decides), On or Off.
type AcceptPathInfo uint8

const (
	PathInfoDefault AcceptPathInfo = iota
	PathInfoOn
	PathInfoOff
)

// CanonicalName says whose name self-referential URLs use.
type CanonicalName uint8

const (
	CanonicalOff CanonicalName = iota // the client's
	CanonicalOn                       // ServerName
	CanonicalDNS                      // the address's
)

// Signature is the footer of generated pages.
type Signature uint8

const (
	SignatureOff Signature = iota
	SignatureOn
	SignatureEmail
)

// ETagBits is what an entity tag is made of (FileETag).
type ETagBits uint8

const (
	ETagNone ETagBits = 1 << iota
	ETagMTime
	ETagINode
	ETagSize
	ETagDigest

	ETagDefault = ETagMTime | ETagSize
)

// ErrorDocument is what ErrorDocument asks for; exactly one field is set, or
// Default.
type ErrorDocument struct {
	Default bool
	Text    string // a message
	Path    string // a local URL-path
	URL     string // an external URL
	Expr    *Expr  // the text, path or URL has %{variables}: this gives its value
}

// SectionKind tells what a section's argument is matched with.
type SectionKind uint8

const (
	DirectorySection SectionKind = iota
	FilesSection
	LocationSection
	IfSection
	ElseIfSection
	ElseSection
)

// Matcher is a compiled regular expression; server/pattern makes them.
type Matcher interface {
	// Match appends to dst the captures of s, nil without a match: group 0
	// first, "" for a group that took no part.
	Match(dst []string, s string) []string
	MatchString(s string) bool
	// Names are the environment variables ("MATCH_X") of named groups by
	// number; "" for a group without name.
	Names() []string
	String() string
}

// Section is a <Directory>, <Files>, <Location> or <If>, with "Match" and "~" forms.
type Section struct {
	Kind       SectionKind
	Path       string  // cleaned; of a directory with the trailing slash, as it is reached while serving
	Regex      Matcher // of a Match or ~ section; nil otherwise
	Glob       bool    // Path has wildcards
	Components int     // of Path, for the order of directory sections
	Condition  *Expr   // nil: always (<Else>)
	Conf       *directives.Conf
	Node       *httpdconf.Node
}

// ServerConfig is core's part of a Server.
type ServerConfig struct {
	// Identity. ServerName is "" when not given; Port 0.
	ServerName   string
	ServerScheme string
	ServerPort   int
	ServerAdmin  directives.Opt[string]
	Names        []string // ServerAlias without wildcards, as written
	WildNames    []string
	ServerPath   string
	Addrs        []HostAddr // of a <VirtualHost>

	DocumentRoot    string   // as it is reached while serving; "" not given
	AccessFileNames []string // nil: not given

	Timeout              directives.Opt[time.Duration]
	KeepAlive            directives.Opt[bool]
	KeepAliveTimeout     directives.Opt[time.Duration]
	MaxKeepAliveRequests directives.Opt[int] // 0 unlimited

	LimitRequestLine      directives.Opt[int]
	LimitRequestFieldSize directives.Opt[int]
	LimitRequestFields    directives.Opt[int]

	Directories []*Section // in order of application once compiled
	Locations   []*Section

	RedirectLimit directives.Opt[int] // LimitInternalRecursion
	SubreqLimit   directives.Opt[int]
	TraceEnable   directives.Opt[Trace]
	MergeTrailers directives.Opt[bool]
	MergeSlashes  directives.Opt[bool]

	// HttpProtocolOptions
	HTTP09            directives.Opt[bool] // Allow0.9
	Unsafe            directives.Opt[bool]
	RegisteredMethods directives.Opt[bool]

	Protocols           []string
	ProtocolsHonorOrder directives.Opt[bool]
	StrictHostCheck     directives.Opt[bool]
	FlushMaxThreshold   directives.Opt[int]
	FlushMaxPipelined   directives.Opt[int]

	ErrorLog directives.Opt[string] // as written, "|program" or "syslog…" too; absolute when a path
	// Forms of the error log's lines: of every message (nil: Apache's default),
	// and of those written once for a connection and for a request.
	ErrorLogFormat            *ErrorFormat
	ErrorLogConn, ErrorLogReq []*ErrorFormat
	LogLevel                  *LogLevels // nil: not given

	// Of the main server alone.
	ServerRoot        string
	ServerTokens      Tokens
	UseRegexDollarEnd bool
	Listen            []Listener
	ListenBacklog     int
	AcceptFilters     map[string]string // AcceptFilter by protocol; "none" is off
	NameVirtualHost   bool              // one was there, and warned of
	ExtendedStatus    bool
	SeeRequestTail    bool
}

// HostAddr is an address of a <VirtualHost>: "*" and "_default_" are the
// unspecified address.
type HostAddr struct {
	Addr  netip.Addr // invalid for * and _default_
	Port  int        // 0: any
	Given string     // as written, for -S
}

// Listener is a Listen directive.
type Listener struct {
	Addr     netip.Addr // invalid: every address
	Port     int
	Protocol string
}

// Trace is TraceEnable.
type Trace uint8

const (
	TraceOn Trace = iota
	TraceOff
	TraceExtended
)

// Tokens is ServerTokens.
type Tokens uint8

const (
	TokensFull Tokens = iota
	TokensMajor
	TokensMinor
	TokensMinimal
	TokensProductOnly
	TokensOS
)

func mergeDir(base, add DirConfig) DirConfig {
	m := base
	if add.Options.IsSet() {
		m.Options, m.OptionsAdd, m.OptionsRemove = add.Options, add.OptionsAdd, add.OptionsRemove
	} else {
		m.OptionsAdd = base.OptionsAdd&^add.OptionsRemove | add.OptionsAdd
		m.OptionsRemove = base.OptionsRemove&^add.OptionsAdd | add.OptionsRemove
		if o, ok := base.Options.Get(); ok {
			const exec = OptIncludes | OptIncludesWithExec
			merged := o&^m.OptionsRemove | m.OptionsAdd
			if o&exec == exec && add.OptionsAdd&exec == OptIncludes {
				merged &^= OptIncludesWithExec
			}
			m.Options = directives.Given(merged)
		}
	}
	m.Protocols = base.Protocols || add.Protocols
	m.Override = add.Override.Or(base.Override)
	m.OverrideOpts = add.OverrideOpts.Or(base.OverrideOpts)
	if add.OverrideList != nil {
		m.OverrideList = add.OverrideList
	}
	m.Files = directives.Append(base.Files, add.Files)
	m.Ifs = directives.Append(base.Ifs, add.Ifs)
	m.ErrorDocuments = directives.Overlay(base.ErrorDocuments, add.ErrorDocuments)
	m.HostnameLookups = add.HostnameLookups.Or(base.HostnameLookups)
	m.ContentDigest = add.ContentDigest.Or(base.ContentDigest)
	m.AcceptPathInfo = add.AcceptPathInfo.Or(base.AcceptPathInfo)
	m.UseCanonicalName = add.UseCanonicalName.Or(base.UseCanonicalName)
	m.UseCanonicalPhysicalPort = add.UseCanonicalPhysicalPort.Or(base.UseCanonicalPhysicalPort)
	m.LimitRequestBody = add.LimitRequestBody.Or(base.LimitRequestBody)
	m.LimitXMLRequestBody = add.LimitXMLRequestBody.Or(base.LimitXMLRequestBody)
	m.RLimitCPU = add.RLimitCPU.Or(base.RLimitCPU)
	m.RLimitMEM = add.RLimitMEM.Or(base.RLimitMEM)
	m.RLimitNPROC = add.RLimitNPROC.Or(base.RLimitNPROC)
	m.ServerSignature = add.ServerSignature.Or(base.ServerSignature)
	m.AddDefaultCharset = add.AddDefaultCharset.Or(base.AddDefaultCharset)
	m.ForceType = add.ForceType.Or(base.ForceType)
	m.SetHandler = add.SetHandler.Or(base.SetHandler)
	switch {
	case add.SetHandlerExpr != nil:
		m.SetHandlerExpr, m.SetHandler = add.SetHandlerExpr, directives.Opt[string]{}
	case add.SetHandler.IsSet():
		m.SetHandlerExpr = nil
	}
	m.OutputFilters = add.OutputFilters.Or(base.OutputFilters)
	m.InputFilters = add.InputFilters.Or(base.InputFilters)
	if add.ETag.IsSet() {
		m.ETag, m.ETagAdd, m.ETagRemove = add.ETag, add.ETagAdd, add.ETagRemove
	} else {
		m.ETagAdd = base.ETagAdd&^add.ETagRemove | add.ETagAdd
		m.ETagRemove = base.ETagRemove&^add.ETagAdd | add.ETagRemove
		if bits, ok := base.ETag.Get(); ok {
			m.ETag = directives.Given(bits&^m.ETagRemove | m.ETagAdd)
		}
	}
	m.EnableMMAP = add.EnableMMAP.Or(base.EnableMMAP)
	m.EnableSendfile = add.EnableSendfile.Or(base.EnableSendfile)
	m.ReadBufferSize = add.ReadBufferSize.Or(base.ReadBufferSize)
	m.AllowEncodedSlashes = add.AllowEncodedSlashes
	m.DecodeEncodedSlashes = add.DecodeEncodedSlashes
	m.LogLevel = base.LogLevel.Merge(add.LogLevel)
	m.MaxRanges = add.MaxRanges.Or(base.MaxRanges)
	m.MaxRangeOverlaps = add.MaxRangeOverlaps.Or(base.MaxRangeOverlaps)
	m.MaxRangeReversals = add.MaxRangeReversals.Or(base.MaxRangeReversals)
	m.CGIPassAuth = add.CGIPassAuth.Or(base.CGIPassAuth)
	m.CGIVars = directives.Overlay(base.CGIVars, add.CGIVars)
	m.QualifyRedirectURL = add.QualifyRedirectURL.Or(base.QualifyRedirectURL)
	return m
}

// EffectiveOptions is what ap_allow_options answers for a merged Conf.
func (c *DirConfig) EffectiveOptions() Options {
	if o, ok := c.Options.Get(); ok {
		return o
	}
	return OptSymLinks&^c.OptionsRemove | c.OptionsAdd
}

func mergeServer(base, add ServerConfig) ServerConfig {
	m := add
	m.ServerAdmin = add.ServerAdmin.Or(base.ServerAdmin)
	if m.DocumentRoot == "" {
		m.DocumentRoot = base.DocumentRoot
	}
	if m.AccessFileNames == nil {
		m.AccessFileNames = base.AccessFileNames
	}
	m.Timeout = add.Timeout.Or(base.Timeout)
	m.KeepAlive = add.KeepAlive.Or(base.KeepAlive)
	m.KeepAliveTimeout = add.KeepAliveTimeout.Or(base.KeepAliveTimeout)
	m.MaxKeepAliveRequests = add.MaxKeepAliveRequests.Or(base.MaxKeepAliveRequests)
	m.LimitRequestLine = add.LimitRequestLine.Or(base.LimitRequestLine)
	m.LimitRequestFieldSize = add.LimitRequestFieldSize.Or(base.LimitRequestFieldSize)
	m.LimitRequestFields = add.LimitRequestFields.Or(base.LimitRequestFields)
	m.Directories = directives.Append(base.Directories, add.Directories)
	m.Locations = directives.Append(base.Locations, add.Locations)
	m.RedirectLimit = add.RedirectLimit.Or(base.RedirectLimit)
	m.SubreqLimit = add.SubreqLimit.Or(base.SubreqLimit)
	m.TraceEnable = add.TraceEnable.Or(base.TraceEnable)
	m.MergeTrailers = add.MergeTrailers.Or(base.MergeTrailers)
	m.MergeSlashes = add.MergeSlashes.Or(base.MergeSlashes)
	m.HTTP09 = add.HTTP09.Or(base.HTTP09)
	m.Unsafe = add.Unsafe.Or(base.Unsafe)
	m.RegisteredMethods = add.RegisteredMethods.Or(base.RegisteredMethods)
	if len(m.Protocols) == 0 {
		m.Protocols = base.Protocols
	}
	m.ProtocolsHonorOrder = add.ProtocolsHonorOrder.Or(base.ProtocolsHonorOrder)
	m.StrictHostCheck = add.StrictHostCheck.Or(base.StrictHostCheck)
	m.FlushMaxThreshold = add.FlushMaxThreshold.Or(base.FlushMaxThreshold)
	m.FlushMaxPipelined = add.FlushMaxPipelined.Or(base.FlushMaxPipelined)
	m.ErrorLog = add.ErrorLog.Or(base.ErrorLog)
	if m.ErrorLogFormat == nil {
		m.ErrorLogFormat = base.ErrorLogFormat
	}
	if m.ErrorLogConn == nil {
		m.ErrorLogConn = base.ErrorLogConn
	}
	if m.ErrorLogReq == nil {
		m.ErrorLogReq = base.ErrorLogReq
	}
	m.LogLevel = base.LogLevel.Merge(add.LogLevel)
	m.ServerRoot, m.ServerTokens = base.ServerRoot, base.ServerTokens
	m.UseRegexDollarEnd = base.UseRegexDollarEnd
	m.Listen, m.ListenBacklog = base.Listen, base.ListenBacklog
	return m
}
