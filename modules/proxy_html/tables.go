package proxy_html

import (
	"strconv"
	"strings"
)

// element is what HTML 4.01's document type says of an element, as libxml2 has it.
type element struct {
	empty      bool // has no end tag
	deprecated bool
	required   []string // attributes that it must have
	optional   []string // attributes of the strict document type
	former     []string // attributes of the transitional one alone
}

var words = strings.Fields

// common are the attributes that almost every element may have.
const common = "id class style title lang dir onclick ondblclick onmousedown onmouseup onmouseover onmouseout onkeypress onkeydown onkeyup"

var elements = map[string]element{
	"a":          {former: words("target"), optional: words(common + " charset type name href hreflang rel rev accesskey shape coords tabindex onfocus onblur")},
	"abbr":       {optional: words(common)},
	"acronym":    {optional: words(common)},
	"address":    {optional: words(common)},
	"applet":     {deprecated: true, former: words("id class style title codebase archive alt name height width align hspace vspace")},
	"area":       {empty: true, required: words("alt"), former: words("target"), optional: words("shape coords href nohref tabindex accesskey onfocus onblur")},
	"b":          {optional: words(common)},
	"base":       {empty: true, required: words("href"), former: words("target")},
	"basefont":   {empty: true, deprecated: true, former: words("id size color face")},
	"bdo":        {required: words("dir"), optional: words("id class style title lang dir")},
	"big":        {optional: words(common)},
	"blockquote": {optional: words(common + " cite")},
	"body":       {former: words("background bgcolor text link vlink alink"), optional: words(common + " onload onunload")},
	"br":         {empty: true, former: words("clear"), optional: words("id class style title")},
	"button":     {optional: words(common + " name value type disabled tabindex accesskey onfocus onblur")},
	"caption":    {optional: words(common)},
	"center":     {deprecated: true, former: words(common)},
	"cite":       {optional: words(common)},
	"code":       {optional: words(common)},
	"col":        {empty: true, optional: words(common + " span width align char charoff valign")},
	"colgroup":   {optional: words(common + " span width align char charoff valign")},
	"dd":         {optional: words(common)},
	"del":        {optional: words(common + " datetime cite")},
	"dfn":        {optional: words(common)},
	"dir":        {deprecated: true, former: words(common + " compact")},
	"div":        {former: words("align"), optional: words(common)},
	"dl":         {former: words("compact"), optional: words(common)},
	"dt":         {optional: words(common)},
	"em":         {optional: words(common)},
	"embed":      {deprecated: true, optional: words("id class style title align alt border code codebase frameborder height hidden hspace name palette pluginspace pluginurl src type units vspace width")},
	"fieldset":   {optional: words(common)},
	"font":       {deprecated: true, former: words("id class style title lang dir size color face")},
	"form":       {required: words("action"), former: words("target"), optional: words(common + " method enctype accept name onsubmit onreset accept-charset")},
	"frame":      {empty: true, former: words("id class style title longdesc name src frameborder marginwidth marginheight noresize scrolling")},
	"frameset":   {former: words("id class style title rows cols onload onunload")},
	"h1":         {former: words("align"), optional: words(common)},
	"h2":         {former: words("align"), optional: words(common)},
	"h3":         {former: words("align"), optional: words(common)},
	"h4":         {former: words("align"), optional: words(common)},
	"h5":         {former: words("align"), optional: words(common)},
	"h6":         {former: words("align"), optional: words(common)},
	"head":       {optional: words("lang dir profile")},
	"hr":         {empty: true, former: words("align noshade size width"), optional: words(common)},
	"html":       {former: words("version"), optional: words("lang dir")},
	"i":          {optional: words(common)},
	"iframe":     {former: words("id class style title longdesc name src frameborder marginwidth marginheight scrolling align height width")},
	"img":        {empty: true, required: words("src alt"), former: words("align"), optional: words(common + " longdesc name height width usemap ismap")},
	"input":      {empty: true, former: words("align"), optional: words(common + " type name value checked disabled readonly size maxlength src alt usemap ismap tabindex accesskey onfocus onblur onselect onchange accept")},
	"ins":        {optional: words(common + " datetime cite")},
	"isindex":    {empty: true, deprecated: true, former: words("id class style title lang dir prompt")},
	"kbd":        {optional: words(common)},
	"label":      {optional: words(common + " for accesskey onfocus onblur")},
	"legend":     {former: words("align"), optional: words(common + " accesskey")},
	"li":         {optional: words(common)},
	"link":       {empty: true, former: words("target"), optional: words(common + " charset href hreflang type rel rev media")},
	"map":        {required: words("name"), optional: words(common)},
	"menu":       {deprecated: true, former: words(common + " compact")},
	"meta":       {empty: true, required: words("content"), optional: words("lang dir http-equiv name scheme charset")},
	"noframes":   {optional: words(common)},
	"noscript":   {optional: words(common)},
	"object":     {former: words("align border hspace vspace"), optional: words(common + " declare classid codebase data type codetype archive standby height width usemap name tabindex")},
	"ol":         {former: words("type compact start"), optional: words(common)},
	"optgroup":   {required: words("label"), optional: words(common + " disabled")},
	"option":     {optional: words(common + " disabled label selected value")},
	"p":          {former: words("align"), optional: words(common)},
	"param":      {empty: true, required: words("name"), optional: words("id value valuetype type")},
	"pre":        {former: words("width"), optional: words(common)},
	"q":          {optional: words(common + " cite")},
	"s":          {deprecated: true, former: words(common)},
	"samp":       {optional: words(common)},
	"script":     {required: words("type"), former: words("language"), optional: words("charset src defer event for")},
	"select":     {optional: words(common + " name size multiple disabled tabindex onfocus onblur onchange")},
	"small":      {optional: words(common)},
	"span":       {optional: words(common)},
	"strike":     {deprecated: true, former: words(common)},
	"strong":     {optional: words(common)},
	"style":      {required: words("type"), optional: words("lang dir media title")},
	"sub":        {optional: words(common)},
	"sup":        {optional: words(common)},
	"table":      {former: words("align bgcolor"), optional: words(common + " summary width border frame rules cellspacing cellpadding datapagesize")},
	"tbody":      {optional: words(common + " align char charoff valign")},
	"td":         {former: words("nowrap bgcolor width height"), optional: words(common + " abbr axis headers scope rowspan colspan align char charoff valign")},
	"textarea":   {required: words("rows cols"), optional: words(common + " name disabled readonly tabindex accesskey onfocus onblur onselect onchange")},
	"tfoot":      {optional: words(common + " align char charoff valign")},
	"th":         {former: words("nowrap bgcolor width height"), optional: words(common + " abbr axis headers scope rowspan colspan align char charoff valign")},
	"thead":      {optional: words(common + " align char charoff valign")},
	"title":      {optional: words("lang dir")},
	"tr":         {former: words("bgcolor"), optional: words(common + " align char charoff valign")},
	"tt":         {optional: words(common)},
	"u":          {deprecated: true, former: words(common)},
	"ul":         {former: words("type compact"), optional: words(common)},
	"var":        {optional: words(common)},
}

