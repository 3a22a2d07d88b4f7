package server

// LDAP is what a module for directories offers to others (the optional
// functions of mod_ldap). A module that brings it names it in [Module.LDAP].
type LDAP interface {
	// Find gives a connection for the request's use, which must be released. It is
	// opened, and its user bound, when something is asked.
	Find(r *Request, to LDAPTarget) LDAPConn
}

// LDAPTarget is a directory and who asks it.
type LDAPTarget struct {
	Hosts    string // names or addresses between blanks, each with a port or without
	Port     int    // of hosts without one
	BindDN   string // "": nobody in particular
	BindPW   string
	Deref    int // how aliases are followed, as RFC 4511 numbers it
	Security LDAPSecurity
}

// LDAPSecurity is how a connection to a directory is encrypted.
type LDAPSecurity int8

const (
	LDAPTrusted  LDAPSecurity = iota // as LDAPTrustedMode says
	LDAPClear                        // not at all
	LDAPSSL                          // from its beginning
	LDAPStartTLS                     // by StartTLS
)

// LDAPResult is the result code of an operation: RFC 4511's, or one of those below.
type LDAPResult int

const (
	LDAPSuccess            LDAPResult = 0
	LDAPCompareFalse       LDAPResult = 5
	LDAPCompareTrue        LDAPResult = 6
	LDAPNoSuchAttribute    LDAPResult = 16
	LDAPUndefinedType      LDAPResult = 17
	LDAPConstraint         LDAPResult = 19
	LDAPNoSuchObject       LDAPResult = 32
	LDAPInvalidCredentials LDAPResult = 49
	LDAPOther              LDAPResult = 80

	LDAPServerDown   LDAPResult = -1
	LDAPLocalError   LDAPResult = -2
	LDAPTimeout      LDAPResult = -5
	LDAPFilterError  LDAPResult = -7
	LDAPConnectError LDAPResult = -11
)

// LDAPSearch is where and how a user is looked for.
type LDAPSearch struct {
	URL    string // of the configuration: what is remembered belongs to it
	Base   string
	Scope  int // 1 one level, 2 all below
	Attrs  []string
	Filter string
}

// LDAPValue is the values of an attribute with "; " between; not set for none.
type LDAPValue struct {
	Text string
	Set  bool
}

// LDAPGroups is how nested groups are found.
type LDAPGroups struct {
	Attribute  string   // that holds members
	Subgroups  []string // attributes that hold groups
	Classes    []string // of entries that are groups
	Depth, Max int
}

// LDAPConn is a connection to a directory. It is used by one goroutine.
type LDAPConn interface {
	// CheckUser looks for the one entry, and whether the password is its own.
	CheckUser(s LDAPSearch, password string) (dn string, values []LDAPValue, result LDAPResult)
	// UserDN looks for the one entry.
	UserDN(s LDAPSearch) (dn string, values []LDAPValue, result LDAPResult)
	// Compare asks whether an attribute of an entry has a value.
	Compare(url, dn, attribute, value string) LDAPResult
	// CompareDN asks whether two names mean the same entry.
	CompareDN(url, dn, other string, onServer bool) LDAPResult
	// CompareSubgroups asks whether a group that the group dn holds has the value.
	CompareSubgroups(url, dn, value string, g LDAPGroups) LDAPResult
	// Reason is how the last of these ended, in words.
	Reason() string
	Release()
}

// LDAP is what the active module brings; nil without one.
func (g *Generation) LDAP() LDAP {
	for _, m := range g.Modules {
		if m.LDAP != nil {
			return m.LDAP
		}
	}
	return nil
}

func (c LDAPResult) String() string {
	if s, ok := ldapResults[c]; ok {
		return s
	}
	return "Unknown error"
}

// ldapResults are the words of ldap_err2string.
var ldapResults = map[LDAPResult]string{
	LDAPServerDown: "Can't contact LDAP server", LDAPLocalError: "Local error", LDAPTimeout: "Timed out",
	LDAPFilterError: "Bad search filter", LDAPConnectError: "Connect error",
	0: "Success", 1: "Operations error", 2: "Protocol error", 3: "Time limit exceeded", 4: "Size limit exceeded",
	5: "Compare False", 6: "Compare True", 7: "Authentication method not supported", 8: "Strong(er) authentication required",
	10: "Referral", 11: "Administrative limit exceeded", 12: "Critical extension is unavailable", 13: "Confidentiality required",
	14: "SASL bind in progress", 16: "No such attribute", 17: "Undefined attribute type", 18: "Inappropriate matching",
	19: "Constraint violation", 20: "Type or value exists", 21: "Invalid syntax", 32: "No such object", 33: "Alias problem",
	34: "Invalid DN syntax", 35: "Entry is a leaf", 36: "Alias dereferencing problem", 47: "Proxy Authorization Failure",
	48: "Inappropriate authentication", 49: "Invalid credentials", 50: "Insufficient access", 51: "Server is busy",
	52: "Server is unavailable", 53: "Server is unwilling to perform", 54: "Loop detected", 64: "Naming violation",
	65: "Object class violation", 80: "Other (e.g., implementation specific) error",
}
