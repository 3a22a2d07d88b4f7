package server

// HookPlace is a module's hook among those of its phase: Order is Apache's
// APR_HOOK_ value.
type HookPlace struct {
	Module *Module
	Order  int
}

// HooksOf are the hooks of a phase in the order in which they run, by Apache's
// name of the phase ("translate_name"); nothing for a phase that does not exist.
func (g *Generation) HooksOf(phase string) []HookPlace {
	for p, name := range hookNames {
		if name != phase {
			continue
		}
		var list []HookPlace
		for _, h := range g.hooks[p] {
			for _, m := range g.Modules {
				if m.Name == h.module {
					list = append(list, HookPlace{m, h.order})
				}
			}
		}
		return list
	}
	return nil
}

// hookNames are Apache's names of all phases, those of a generation too.
var hookNames = func() [numPhases]string {
	names := phaseNames
	names[checkConfig], names[openLogs], names[postConfig], names[childInit] = "check_config", "open_logs", "post_config", "child_init"
	return names
}()