// closedBy says which elements a start tag ends when they are the innermost.
var closedBy = func() map[string][]string {
	m := map[string][]string{}
	for _, row := range [][2]string{
		{"a", "a head"},
		{"abbr acronym b bdo big br cite code dfn em font i iframe img kbd map q s samp small span strike strong sub sup tt u var", "head"},
		{"address menu ol pre", "head p ul"},
		{"blockquote dir div h1 h2 h3 h4 h5 h6 hr listing xmp", "head p"},
		{"body frameset", "head link p style title"},
		{"caption head title", "p"},
		{"center", "b font head i p"},
		{"col", "caption col p"},
		{"colgroup", "caption col colgroup p"},
		{"dd dl", "address dir dt head listing menu p pre xmp"},
		{"dt", "address dd dir head listing menu p pre xmp"},
		{"fieldset", "a h1 h2 h3 h4 h5 h6 head legend listing p pre xmp"},
		{"form", "address dir dl form h1 h2 h3 h4 h5 h6 head hr listing menu ol p pre ul xmp"},
		{"li", "address dl h1 h2 h3 h4 h5 h6 head li listing p pre xmp"},
		{"noscript", "script"},
		{"optgroup option", "option"},
		{"p", "b big h1 h2 h3 h4 h5 h6 head i p s small strike tt u"},
		{"table", "a h1 h2 h3 h4 h5 h6 head listing p pre xmp"},
		{"tbody", "caption col colgroup p tbody td tfoot th thead tr"},
		{"td th", "a b font i p span td th u"},
		{"tfoot", "caption col colgroup p tbody td th thead tr"},
		{"thead", "caption col colgroup"},
		{"tr", "caption col colgroup p td th tr"},
		{"ul", "address dir head listing menu ol p pre xmp"},
	} {
		for _, name := range words(row[0]) {
			m[name] = words(row[1])
		}
	}
	return m
}()

