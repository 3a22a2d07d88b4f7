// Package lua runs Lua scripts as handlers, as hooks of most phases, as filters and
// as kinds of Require (mod_lua). The interpreter is gopher-lua, Lua 5.1 with some of
// 5.3's library; what a script sees of the server is Apache's.
package lua

import (
	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is lua_module.
var Module = server.Module{
	Name: "lua_module",
	Directives: directives.Table{
		{Name: "LuaRoot", In: directives.All, Reads: directives.InJail,
			Usage: "Specify the base path for resolving relative paths for mod_lua directives", Set: slot.Take1(setRoot)},
		{Name: "LuaPackagePath", In: directives.All, Usage: "Add a directory to lua's package.path",
			Set: slot.Take1(func(c *config, cmd *directives.Cmd, a string) error { return addPath(&c.paths, cmd, a) })},
		{Name: "LuaPackageCPath", In: directives.All, Usage: "Add a directory to lua's package.cpath",
			Details: "package.cpath has the path, and require says of a library in C that it cannot be loaded: there is no C here.",
			Set:     slot.Take1(func(c *config, cmd *directives.Cmd, a string) error { return addPath(&c.cpaths, cmd, a) })},
		{Name: "LuaAuthzProvider", In: directives.InServer, Usage: "Provide an authorization provider",
			Set: directives.OnRead(directives.Three, readAuthz)},
		{Name: authzHack, In: directives.All, Early: true, Usage: "(internal) what LuaAuthzProvider becomes", Set: slot.Take3(addAuthz)},
		{Name: "LuaHookPreTranslateName", In: directives.All,
			Usage: "Provide a hook for the pre_translate name phase of request processing", Set: slot.Take2(fileHook2(preTranslateName, middle, 0))},
		{Name: "<LuaHookPreTranslateName", In: directives.All,
			Usage: "Provide a hook for the pre_translate name phase of request processing", Set: blockHook(preTranslateName)},
		{Name: "LuaHookTranslateName", In: directives.All,
			Usage: "Provide a hook for the translate name phase of request processing", Set: slot.Take23(fileHook(translateName, notInDir))},
		{Name: "<LuaHookTranslateName", In: directives.All,
			Usage: "Provide a hook for the translate name phase of request processing", Set: blockHook(translateName)},
		{Name: "LuaHookFixups", In: directives.All,
			Usage: "Provide a hook for the fixups phase of request processing", Set: slot.Take2(fileHook2(fixups, middle, 0))},
		{Name: "<LuaHookFixups", In: directives.All,
			Usage: "Provide a inline hook for the fixups phase of request processing", Set: blockHook(fixups)},
		{Name: "LuaHookMapToStorage", In: directives.All,
			Usage: "Provide a hook for the map_to_storage phase of request processing", Set: slot.Take2(fileHook2(mapToStorage, middle, 0))},
		{Name: "<LuaHookMapToStorage", In: directives.All,
			Usage: "Provide a hook for the map_to_storage phase of request processing", Set: blockHook(mapToStorage)},
		{Name: "LuaHookCheckUserID", In: directives.All,
			Usage: "Provide a hook for the check_user_id phase of request processing", Set: slot.Take23(fileHookAnyTime(checkUserID))},
		{Name: "<LuaHookCheckUserID", In: directives.All,
			Usage: "Provide a hook for the check_user_id phase of request processing", Set: blockHook(checkUserID)},
		{Name: "LuaHookTypeChecker", In: directives.All,
			Usage: "Provide a hook for the type_checker phase of request processing", Set: slot.Take2(fileHook2(typeChecker, middle, 0))},
		{Name: "<LuaHookTypeChecker", In: directives.All,
			Usage: "Provide a hook for the type_checker phase of request processing", Set: blockHook(typeChecker)},
		{Name: "LuaHookAccessChecker", In: directives.All,
			Usage: "Provide a hook for the access_checker phase of request processing", Set: slot.Take23(fileHook(accessChecker, 0))},
		{Name: "<LuaHookAccessChecker", In: directives.All,
			Usage: "Provide a hook for the access_checker phase of request processing", Set: blockHook(accessChecker)},
		{Name: "LuaHookAuthChecker", In: directives.All,
			Usage: "Provide a hook for the auth_checker phase of request processing", Set: slot.Take23(fileHook(authChecker, 0))},
		{Name: "<LuaHookAuthChecker", In: directives.All,
			Usage: "Provide a hook for the auth_checker phase of request processing", Set: blockHook(authChecker)},
		{Name: "LuaHookInsertFilter", In: directives.All,
			Usage: "Provide a hook for the insert_filter phase of request processing", Set: slot.Take2(refuseInsertFilter)},
		{Name: "LuaHookLog", In: directives.All,
			Usage: "Provide a hook for the logging phase of request processing", Set: slot.Take2(fileHook2(logTransaction, first, 0))},
		{Name: "LuaScope", In: directives.All, Usage: "One of once, request, conn, server -- default is once", Set: slot.Take123((*config).setScope)},
		{Name: "LuaInherit", In: directives.All,
			Usage: "Controls how Lua scripts in parent contexts are merged with the current  context: none|parent-last|parent-first (default: parent-first) ",
			Set:   slot.Take1((*config).setInherit)},
		{Name: "LuaCodeCache", In: directives.All,
			Usage: "Controls the behavior of the in-memory code cache  context: stat|forever|never (default: stat) ",
			Set:   slot.Take1((*config).setCache)},
		{Name: "LuaQuickHandler", In: directives.All,
			Usage: "Provide a hook for the quick handler of request processing", Set: slot.Take2(fileHook2(quick, middle, notInDir))},
		{Name: "<LuaQuickHandler", In: directives.All,
			Usage: "Provide a hook for the quick handler of request processing", Set: blockHook(quick)},
		{Name: byteCodeHack, In: directives.All, Usage: "(internal) Byte code handler", Set: slot.Raw(addBlock)},
		{Name: "LuaMapHandler", In: directives.All, Usage: "Maps a path to a lua handler", Set: slot.Take23(addMapped)},
		{Name: "LuaOutputFilter", In: directives.All, Usage: "Registers a Lua function as an output filter",
			Set: slot.Take3(func(c *config, cmd *directives.Cmd, name, file, function string) error {
				return c.addFilter(cmd, name, file, function, false)
			})},
		{Name: "LuaInputFilter", In: directives.All, Usage: "Registers a Lua function as an input filter",
			Set: slot.Take3(func(c *config, cmd *directives.Cmd, name, file, function string) error {
				return c.addFilter(cmd, name, file, function, true)
			})},
	},
	Hooks: []server.Hook{
		server.QuickHandler.First(runQuick).When(hooked(quick, middle)),
		server.PreTranslateName.Middle(harness(preTranslateName, middle)).When(hooked(preTranslateName, middle)),
		server.TranslateName.ReallyFirst(harness(translateName, early)).When(hooked(translateName, early)),
		server.TranslateName.Middle(harness(translateName, middle)).When(hooked(translateName, middle)),
		server.TranslateName.ReallyLast(harness(translateName, late)).Before("core_module").When(hooked(translateName, late)),
		server.MapToStorage.Middle(harness(mapToStorage, middle)).When(hooked(mapToStorage, middle)),
		server.AccessChecker.ReallyFirst(harness(accessChecker, early)).When(hooked(accessChecker, early)),
		server.AccessChecker.Middle(harness(accessChecker, middle)).When(hooked(accessChecker, middle)),
		server.AccessChecker.ReallyLast(harness(accessChecker, late)).When(hooked(accessChecker, late)),
		server.CheckUserID.Middle(harness(checkUserID, middle)).When(hooked(checkUserID, middle)),
		server.AuthChecker.ReallyFirst(harness(authChecker, early)).When(hooked(authChecker, early)),
		server.AuthChecker.Middle(harness(authChecker, middle)).When(hooked(authChecker, middle)),
		server.AuthChecker.ReallyLast(harness(authChecker, late)).When(hooked(authChecker, late)),
		server.TypeChecker.Middle(harness(typeChecker, middle)).When(hooked(typeChecker, middle)),
		server.Fixups.Middle(harness(fixups, middle)).When(hooked(fixups, middle)),
		// Ahead of FallbackResource.
		server.Fixups.Last(fixMapped).Before("dir_module").Plain().When(slot.If((*config).hasMapped)),
		server.Handler.ReallyFirst(runMapped).Plain().HarmlessUnless(maps).When(slot.If((*config).hasMapped)),
		server.Handler.Named("lua-script", runScript),
		server.LogTransaction.First(harness(logTransaction, first)).When(hooked(logTransaction, first)),
	},
	DefinedOutput: func(v *directives.Server, name string) *server.OutputFilter {
		return definedFilters(v).output[server.LowerASCII(name)]
	},
	DefinedInput: func(v *directives.Server, name string) *server.InputFilter {
		return definedFilters(v).input[server.LowerASCII(name)]
	},
	Mutexes: []string{"lua-ivm-shm"},
}

var elog = server.NewLog("lua")

// notInDir is where hooks that run before a directory is known cannot stand.
const notInDir = directives.NotInDirectory | directives.NotInFiles | directives.NotInHtaccess

// phase is a phase of requests by Apache's name, as log lines have it.
type phase string

const (
	quick            phase = "quick"
	preTranslateName phase = "pre_translate_name"
	translateName    phase = "translate_name"
	mapToStorage     phase = "map_to_storage"
	accessChecker    phase = "access_checker"
	checkUserID      phase = "check_user_id"
	authChecker      phase = "auth_checker"
	typeChecker      phase = "type_checker"
	fixups           phase = "fixups"
	logTransaction   phase = "log_transaction"
)

// when is where in its phase a hook runs.
type when int8

const (
	middle when = iota
	early
	late
	first // of all modules; of the logging phase alone
)

// point is a place that scripts are hooked to.
type point struct {
	phase phase
	when  when
}

func hooked(p phase, w when) func(*directives.Conf) bool {
	return slot.If(func(c *config) bool { return len(c.hooks[point{p, w}]) > 0 })
}
