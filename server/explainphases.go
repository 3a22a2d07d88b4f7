package server

import "strconv"

// The phases of a request that is explained: the same order and the same
// answers as in generation.go, with a step for each hook that had a part.

var phaseNames = [numPhases]string{
	postReadRequest: "post_read_request", quickHandler: "quick_handler", preTranslateName: "pre_translate_name",
	translateName: "translate_name", mapToStorage: "map_to_storage", postPerdirConfig: "post_perdir_config",
	headerParser: "header_parser", accessChecker: "access_checker", accessCheckerEx: "access_checker_ex",
	checkUserID: "check_user_id", authChecker: "auth_checker", typeChecker: "type_checker", fixups: "fixups",
	insertFilter: "insert_filter", insertErrorFilter: "insert_error_filter", handler: "handler",
	logTransaction: "log_transaction",
}

func answerName(s Status) string {
	switch s {
	case OK:
		return "OK"
	case Declined:
		return "DECLINED"
	case Done:
		return "DONE"
	}
	return strconv.Itoa(int(s))
}

// decidesAccess tells whether a phase is about access.
func decidesAccess(p phase) bool { return p >= accessChecker && p <= authChecker }

// hook runs a hook as a step of its own.
func (x *Explanation) hook(r *Request, p phase, h *Hook) Status {
	s := &Step{What: "hook", Module: h.module}
	x.push(r, s)
	answer := h.run(r)
	s.Answer = answerName(answer)
	keep := answer != Declined && (answer != OK || decidesAccess(p) || p == handler || p == translateName)
	x.pop(r, s, keep)
	if decidesAccess(p) && answer != Declined {
		x.Access = &Step{What: "phase", Name: phaseNames[p], Module: h.module, Answer: s.Answer}
		if lines := x.ofAccess(r, h.module); lines != nil {
			x.Access.Applied = []Applied{{Kind: "access"}}
			for _, l := range lines {
				x.Access.Applied[0].Directives = append(x.Access.Applied[0].Directives, Directive{Place: l, Module: h.module})
			}
		}
	}
	return answer
}

func (x *Explanation) phase(r *Request, p phase) *Step {
	s := &Step{What: "phase", Name: phaseNames[p]}
	x.push(r, s)
	return s
}

func (x *Explanation) first(r *Request, p phase) Status {
	s := x.phase(r, p)
	defer x.pop(r, s, false)
	hooks := r.Gen.hooksFor(r.Dir, p)
	for i := range hooks {
		if answer := x.hook(r, p, &hooks[i]); answer != Declined {
			s.Answer = answerName(answer)
			if p == mapToStorage && answer.IsError() {
				x.sections(r) // none of the later phases will
			}
			return answer
		}
	}
	return Declined
}

func (x *Explanation) all(r *Request, p phase) Status {
	if p == logTransaction {
		return OK // nothing was served
	}
	s := x.phase(r, p)
	defer x.pop(r, s, false)
	hooks := r.Gen.hooksFor(r.Dir, p)
	for i := range hooks {
		if answer := x.hook(r, p, &hooks[i]); answer != OK && answer != Declined {
			s.Answer = answerName(answer)
			return answer
		}
	}
	return OK
}

func (x *Explanation) void(r *Request, p phase) {
	s := x.phase(r, p)
	defer x.pop(r, s, false)
	hooks := r.Gen.hooksFor(r.Dir, p)
	for i := range hooks {
		inner := &Step{What: "hook", Module: hooks[i].module}
		x.push(r, inner)
		hooks[i].void(r)
		x.pop(r, inner, false)
	}
}

// handlers asks those whose answer is known to come from files and the
// configuration alone. Before one that may do more, such as running a program,
// the explanation ends.
func (x *Explanation) handlers(r *Request) Status {
	s := x.phase(r, handler)
	s.Name += " " + r.Handler
	defer x.pop(r, s, true)
	hooks := r.Gen.hooksFor(r.Dir, handler)
	for i := range hooks {
		h := &hooks[i]
		if h.name != "" && h.name != r.Handler {
			continue
		}
		x.Handler = r.Handler
		if !h.harmless && (h.harmful == nil || h.harmful(r)) {
			x.Unrun, x.Module = h.module, h.module
			x.add(&Step{What: "hook", Module: h.module, Answer: "not run"})
			return OK
		}
		before := x.Module
		x.Module = h.module
		if i == len(hooks)-1 && h.order == reallyLast {
			x.Handler = "default-handler"
		}
		if answer := x.hook(r, handler, h); answer != Declined {
			s.Answer = answerName(answer)
			return answer
		}
		x.Module = before
	}
	return Declined
}

// through attributes what changed to the filter that was at work, and makes n
// the one that is.
func (x *Explanation) through(r *Request, n *Link) {
	if c := x.current(); c != nil && c.What == "filter" {
		x.pop(r, c, false)
	}
	if n == nil {
		x.look(r)
		return
	}
	x.push(r, &Step{What: "filter", Name: n.filter.Name, Module: x.owners[n]})
}

// own remembers who put a filter into the chain.
func (x *Explanation) own(l *Link) {
	if x.owners == nil {
		x.owners = map[*Link]string{}
	}
	if c := x.current(); c != nil {
		x.owners[l] = c.Module
	}
}

// aside is a subrequest or an internal redirect: a request of its own.
func (x *Explanation) aside(r *Request, what, name string) *Step {
	s := &Step{What: what, Name: name}
	x.push(r, s)
	return s
}