// entities are the names of characters in HTML 4.01, and apos.
var entities = func() map[string]rune {
	list := words(`
quot 34 amp 38 apos 39 lt 60 gt 62 nbsp 160 iexcl 161 cent 162 pound 163 curren 164 yen 165 brvbar 166
sect 167 uml 168 copy 169 ordf 170 laquo 171 not 172 shy 173 reg 174 macr 175 deg 176 plusmn 177 sup2 178
sup3 179 acute 180 micro 181 para 182 middot 183 cedil 184 sup1 185 ordm 186 raquo 187 frac14 188
frac12 189 frac34 190 iquest 191 Agrave 192 Aacute 193 Acirc 194 Atilde 195 Auml 196 Aring 197 AElig 198
Ccedil 199 Egrave 200 Eacute 201 Ecirc 202 Euml 203 Igrave 204 Iacute 205 Icirc 206 Iuml 207 ETH 208
Ntilde 209 Ograve 210 Oacute 211 Ocirc 212 Otilde 213 Ouml 214 times 215 Oslash 216 Ugrave 217 Uacute 218
Ucirc 219 Uuml 220 Yacute 221 THORN 222 szlig 223 agrave 224 aacute 225 acirc 226 atilde 227 auml 228
aring 229 aelig 230 ccedil 231 egrave 232 eacute 233 ecirc 234 euml 235 igrave 236 iacute 237 icirc 238
iuml 239 eth 240 ntilde 241 ograve 242 oacute 243 ocirc 244 otilde 245 ouml 246 divide 247 oslash 248
ugrave 249 uacute 250 ucirc 251 uuml 252 yacute 253 thorn 254 yuml 255 OElig 338 oelig 339 Scaron 352
scaron 353 Yuml 376 fnof 402 circ 710 tilde 732 Alpha 913 Beta 914 Gamma 915 Delta 916 Epsilon 917
Zeta 918 Eta 919 Theta 920 Iota 921 Kappa 922 Lambda 923 Mu 924 Nu 925 Xi 926 Omicron 927 Pi 928 Rho 929
Sigma 931 Tau 932 Upsilon 933 Phi 934 Chi 935 Psi 936 Omega 937 alpha 945 beta 946 gamma 947 delta 948
epsilon 949 zeta 950 eta 951 theta 952 iota 953 kappa 954 lambda 955 mu 956 nu 957 xi 958 omicron 959
pi 960 rho 961 sigmaf 962 sigma 963 tau 964 upsilon 965 phi 966 chi 967 psi 968 omega 969 thetasym 977
upsih 978 piv 982 ensp 8194 emsp 8195 thinsp 8201 zwnj 8204 zwj 8205 lrm 8206 rlm 8207 ndash 8211
mdash 8212 lsquo 8216 rsquo 8217 sbquo 8218 ldquo 8220 rdquo 8221 bdquo 8222 dagger 8224 Dagger 8225
bull 8226 hellip 8230 permil 8240 prime 8242 Prime 8243 lsaquo 8249 rsaquo 8250 oline 8254 frasl 8260
euro 8364 image 8465 weierp 8472 real 8476 trade 8482 alefsym 8501 larr 8592 uarr 8593 rarr 8594
darr 8595 harr 8596 crarr 8629 lArr 8656 uArr 8657 rArr 8658 dArr 8659 hArr 8660 forall 8704 part 8706
exist 8707 empty 8709 nabla 8711 isin 8712 notin 8713 ni 8715 prod 8719 sum 8721 minus 8722 lowast 8727
radic 8730 prop 8733 infin 8734 ang 8736 and 8743 or 8744 cap 8745 cup 8746 int 8747 there4 8756 sim 8764
cong 8773 asymp 8776 ne 8800 equiv 8801 le 8804 ge 8805 sub 8834 sup 8835 nsub 8836 sube 8838 supe 8839
oplus 8853 otimes 8855 perp 8869 sdot 8901 lceil 8968 rceil 8969 lfloor 8970 rfloor 8971 lang 9001
rang 9002 loz 9674 spades 9824 clubs 9827 hearts 9829 diams 9830`)
	m := make(map[string]rune, len(list)/2)
	for i := 0; i < len(list); i += 2 {
		n, err := strconv.Atoi(list[i+1])
		if err != nil {
			panic(err)
		}
		m[list[i]] = rune(n)
	}
	return m
}()
