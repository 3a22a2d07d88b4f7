package server

import "io"

// DavProvider is a repository of WebDAV that a module brings (dav_provider):
// mod_dav speaks the protocol, the provider keeps what it is about.
type DavProvider struct {
	Name       string // as the DAV directive says it
	Repository DavRepository
	Properties DavProperties
	Locks      DavLocks
}

// DavResource is a file or collection, there or not.
type DavResource struct {
	URI        string // its path; without a slash at the end outside of walks
	Path       string // where the repository has it
	Info       Finfo
	Exists     bool
	Collection bool
}

// DavInfinity is the Depth of that name.
const DavInfinity = -1

// DavRepository holds resources (dav_hooks_repository). What fails for members
// comes back as responses, beside an error that says so in general.
type DavRepository interface {
	// Admit answers 403 for a request that is about the repository's own files.
	Admit(*Request) Status
	// Resource is what a request is about.
	Resource(*Request) (*DavResource, *DavError)
	// Parent is the collection around a resource; nil for the root.
	Parent(*DavResource) *DavResource
	// Same tells whether both are the same file.
	Same(a, b *DavResource) bool
	// ETag is the resource's entity tag under the request's FileETag; "" for none.
	ETag(*Request, *DavResource) string
	// Open begins to write the resource; ranged keeps what is there.
	Open(res *DavResource, ranged bool) (DavStream, *DavError)
	MakeCollection(*DavResource) *DavError
	Copy(from, to *DavResource, depth int) ([]DavResponse, *DavError)
	Move(from, to *DavResource) ([]DavResponse, *DavError)
	Remove(*DavResource) ([]DavResponse, *DavError)
	// Walk visits a resource and, as depth says, what is in it.
	Walk(*DavWalk, *DavResource, int) *DavError
	// Live are the properties that the repository knows, in the order in which
	// they are listed.
	Live() []DavLiveProperty
	// LiveValue is the XML value of one of them; false where the resource has none.
	LiveValue(r *Request, res *DavResource, p DavLiveProperty) (string, bool)
	// PatchLive checks a change of a writable one and gives how to make and undo it.
	PatchLive(res *DavResource, p DavLiveProperty, value string, remove bool) (do func() (undo func(), err *DavError), err *DavError)
	// PropertySet is the URI of the set of live properties, "" for none, in brackets.
	PropertySet() string
}

// DavStream takes the content of a resource. Close without commit leaves the
// resource as it was.
type DavStream interface {
	io.WriterAt
	Close(commit bool) *DavError
	// Failed words an error of WriteAt.
	Failed(error) *DavError
}

// DavWalk says how a repository is walked through.
type DavWalk struct {
	// Visit is called for each resource; an error ends the walk.
	Visit func(*DavResource) *DavError
	// Locks, if not nil, has resources visited that are nothing but locked.
	Locks DavLockDB
	// Request is whose walk it is, for the log.
	Request *Request
}

// DavLiveProperty is one that follows from the resource.
type DavLiveProperty struct {
	Space, Name string
	Prefix      string // of its name in responses
	Writable    bool
}

// DavName is the name of a property.
type DavName struct{ Space, Name string }

// DavProperties keeps properties of clients' own (dav_hooks_propdb).
type DavProperties interface {
	// Read opens the properties of a resource; nil where it has none.
	Read(*DavResource) (DavPropertyDB, *DavError)
	// Write opens them for a change, alone; Close must follow.
	Write(*DavResource) (DavPropertyDB, *DavError)
}

// DavPropertyDB holds the properties of one resource. Values are XML in which the
// names of namespace i have the prefix ns<i>.
type DavPropertyDB interface {
	Spaces() []string
	// Map finds the numbers of namespaces, and adds those that are new.
	Map(spaces []string) ([]int, *DavError)
	// Get gives the xml:lang and the content.
	Get(DavName) (lang, value string, ok bool)
	Set(name DavName, lang, value string)
	Delete(DavName)
	Names() []DavName
	// Close ends a change; commit keeps it.
	Close(commit bool) *DavError
}

// DavResponse is a response element of a multistatus.
type DavResponse struct {
	Href      string
	Status    int    // without Propstats
	Propstats string // XML
	Spaces    string // attributes that declare namespaces
	Text      string // a description
}

// DavError is why a method fails, from the outermost description to the cause (dav_error).
type DavError struct {
	Status int
	ID     int
	Text   string
	Cause  error // of the system
	Under  *DavError
}

// Push puts a description before an error.
func (e *DavError) Push(status int, text string) *DavError {
	return &DavError{Status: status, Text: text, Under: e}
}

func (e *DavError) Error() string { return e.Text }

// Numbers of errors that are told in the log (mod_dav.h).
const (
	DavErrIfParse          = 100
	DavErrIfMultipleNot    = 101
	DavErrIfUnknownChar    = 102
	DavErrIfAbsent         = 103
	DavErrIfTagged         = 104
	DavErrIfUnclosedParen  = 105
	DavErrPropBadMajor     = 200
	DavErrPropReadonly     = 201
	DavErrPropNoDatabase   = 202
	DavErrPropOpening      = 205
	DavErrPropExec         = 206
	DavErrLockOpenDB       = 400
	DavErrLockNoDB         = 401
	DavErrLockCorruptDB    = 402
	DavErrLockUnknownToken = 403
	DavErrLockParseToken   = 404
	DavErrLockSaveLock     = 405
)

// FileETag is the entity tag of a file that is not the request's own, under
// the request's FileETag; "" for none.
func (r *Request) FileETag(f Finfo) string {
	other := Request{Dir: r.Dir, Finfo: f, Received: r.Received}
	return other.makeETag(nil)
}
