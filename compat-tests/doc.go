// Package compattests is the judge: the same configuration and the same
// requests go to the real Apache and to httpd, and the answers are compared.
//
// A case is a txtar file in cases/; README.md has the format. Apache's answers
// are recorded in the case, so that the suite also runs where Apache is not
// installed; with -live, or COMPAT_LIVE=1, Apache is run too and a recording
// that no longer holds is an error. -record writes new recordings.
package compattests
