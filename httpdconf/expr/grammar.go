package expr

// The grammar, after util_expr_parse.y. Of the operators, "or" binds loosest,
// then "and", then "not"; all of one kind associate, so lists serve.

type condition struct {
	Or *orExpr `parser:"@@"`
}

type orExpr struct {
	Terms []*andExpr `parser:"@@ ( Or @@ )*"`
}

type andExpr struct {
	Terms []*notExpr `parser:"@@ ( And @@ )*"`
}

type notExpr struct {
	Not  *notExpr `parser:"  Not @@"`
	Test *test    `parser:"| @@"`
}

type test struct {
	True  bool        `parser:"  @True"`
	False bool        `parser:"| @False"`
	Group *orExpr     `parser:"| '(' @@ ')'"`
	Unary *unary      `parser:"| @@"`
	Comp  *comparison `parser:"| @@"`
}

type unary struct {
	Op  string `parser:"@Unary"`
	Arg *word  `parser:"@@"`
}

type comparison struct {
	Left  *word  `parser:"@@"`
	Op    string `parser:"(  @( Compare | Binary )"`
	Right *word  `parser:"   @@"`
	In    *list  `parser:" | In @@"`
	Match string `parser:" | @Match"`
	Regex *regex `parser:"   @@ )"`
}

type list struct {
	Call  *call   `parser:"  @@"`
	Words []*word `parser:"| '{' @@ ( ',' @@ )* '}'"`
}

type regex struct {
	Fold  *string `parser:"  @RegexFold"`
	Plain *string `parser:"| @Regex"`
}

type word struct {
	Atoms []*atom `parser:"@@ ( '.' @@ )*"`
}

type atom struct {
	Digits *string   `parser:"  @Digits"`
	Var    *variable `parser:"| @@"`
	Ref    *string   `parser:"| @Backref"`
	Call   *call     `parser:"| @@"`
	Quoted *quoted   `parser:"| @@"`
}

type call struct {
	Name string `parser:"@Ident '('"`
	Arg  *word  `parser:"@@ ')'"`
}

type quoted struct {
	Parts []*part `parser:"StrBegin @@* StrEnd"`
}

type text struct {
	Parts []*part `parser:"@@+"`
}

type part struct {
	Text *string   `parser:"  @String"`
	Var  *variable `parser:"| @@"`
	Ref  *string   `parser:"| @Backref"`
}

type variable struct {
	Name string  `parser:"VarBegin @Ident"`
	Func bool    `parser:"( @':'"`
	Arg  []*part `parser:"  @@+ )? VarEnd"`
}
