package server

import (
	"github.com/donjon-httpd/donjon/directives"
)

// A phase is a point in the life of a request (or of a server generation) at
// which modules take part. Each is a typed value: what a hook of the phase may
// answer is its function's type. process.go runs them in order.
type phase uint8

const (
	postReadRequest phase = iota
	quickHandler
	preTranslateName
	translateName
	mapToStorage
	postPerdirConfig
	headerParser
	accessChecker
	accessCheckerEx
	checkUserID
	authChecker
	typeChecker
	fixups
	insertFilter
	insertErrorFilter
	handler
	logTransaction

	checkConfig
	openLogs
	postConfig
	beforeJail
	childInit
	childExit
	numPhases
)

// FirstPhase is asked hook by hook until one answers other than Declined
// (AP_IMPLEMENT_HOOK_RUN_FIRST).
type FirstPhase struct{ id phase }

// AllPhase runs every hook until one answers other than OK or Declined
// (AP_IMPLEMENT_HOOK_RUN_ALL).
type AllPhase struct{ id phase }

// VoidPhase runs every hook; they have no say (AP_IMPLEMENT_HOOK_VOID).
type VoidPhase struct{ id phase }

// HandlerPhase makes the response: hooks for the request's handler name, then
// those for any name, until one answers other than Declined.
type HandlerPhase struct{ id phase }

// ServerPhase belongs to a generation, not to a request. A hook's error stops
// the start, or leaves the old generation serving.
type ServerPhase struct{ id phase }

// The phases of a request, in order.
var (
	PostReadRequest   = AllPhase{postReadRequest}
	QuickHandler      = FirstPhase{quickHandler}
	PreTranslateName  = FirstPhase{preTranslateName}
	TranslateName     = FirstPhase{translateName}
	MapToStorage      = FirstPhase{mapToStorage}
	PostPerdirConfig  = AllPhase{postPerdirConfig}
	HeaderParser      = AllPhase{headerParser}
	AccessChecker     = AllPhase{accessChecker}
	AccessCheckerEx   = FirstPhase{accessCheckerEx}
	CheckUserID       = FirstPhase{checkUserID}
	AuthChecker       = FirstPhase{authChecker}
	TypeChecker       = FirstPhase{typeChecker}
	Fixups            = AllPhase{fixups}
	InsertFilter      = VoidPhase{insertFilter}
	InsertErrorFilter = VoidPhase{insertErrorFilter}
	Handler           = HandlerPhase{handler}
	LogTransaction    = AllPhase{logTransaction}
)

// The phases of a generation, in order. CheckConfig runs for -t too; OpenLogs
// and PostConfig in the parent and in each child; BeforeJail in each child as
// root, to load what only exists outside; ChildInit in each child in its jail; ChildExit
// when it has served its last request.
var (
	CheckConfig = ServerPhase{checkConfig}
	OpenLogs    = ServerPhase{openLogs}
	PostConfig  = ServerPhase{postConfig}
	BeforeJail  = ServerPhase{beforeJail}
	ChildInit   = ServerPhase{childInit}
	ChildExit   = ServerPhase{childExit}
)

// Apache's APR_HOOK_ order values.
const (
	reallyFirst = -10
	first       = 0
	middle      = 10
	last        = 20
	reallyLast  = 30
)

// Hook is a module's part in a phase. It is made by a phase's First, Middle,
// Last …, and refined by After, Before and When.
type Hook struct {
	phase  phase
	order  int
	after  []string // identifiers of modules
	before []string
	when   func(*directives.Conf) bool
	name   string // handler name; "" for any
	plain  bool

	harmless bool                // see Harmless
	harmful  func(*Request) bool // see HarmlessUnless

	run    func(*Request) Status
	void   func(*Request)
	server func(*Generation) error

	module string
	seq    int // activation order of the module
}

// After puts the hook behind those of the named modules ("headers_module").
func (h Hook) After(modules ...string) Hook { h.after = modules; return h }

// Before puts the hook ahead of those of the named modules.
func (h Hook) Before(modules ...string) Hook { h.before = modules; return h }

// When takes the hook out of requests whose merged per-directory configuration
// does not satisfy pred, which is asked once per merged configuration.
func (h Hook) When(pred func(*directives.Conf) bool) Hook { h.when = pred; return h }

// Plain declares that what the hook does is decided by the configuration, the
// virtual host, the request line, files and what the request says that it
// depends on: an answer that it took part in is repeatable (repeatable.go).
func (h Hook) Plain() Hook { h.plain = true; return h }

// Harmless says of a handler that it only reads files and the configuration, so
// that an explanation may run it.
func (h Hook) Harmless() Hook { h.harmless = true; return h }

// HarmlessUnless is Harmless for a handler that leaves requests alone for which
// f is false.
func (h Hook) HarmlessUnless(f func(*Request) bool) Hook { h.harmful = f; return h }

func (p FirstPhase) ReallyFirst(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: reallyFirst, run: f}
}
func (p FirstPhase) First(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: first, run: f}
}
func (p FirstPhase) Middle(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: middle, run: f}
}
func (p FirstPhase) Last(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: last, run: f}
}
func (p FirstPhase) ReallyLast(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: reallyLast, run: f}
}

func (p AllPhase) ReallyFirst(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: reallyFirst, run: f}
}
func (p AllPhase) First(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: first, run: f}
}
func (p AllPhase) Middle(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: middle, run: f}
}
func (p AllPhase) Last(f func(*Request) Status) Hook { return Hook{phase: p.id, order: last, run: f} }
func (p AllPhase) ReallyLast(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: reallyLast, run: f}
}

func (p VoidPhase) First(f func(*Request)) Hook  { return Hook{phase: p.id, order: first, void: f} }
func (p VoidPhase) Middle(f func(*Request)) Hook { return Hook{phase: p.id, order: middle, void: f} }
func (p VoidPhase) Last(f func(*Request)) Hook   { return Hook{phase: p.id, order: last, void: f} }
func (p VoidPhase) ReallyLast(f func(*Request)) Hook {
	return Hook{phase: p.id, order: reallyLast, void: f}
}

// Named is a handler for requests whose handler is name (SetHandler name).
func (p HandlerPhase) Named(name string, f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: middle, run: f, name: name}
}

// ReallyFirst, First, Middle, Last and ReallyLast are handlers that are asked
// whatever the handler's name is; ReallyLast is the default handler's place.
func (p HandlerPhase) ReallyFirst(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: reallyFirst, run: f}
}
func (p HandlerPhase) First(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: first, run: f}
}
func (p HandlerPhase) Middle(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: middle, run: f}
}
func (p HandlerPhase) Last(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: last, run: f}
}
func (p HandlerPhase) ReallyLast(f func(*Request) Status) Hook {
	return Hook{phase: p.id, order: reallyLast, run: f}
}

func (p ServerPhase) First(f func(*Generation) error) Hook {
	return Hook{phase: p.id, order: first, server: f}
}
func (p ServerPhase) Middle(f func(*Generation) error) Hook {
	return Hook{phase: p.id, order: middle, server: f}
}
func (p ServerPhase) Last(f func(*Generation) error) Hook {
	return Hook{phase: p.id, order: last, server: f}
}
