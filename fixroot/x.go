package fixroot

type Root struct{}

func New(d string, fix bool) Root    { return Root{} }
func (Root) Request(p string) string { return p }
