package server

import (
	"strings"

	"github.com/donjon-httpd/donjon/directives"
)

var filterlog = NewLog("core")

// AddOutputFilterNamed puts a filter that an active module offers into the
// chain (ap_add_output_filter); names are the same in any case.
func (r *Request) AddOutputFilterNamed(name string) {
	if f := outputFilter(r.Gen.Modules, r.Server, name); f != nil {
		r.AddOutputFilter(f, nil)
		return
	}
	filterlog.Error(r.Conn).Msgf("AH00082: an unknown filter was not added: %s", name)
}

// OutputFilterNamed is the filter of that name, in any case, that a module
// offers which is active in the configuration being compiled; nil when there is
// none (ap_get_output_filter_handle).
func OutputFilterNamed(cmd *directives.Cmd, name string) *OutputFilter {
	return outputFilter(ActiveModules(cmd), cmd.Server, name)
}

func outputFilter(modules []*Module, v *directives.Server, name string) *OutputFilter {
	for _, m := range modules {
		if m.DefinedOutput != nil {
			if f := m.DefinedOutput(v, name); f != nil {
				return f
			}
		}
		for _, f := range m.OutputFilters {
			if strings.EqualFold(f.Name, name) {
				return f
			}
		}
	}
	return nil
}

// AddInputFilterNamed puts a filter that an active module offers before the
// request's body (ap_add_input_filter).
func (r *Request) AddInputFilterNamed(name string) {
	for _, m := range r.Gen.Modules {
		if m.DefinedInput != nil {
			if f := m.DefinedInput(r.Server, name); f != nil {
				r.AddInputFilter(f)
				return
			}
		}
		for _, f := range m.InputFilters {
			if strings.EqualFold(f.Name, name) {
				r.AddInputFilter(f)
				return
			}
		}
	}
	filterlog.Error(r.Conn).Msgf("AH00082: an unknown filter was not added: %s", name)
}
