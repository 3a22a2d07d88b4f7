package include

// The elements of conditions. nesting counts those that stand inside of what is
// skipped anyway, which are only counted.

// warn logs with the level of a mistake in what is shown, or in what is skipped.
func (d *document) warn(skipped bool, format string, args ...any) {
	if skipped {
		elog.Warn(d.r).Msgf(format, args...)
		return
	}
	elog.Error(d.r).Msgf(format, args...)
}

func doIf(d *document) {
	if d.argc > 1 {
		d.warn(!d.printing, "AH01352: too many arguments for if element in %s", d.r.Filename)
	} else if d.argc == 0 {
		d.warn(!d.printing, "AH01353: missing expr argument for if element in %s", d.r.Filename)
	}
	if !d.printing {
		d.nesting++
		return
	}
	if d.argc != 1 {
		d.Fail()
		d.skipAll()
		return
	}
	name, text, ok := d.raw()
	switch {
	case name != "expr":
		d.errorHere("AH01354: unknown parameter \"%s\" to tag if in %s", name, d.r.Filename)
		d.skipAll()
		return
	case !ok:
		d.errorHere("AH01355: missing expr value for if element in %s", d.r.Filename)
		d.skipAll()
		return
	}
	if d.decide(text) {
		d.nesting, d.unread = 0, false
	}
}

// skipAll is what a condition that cannot be read comes to: nothing is shown up
// to an elif that holds, and else changes nothing any more (observed on 2.4.71).
func (d *document) skipAll() { d.printing, d.held, d.unread = false, false, true }

// decide evaluates a condition; false when that cannot be done.
func (d *document) decide(text string) bool {
	eval := d.evaluate
	if d.conf.legacy.Else(false) {
		eval = d.evaluateLegacy
	}
	holds, ok := eval(text)
	if !ok {
		d.Fail()
		d.skipAll()
		return false
	}
	d.printing, d.held = holds, holds
	return true
}

func doElif(d *document) {
	if d.argc > 1 {
		d.warn(d.nesting > 0, "AH01356: too many arguments for if element in %s", d.r.Filename)
	} else if d.argc == 0 {
		d.warn(d.nesting > 0, "AH01357: missing expr argument for if element in %s", d.r.Filename)
	}
	if d.nesting > 0 {
		return
	}
	if d.argc != 1 {
		d.Fail()
		d.skipAll()
		return
	}
	name, text, ok := d.raw()
	switch {
	case name != "expr":
		d.errorHere("AH01358: unknown parameter \"%s\" to tag if in %s", name, d.r.Filename)
		d.skipAll()
	case !ok:
		d.errorHere("AH01359: missing expr in elif statement: %s", d.r.Filename)
		d.skipAll()
	case d.held:
		d.printing = false
	default:
		d.decide(text)
	}
}

func doElse(d *document) {
	if d.argc > 0 {
		d.warn(d.nesting > 0, "AH01360: else directive does not take tags in %s", d.r.Filename)
	}
	switch {
	case d.nesting > 0:
	case d.argc > 0:
		if d.printing {
			d.Fail()
		}
	case d.unread:
	case d.held:
		d.printing = false
	default:
		d.printing, d.held = true, true
	}
}

func doEndif(d *document) {
	if d.argc > 0 {
		d.warn(d.nesting > 0, "AH01361: endif directive does not take tags in %s", d.r.Filename)
	}
	switch {
	case d.nesting > 0:
		d.nesting--
	case d.argc > 0:
		d.Fail()
	default:
		d.printing, d.held, d.unread = true, true, false
	}
}
